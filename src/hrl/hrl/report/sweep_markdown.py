"""What a sweep has come to, in Markdown: figures over seeds of held-out episodes, every run, the command."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hrl.policies.provenance import PROVENANCE
from hrl.results.curves import Group, Run
from hrl.results.held_out_record import AtGoal, HeldOut, read_held_out, same_goals
from hrl.results.markdown import table
from hrl.results.over_seeds import SeedOutcome, figures, outcomes, with_interval
from hrl.results.sweep_record import SweepRecord, read_sweep, sweep_groups
from hrl.seed import tell_seeds
from hrl_core.documents import MOST_JSON, MOST_TEXT, read_json, read_limited, read_text
from hrl_core.statistics import STATISTICS, wilson_interval

ABOUT = "about.md"
"""What people say about a sweep, in its folder."""
HELD_OUT_HEADS = ("", "policy", "goal", "each seed", "mean [95 %]", "median [95 %]", "IQM [95 %]")
OVERVIEW_HEADS = ("sweep", "seeds", "steps", "mean over seeds of", "best", "last", "CPU min", "commit")
_RUNS = ("", "seed", "best, held out", "last, held out", "steps, best / last", "CPU min", "commit")
_UNKNOWN = "-"
_COMMIT = 7
"""Letters of a commit that are shown."""
NOTE = (
    "Each policy is examined by held-out episodes, which chose nothing: neither switches nor which policy is the best "
    "one. Success counts at the last step. IQM: interquartile mean over seeds; in brackets 95 % bootstrap intervals "
    "over seeds (definitions of rliable, arXiv 2108.13264), which of three seeds are no more than the range from the "
    "least to the greatest; of each run Wilson's over its episodes."
)


def sweep_section(folder: Path, command_folder: str = "") -> str:
    """The section, which begins with a heading of the second level.

    Args:
        folder: of the sweep.
        command_folder: what the command says after ``--out``; empty: ``folder``.

    Raises:
        HrlError: a file of the sweep is damaged.
    """
    record, groups = read_sweep(folder), sweep_groups(folder)
    about = folder / ABOUT
    parts = [f"## {folder.name.replace('_', ' ')}", read_text(about, MOST_TEXT).strip() if about.is_file() else ""]
    over_all = [row for group in groups for row in held_out_rows(group)]
    parts += [table(HELD_OUT_HEADS, over_all)] if over_all else []
    parts += [table(_RUNS, (_run(group.label, *each) for group in groups for each in _examined(group)))]
    parts += [f"```bash\n{sweep_command(record, command_folder or str(folder), groups)}\n```"]
    return "\n\n".join(filter(None, parts)) + "\n"


def overview_row(group: Group, link: str) -> list[str]:
    """A combination in one row: both policies at the first goal, and what all of its seeds have cost.

    Args:
        group: its runs.
        link: to more about it, in Markdown.
    """
    examined = _examined(group)
    seeds = ", ".join(str(outcome.seed) for _, outcome, _ in examined) or _UNKNOWN
    steps = _one_of_each(_thousands(outcome.env_steps) for _, outcome, _ in examined)
    minutes = sum(outcome.cpu_minutes for _, outcome, _ in examined)
    commits = _one_of_each(_commits(run.folder) for run, _, _ in examined)
    return [link, seeds, steps, *_first_goal([known for _, _, known in examined if known]), f"{minutes:.1f}", commits]


def _first_goal(known: Sequence[HeldOut]) -> tuple[str, str, str]:
    """What policies are judged by at the first goal, and how good best and last ones are: mean and interval."""
    scores: dict[str, str] = {}
    title = _UNKNOWN
    for policy in known[0].policies if known else ():
        goals = same_goals([one.policies[policy] for one in known])
        if goals:
            title, reached = goals[0]
            scores[policy] = with_interval(figures([at.score for at in reached]), "mean")
    return title, scores.get("best", _UNKNOWN), scores.get("last", _UNKNOWN)


def _one_of_each(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words)) or _UNKNOWN


def sweep_command(record: SweepRecord, folder: str, groups: Sequence[Group] = ()) -> str:
    """The command that makes a sweep, and examines it as those of its runs were that have been."""
    sets = (word for name, values in record.sets.items() for word in ("--set", f"{name}={','.join(values)}"))
    episodes = {known.episodes for group in groups for run in group.runs if (known := read_held_out(run.folder))}
    held_out = ("--held_out", str(max(episodes))) if episodes else ()
    ours = (*sets, "--seeds", tell_seeds(record.seeds), *held_out, "--out", folder)
    return shlex.join(["hrl", "sweep", *record.options, *ours])


def held_out_rows(group: Group) -> Iterator[list[str]]:
    """Both policies at each goal: every seed, and all together; nothing of runs that have not been examined."""
    known = [known for _, _, known in _examined(group) if known]
    for policy in known[0].policies if known else ():
        for goal, reached in same_goals([one.policies[policy] for one in known]):
            scores = [at.score for at in reached]
            each = " ".join(f"{score:.3g}" for score in scores)
            found = figures(scores)
            yield [group.label, policy, goal, each, *(with_interval(found, name) for name in STATISTICS)]


def _examined(group: Group) -> list[tuple[Run, SeedOutcome, HeldOut | None]]:
    found = zip(group.runs, outcomes(group) if group.runs else [], strict=True)
    return [(run, outcome, read_held_out(run.folder)) for run, outcome in found]


def _run(label: str, run: Run, outcome: SeedOutcome, known: HeldOut | None) -> list[str]:
    policies = list(known.policies.values()) if known else []
    scores = [_with_wilson(one.goals[0]) for one in policies] or [_UNKNOWN] * 2
    steps = " / ".join(_thousands(one.env_steps) for one in policies) or _thousands(outcome.env_steps)
    return [label, str(outcome.seed), *scores, steps, f"{outcome.cpu_minutes:.1f}", _commits(run.folder)]


def _with_wilson(at: AtGoal) -> str:
    if at.success_rate is None or at.groups:
        return f"{at.score:.3g}"
    low, high = wilson_interval(at.success_rate, at.episodes)
    return f"{at.success_rate:.3f} ({low:.3f} to {high:.3f})"


def _commits(run: Path) -> str:
    """Of every start of a run; a run may go on with other code."""
    path = run / PROVENANCE
    starts = read_json(read_limited(path, MOST_JSON), str(path)).data if path.is_file() else []
    commits = (str(start.get("git_commit", "")) for start in starts if isinstance(start, Mapping))
    short = (commit[:_COMMIT] + ("-dirty" if commit.endswith("-dirty") else "") for commit in commits if commit)
    return ", ".join(dict.fromkeys(short)) or _UNKNOWN


def _thousands(steps: int) -> str:
    return f"{steps / 1000:g} k"
