"""The page about a sweep: curves, what the seeds have reached together and each for itself, and the commands."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hrl.report.document import document, embedded, facts, picture, table, text
from hrl.report.sweep_markdown import HELD_OUT_HEADS, held_out_rows, sweep_command
from hrl.results.curve_figure import AUTO, choose_statistic, curve_figure
from hrl.results.curves import Group
from hrl.results.over_seeds import SeedOutcome, figures, headlines, outcomes, with_interval
from hrl.results.sweep_record import SweepRecord, read_sweep, run_folder, sweep_groups
from hrl_core.statistics import STATISTICS, wilson_interval
from hrl_core.wording import counted

Reached = Mapping[str, Sequence[SeedOutcome]]
"""By the name of a combination."""
_UNKNOWN = "-"
_COLUMNS = ("combination", "seeds", "mean [95 %]", "median [95 %]", "IQM [95 %]", "worst", "best")
_NOTE = (
    "IQM: interquartile mean over seeds; in brackets 95 % stratified bootstrap intervals (2,000 resamples; definitions "
    "of rliable, arXiv 2108.13264). Runs that have not come to their end are left out."
)
_FLATTERS = (
    "The best policy of each run is chosen by these very episodes, so its figures flatter: hrl evaluate measures it on "
    "episodes that chose nothing."
)


def sweep_page(folder: Path) -> str:
    """Return the whole page.

    Raises:
        HrlError: a file of the sweep is damaged, or none of its runs has been evaluated yet.
    """
    record, groups = read_sweep(folder), sweep_groups(folder)
    headline = headlines(groups)
    evaluated = [group for group in groups if group.runs]
    reached = {group.label: outcomes(group) for group in groups}
    task = ", ".join(dict.fromkeys(group.runs[0].config["task"] for group in evaluated))
    varied = ", ".join(f"{name} = {', '.join(values)}" for name, values in record.sets.items())
    statistic = choose_statistic(AUTO, evaluated)
    image = embedded(curve_figure(evaluated, statistic=statistic))
    parts = [
        f"<h1>{text(task)}: {counted(len(groups), 'combination')}, {counted(len(record.seeds), 'seed')} each</h1>",
        f'<p class="small">{text(folder)}{text("; " + varied if varied else "")}</p>',
        _facts(record, reached),
        "<h2>Evaluations while training</h2>",
        picture(image, "curves over environment steps", "As far as every run of a combination has come."),
        f"<h2>Last policies: {text(headline)}</h2>",
        _over_seeds(record, reached, "last"),
        f'<p class="small">{_NOTE}</p>',
        f"<h2>Best policies: {text(headline)}</h2>",
        _over_seeds(record, reached, "best"),
        f'<p class="small">{_FLATTERS}</p>',
        *_held_out(groups),
        "<h2>Runs</h2>",
        _runs(reached),
        "<h2>Commands</h2>",
        _commands(folder, record, groups),
    ]
    return document(f"{task} sweep", parts)


def _facts(record: SweepRecord, reached: Reached) -> str:
    every = [one for several in reached.values() for one in several]
    finished = sum(one.finished for one in every)
    named = {
        "runs at their end": f"{finished} of {len(reached) * len(record.seeds)}",
        "environment steps": f"{sum(one.env_steps for one in every):,}",
        "processor time": f"{sum(one.cpu_minutes for one in every):,.0f} min",
    }
    return facts(named)


def _over_seeds(record: SweepRecord, reached: Reached, which: str) -> str:
    return table(_COLUMNS, (_row(record, label, several, which) for label, several in reached.items()))


def _row(record: SweepRecord, label: str, several: Sequence[SeedOutcome], which: str) -> list[str]:
    scores = [getattr(one, which) for one in several if one.finished]
    seeds = f"{len(scores)}" if len(scores) == len(record.seeds) else f"{len(scores)} of {len(record.seeds)}"
    if not scores:
        return [text(label), seeds, *[_UNKNOWN] * (len(_COLUMNS) - 2)]
    found = figures(scores)
    told = (with_interval(found, name) for name in STATISTICS)
    return [text(label), seeds, *told, _number(found.worst), _number(found.best)]


def _held_out(groups: Sequence[Group]) -> Iterator[str]:
    rows = [row for group in groups for row in held_out_rows(group)]
    if rows:
        yield "<h2>Held-out episodes</h2>"
        yield table(HELD_OUT_HEADS, ([text(cell) for cell in row] for row in rows))


def _runs(reached: Reached) -> str:
    head = ("combination", "seed", "last", "best", "episodes", "environment steps", "processor time [min]", "end")
    rows = (_run(label, one) for label, several in reached.items() for one in several)
    return table(head, rows) + '<p class="small">In brackets Wilson\'s 95 % interval over the episodes of a run.</p>'


def _run(label: str, one: SeedOutcome) -> list[str]:
    end = '<span class="good">reached</span>' if one.finished else '<span class="bad">not yet</span>'
    counts = (str(one.episodes), f"{one.env_steps:,}", f"{one.cpu_minutes:.1f}")
    return [text(label), str(one.seed), *_scores(one), *counts, end]


def _scores(one: SeedOutcome) -> Iterator[str]:
    for score in (one.last, one.best):
        if one.headline.is_share and one.episodes:
            low, high = wilson_interval(score, one.episodes)
            yield f"{_number(score)} [{max(0.0, low):.2f}, {min(1.0, high):.2f}]"
        else:
            yield _number(score)


def _commands(folder: Path, record: SweepRecord, groups: Sequence[Group]) -> str:
    whole = sweep_command(record, str(folder), groups)
    each = (
        shlex.join(["hrl", "train", *record.words(one, seed), "--out", str(run_folder(folder, one, seed))])
        for seed in record.seeds
        for one in record.combinations
    )
    return f"<p>All of it:</p>{_code([whole])}<p>or run by run:</p>{_code(each)}"


def _code(lines: Iterable[str]) -> str:
    return f"<pre>{text(chr(10).join(lines))}</pre>"


def _number(value: float) -> str:
    return f"{value:.3g}"
