"""Write docs/results_over_seeds.md, its pictures and a table in docs/results.md anew: `make results`.

All of it is made of the sweeps below docs/results/sweeps. `make results SWEEPS="runs/maze runs/push"` takes these
sweeps in first: their small files, not their policies. Nothing on the page is written by hand but what stands in
`about.md` of a sweep's folder, and nothing of docs/results.md is touched but what lies between two comments.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt

from hrl.policies.provenance import PROVENANCE
from hrl.report.sweep_markdown import ABOUT, NOTE, OVERVIEW_HEADS, overview_row, sweep_command, sweep_section
from hrl.results.curve_figure import AUTO, choose_statistic, curve_figure
from hrl.results.held_out_record import HELD_OUT
from hrl.results.markdown import table
from hrl.results.sweep_record import SWEEP, is_sweep, read_sweep, run_folder, sweep_groups
from hrl_core.documents import MOST_TEXT, read_text
from hrl_core.errors import HrlError
from hrl_core.training.run_names import CONFIG, METRICS

DOCS = Path(__file__).resolve().parents[1] / "docs"
SWEEPS = Path("results") / "sweeps"
PAGE, PICTURES = Path("results_over_seeds.md"), Path("images")
RESULTS, BEGIN, END = Path("results.md"), "<!-- over seeds: begin -->", "<!-- over seeds: end -->"
KEPT = (CONFIG, METRICS, PROVENANCE, HELD_OUT)
"""Files of a run that the page is made of."""
HEAD = f"""# Results over seeds

Made by `make results` from the folders in [results/sweeps](results/sweeps), each taken in with
`make results SWEEPS=runs/NAME`; not to be edited.
What single runs have come to stands in [results.md](results.md), how a sweep is made in [sweeps.md](sweeps.md).

{NOTE}
"""


OVER_SEEDS = f"""## Over seeds

One row for each combination of each sweep, made by `make results` from [results/sweeps](results/sweeps): held-out
episodes at the first evaluation goal alone, in brackets 95 % bootstrap intervals over seeds (of three seeds their
range), processor time of all seeds together.
Every goal, every seed, curves and what is to be said of them: [results over seeds]({PAGE}).
"""


def main(words: Sequence[str] | None = None) -> int:
    """Take sweeps in and write the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", type=Path, help="folders of sweeps to take in")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of the page (default: docs)")
    options = parser.parse_args(words)
    try:
        for sweep in options.sweeps:
            take_in(sweep, options.docs / SWEEPS / sweep.resolve().name)
        write_page(options.docs)
        write_overview(options.docs)
    except HrlError as error:
        print(f"hrl: {error}", file=sys.stderr)
        return 2
    return 0


def take_in(sweep: Path, place: Path) -> None:
    """Copy what the page needs of a sweep.

    Raises:
        HrlError: it is none.
    """
    if not is_sweep(sweep):
        raise HrlError(f"{sweep} is not the folder of a sweep: it has no {SWEEP}")
    record = read_sweep(sweep)
    _copy(sweep, place, (SWEEP, ABOUT))
    for combination in record.combinations:
        for seed in record.seeds:
            _copy(run_folder(sweep, combination, seed), run_folder(place, combination, seed), KEPT)


def write_page(docs: Path) -> None:
    """Write page and pictures of all sweeps that have been taken in, by name."""
    parts = [HEAD]
    for sweep in _sweeps(docs):
        section = sweep_section(sweep, f"runs/{sweep.name}")
        heading, rest = section.split("\n", 1)
        parts.append(f"{heading}\n\n![Curves over environment steps]({_picture(docs, sweep)})\n{rest}")
    (docs / PAGE).write_text("\n".join(parts))


def write_overview(docs: Path) -> None:
    """Write the table of all sweeps between two comments of docs/results.md.

    Raises:
        HrlError: the page is missing, or the comments in it.
    """
    page = read_text(docs / RESULTS, MOST_TEXT)
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise HrlError(f"{docs / RESULTS} lacks the comments {BEGIN} and {END}")
    (docs / RESULTS).write_text(f"{before}{BEGIN}\n\n{overview(docs)}\n\n{END}{after}")


def overview(docs: Path) -> str:
    """A row for each combination of each sweep, and the commands."""
    rows, commands = list[list[str]](), list[str]()
    for sweep in _sweeps(docs):
        record, groups = read_sweep(sweep), sweep_groups(sweep)
        title, varied = sweep.name.replace("_", " "), bool(record.sets)
        link = f"[{title}]({PAGE}#{title.replace(' ', '-')})"
        rows += [overview_row(group, f"{link}, {group.label}" if varied else link) for group in groups if group.runs]
        commands.append(sweep_command(record, f"runs/{sweep.name}", groups))
    listed = "\n".join(commands)
    return f"{OVER_SEEDS}\n{table(OVERVIEW_HEADS, rows)}\n\n```bash\n{listed}\n```"


def _sweeps(docs: Path) -> list[Path]:
    return sorted(path for path in (docs / SWEEPS).glob("*") if is_sweep(path))


def _picture(docs: Path, sweep: Path) -> Path:
    groups = [group for group in sweep_groups(sweep) if group.runs]
    figure = curve_figure(groups, statistic=choose_statistic(AUTO, groups))
    path = PICTURES / f"sweep_{sweep.name}.png"
    (docs / PICTURES).mkdir(parents=True, exist_ok=True)
    # Without the version of the library, the same runs make the same file.
    figure.savefig(docs / path, dpi=70, metadata={"Software": None})
    plt.close(figure)
    return path


def _copy(source: Path, place: Path, names: Sequence[str]) -> None:
    there = [name for name in names if (source / name).is_file()]
    if there:
        place.mkdir(parents=True, exist_ok=True)
    for name in there:
        shutil.copyfile(source / name, place / name)


if __name__ == "__main__":
    sys.exit(main())
