"""The line that tells how a run goes."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from hrl_core.messages import EpisodeEnd, EpisodeResult
from hrl_core.task.text import load_task
from hrl_ros.loop.outcomes import Outcomes
from hrl_ros.loop.progress_line import ProgressLine

SPEC = load_task("ant_maze")


@pytest.fixture
def course():
    return SimpleNamespace(log=SimpleNamespace(steps=0, results=Outcomes()), paused=False, observation=None)


@pytest.fixture
def clock():
    return SimpleNamespace(now=0.0)


def ended(success, steps=500, end=EpisodeEnd.TIME_LIMIT):
    return EpisodeResult(0, "", 1, "r", 0, 0, steps, -3.0, success, 0.0, end)


def test_steps_speed_success_and_time_left_are_told(course, clock):
    line = ProgressLine(Mock(), 10.0, course, SPEC, 10, lambda: clock.now)
    clock.now, course.log.steps = 10.0, 1250
    for result in (ended(True), ended(False), ended(False, steps=7, end=EpisodeEnd.CANCELLED)):
        course.log.results.append(result)
    course.observation = SimpleNamespace(step=250, last=False)
    left = (8 * 500 - 250) / 125
    assert left == 30
    assert str(line) == "1,250 steps, 125 steps/s, 2 of 10 episodes done, success so far 0.50, 0:00:30 left"


def test_speed_is_that_since_the_last_line_and_a_standstill_has_no_time_left(course, clock):
    line = ProgressLine(Mock(), 10.0, course, SPEC, 2, lambda: clock.now)
    clock.now, course.log.steps = 10.0, 100
    assert str(line) == "100 steps, 10 steps/s, 0 of 2 episodes done, 0:01:40 left"
    clock.now = 20.0
    assert str(line) == "100 steps, 0 steps/s, 0 of 2 episodes done, time left unknown"
    course.paused = True
    assert str(line).endswith("0 of 2 episodes done, paused")


def test_a_run_without_end_or_goal_tells_what_it_can(course, clock):
    line = ProgressLine(Mock(), 10.0, course, load_task("ant_gather"), 0, lambda: clock.now)
    clock.now, course.log.steps = 1.0, 3
    course.log.results.append(ended(False))
    assert str(line) == "3 steps, 3 steps/s, 1 episode done, mean return so far -3.00"
