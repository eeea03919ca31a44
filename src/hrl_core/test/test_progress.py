"""What is seen of a training run: whole at any width, and never silent for long."""

import io
import logging
import re
import time

import pytest
from rich.console import Console

from hrl_core.training.progress import ProgressDisplay, summarise

EVALUATED = {
    "env_steps": 379_000,
    "seconds": 60.0,
    "evaluation/0_16/success_rate": 0.35,
    "evaluation/0_16/final_distance": 3.0,
    "evaluation/16_0/success_rate": 1.0,
    "evaluation/16_0/final_distance": 1.0,
    "worker/critic_loss": 0.0123,
    "manager/critic_loss": 0.0123,
}


@pytest.mark.parametrize("width", [20, 30, 40, 59, 60, 80, 120, 250])
def test_nothing_is_cut_at_any_width(width: int) -> None:
    screen = io.StringIO()
    display = ProgressDisplay(1_000_000, Console(file=screen, force_terminal=True, width=width, color_system=None))
    display.on_step(370_000)
    display._mark = time.monotonic() - 2, 370_000
    display.on_step(378_000)
    display.on_metrics(EVALUATED)
    display.close()
    shown = screen.getvalue()
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).rstrip().splitlines()[-1]
    assert "…" not in shown
    assert len(last) <= width
    assert "379,000/1,000,000" in last
    assert ("success 0.35" in last) == (width >= 40)
    assert ("/s" in last) == (width >= 59)
    assert ("━" in last) == (width >= 59)


def test_without_a_terminal_a_line_comes_by_the_clock_even_while_nothing_moves(caplog) -> None:
    caplog.set_level(logging.INFO)
    display = ProgressDisplay(1000, Console(file=io.StringIO()), interval=0.05)
    display.on_step(10)
    time.sleep(0.06)
    display.on_step(20)
    # The first tick may have come before that step.
    while sum(line.startswith("20 of 1,000 steps") for line in caplog.messages) < 2:
        time.sleep(0.01)
    display.on_metrics(EVALUATED | {"env_steps": 20})
    display.close()
    told = [line for line in caplog.messages if line.startswith("20 of 1,000 steps")]
    assert re.fullmatch(r"20 of 1,000 steps, \d+ steps/s, not evaluated yet, 0:0\d:\d\d left", told[1])
    assert "20 steps, 1.0 min" in caplog.messages[-1]
    assert "0,16: 0.35  16,0: 1.00" in caplog.messages[-1]


def test_goals_that_the_environment_chose_are_called_its_own() -> None:
    row = {"evaluation/own_goals/success_rate": 0.5, "evaluation/own_goals/final_distance": 0.1}
    assert summarise(row) == "own goals: 0.50"


def test_a_run_that_never_begins_shows_nothing(caplog) -> None:
    screen = io.StringIO()
    ProgressDisplay(1000, Console(file=screen, force_terminal=True), interval=0.01).close()
    assert not screen.getvalue()
    assert not caplog.messages
