"""What is seen of a sweep while it runs: whole at any width of a terminal, a line for whatever happens without one."""

import io
import re
import signal
from pathlib import Path

import pytest
from rich.console import Console

from hrl.launching.ending import Ending
from hrl.sweeps.progress import SweepProgress
from hrl.sweeps.sweep_run import BEGIN, LOG, SweepRun

ENDINGS = [
    (Ending(0), "tau=0.005/seed_0 finished", False),
    (Ending(130, (signal.SIGTERM,)), "tau=0.005/seed_0 stopped at 40 steps", False),
    (Ending(-signal.SIGTERM, (signal.SIGTERM,)), "tau=0.005/seed_0 stopped at 40 steps", False),
    (Ending(130), "tau=0.005/seed_0 failed, exit code 130: the last line", True),
    (Ending(1, (signal.SIGTERM,)), "tau=0.005/seed_0 failed, exit code 1: the last line", True),
    (Ending(-signal.SIGKILL), "tau=0.005/seed_0 failed, killed by SIGKILL (signal 9)\n", True),
]


@pytest.fixture
def runs(tmp_path: Path) -> list[SweepRun]:
    """Two runs; the first has got to step 40 of 100."""
    made = [SweepRun(f"tau={tau}/seed_0", tmp_path / tau, (), {"steps": 100}) for tau in ("0.005", "0.01")]
    made[0].folder.mkdir()
    (made[0].folder / "metrics.jsonl").write_text(
        '{"env_steps": 40, "evaluation/0_8/success_rate": 0.25, "evaluation/0_8/final_distance": 1.0}\n'
    )
    (made[0].folder / LOG).write_text("some line\nthe last line\n\n")
    return made


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_nothing_is_cut_at_any_width(runs: list[SweepRun], width: int) -> None:
    screen = io.StringIO()
    progress = SweepProgress(runs, Console(file=screen, force_terminal=True, width=width, color_system=None))
    progress.begin(1)
    progress.started(runs[0])
    progress._looked = -9.0
    progress.look()
    progress.close()
    *_, whole, first = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).rstrip().splitlines()
    assert "…" not in whole + first
    assert re.match(r"0 of 2 runs .* 20 %", whole)
    assert re.match(r"tau=0.005/seed_0 .* 40 %", first)
    assert ("success 0.25" in first) == (width >= 60)


def test_a_run_that_could_not_begin_is_told(runs: list[SweepRun]) -> None:
    screen = io.StringIO()
    progress = SweepProgress(runs, Console(file=screen, width=200))
    progress.lost(runs[1], "no room")
    assert "tau=0.01/seed_0 failed, no room" in screen.getvalue()
    assert progress.failed == {runs[1]: "no room"}


def test_last_words_are_those_of_the_last_start(runs: list[SweepRun]) -> None:
    log = runs[0].folder / LOG
    log.write_text(f"{BEGIN}monday\nhrl: no room\n{BEGIN}tuesday\nMemoryError\n")
    assert (runs[0].last_words(), runs[0].refusal()) == ("MemoryError", "")
    log.write_text("hrl: no room\nand so on\n")
    assert runs[0].last_words() == "no room", "of a log without starts"


@pytest.mark.parametrize(("ending", "told", "failed"), ENDINGS)
def test_every_end_of_a_run_is_told(runs: list[SweepRun], ending: Ending, told: str, failed: bool) -> None:
    screen = io.StringIO()
    progress = SweepProgress(runs, Console(file=screen, width=200))
    progress.begin(1)
    progress.started(runs[0])
    progress.ended(runs[0], ending)
    lines = screen.getvalue()
    assert "2 runs; 2 to make, at most 1 at a time; Ctrl-C stops and saves" in lines
    assert told in lines
    assert list(progress.failed) == ([runs[0]] if failed else [])
