"""``hrl report``: one self-contained page about a recording or a sweep."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from hrl.results.lines import tell
from hrl.results.sweep_record import is_sweep
from hrl_core.whole_folders import writable, write_whole
from hrl_core.wording import encodable


@dataclass(frozen=True)
class Report:
    """Write a page that shows what a recording holds: paths with subgoals, curves, outcomes, latency, relabelling.

    Of a sweep: curves, statistics over seeds with bootstrap intervals, every run, and the commands.
    """

    source: tyro.conf.Positional[Path]
    """Bag directory, folder of bags, or folder of a run (which adds latency and policy), or of a sweep."""
    out: Path = Path("report.html")
    """Page to write; of a sweep also a section in Markdown, where it ends in .md."""
    policy: str = "auto"
    """Whose worker relabels the subgoals: policy folder, shipped name, auto for the run's own, or empty for none."""


def report(words: list[str]) -> int:
    """Run ``hrl report`` with the words that follow it; returns the exit code."""
    arguments = tyro.cli(Report, prog="hrl report", args=words)
    text = _page(arguments)
    with writable(f"--out {arguments.out}"):
        write_whole(arguments.out, encodable(text))
    tell(f"report written to {arguments.out}")
    return 0


def _page(arguments: Report) -> str:
    if is_sweep(arguments.source) and arguments.out.suffix == ".md":
        from hrl.report.sweep_markdown import sweep_section

        return sweep_section(arguments.source)
    if is_sweep(arguments.source):
        from hrl.report.sweep_page import sweep_page

        return sweep_page(arguments.source)
    from hrl.report.findings import gather
    from hrl.report.page import page

    return page(gather(arguments.source, arguments.policy))
