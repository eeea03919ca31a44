"""Services of the simulator: what cannot be done is answered in words, a reset leaves nothing of what was before."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import InvalidDataError, TaskError
from hrl_core.messages import NAN, Action
from hrl_core.task.text import load_task
from hrl_msgs.srv import ChooseEpisode, Reset, SetPaused, SetRealTimeFactor, Step
from hrl_ros import topics
from hrl_ros.loop.course import Course, Listeners
from hrl_sim.clocks import LockstepClock
from hrl_sim.pace import FASTEST, Pace
from hrl_sim.services import SimulationServices

TASK = load_task("ant_maze")
BROKEN = InvalidDataError("the environment is broken")
RESETS = pytest.mark.parametrize(("service", "kind"), [(topics.RESET, Reset), (topics.CHOOSE_EPISODE, ChooseEpisode)])


class Simulator:
    """Course, clock and services of a simulator in its first episode, without its node."""

    def __init__(self) -> None:
        self.runner = EnvRunner(TASK, seed=0)
        self.course = Course(self.runner, 0, Listeners(lambda _: None, lambda _: None, lambda: None))
        self.clock = LockstepClock(self.course)
        self.failures: list[str] = []
        self.offered: dict[str, Any] = {}
        node: Any = SimpleNamespace(active=True, create_service=self._offer, fail=self.failures.append)
        node.every, node.destroy_timer = (lambda _period, tick: tick), (lambda _: None)
        pace = Pace(node, self.clock, TASK.control_period, FASTEST)
        self.services = SimulationServices(node, self.course, self.clock, pace)
        self.course.begin()

    def ask(self, service: str, kind: Any, **what: Any) -> Any:
        return self.offered[service](kind.Request(**what), kind.Response())

    def acts(self) -> None:
        now = self.course.observation
        assert now is not None
        self.clock.on_action(Action(0, "", 0, "robot", now.episode, now.step, np.zeros(8), 0, 0, NAN, 0))

    def _offer(self, _kind: type, service: str, callback: Any) -> None:
        self.offered[service] = callback


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@RESETS
def test_the_first_action_after_a_reset_in_a_pause_is_not_lost_to_one_from_before(simulator, service, kind) -> None:
    simulator.ask(topics.SET_PAUSED, SetPaused, paused=True)
    simulator.acts()
    assert simulator.ask(service, kind).accepted
    simulator.acts()
    simulator.ask(topics.SET_PAUSED, SetPaused, paused=False)
    assert simulator.course.observation.key == (1, 1)


@RESETS
def test_an_episode_that_cannot_begin_is_refused_in_words(simulator, service, kind, monkeypatch) -> None:
    monkeypatch.setattr(simulator.runner, "reset", Mock(side_effect=BROKEN))
    response = simulator.ask(service, kind)
    assert (response.accepted, response.message) == (False, str(BROKEN))


def test_a_reset_whose_goal_is_refused_leaves_the_episode_as_it_was(simulator, monkeypatch) -> None:
    simulator.acts()
    before = simulator.course.observation
    own_only = TaskError("the environment pursues its own goals only")
    monkeypatch.setattr(simulator.runner._environment, "require_other_goals", Mock(side_effect=own_only))
    response = simulator.ask(topics.RESET, Reset, goal=[0.0, 16.0])
    assert (response.accepted, response.message) == (False, str(own_only))
    assert simulator.course.observation is before
    simulator.acts()
    assert simulator.course.observation.key == (0, 2)


def test_a_pace_that_is_refused_is_told_from_a_step_that_fails_under_it(simulator, monkeypatch) -> None:
    refused = simulator.ask(topics.SET_REAL_TIME_FACTOR, SetRealTimeFactor, real_time_factor=-1.0)
    assert not refused.accepted
    assert not simulator.failures
    monkeypatch.setattr(simulator.runner, "step", Mock(side_effect=BROKEN))
    assert simulator.ask(topics.SET_REAL_TIME_FACTOR, SetRealTimeFactor, real_time_factor=1.0).accepted
    simulator.acts()
    response = simulator.ask(topics.SET_REAL_TIME_FACTOR, SetRealTimeFactor, real_time_factor=0.0)
    assert (response.accepted, response.message) == (True, str(BROKEN))
    assert simulator.failures == [str(BROKEN)]


def test_a_step_that_fails_is_answered_and_ends_the_node_as_any_other(simulator, monkeypatch) -> None:
    monkeypatch.setattr(simulator.runner, "step", Mock(side_effect=BROKEN))
    simulator.ask(topics.SET_PAUSED, SetPaused, paused=True)
    simulator.acts()
    response = simulator.ask(topics.STEP, Step, n=1)
    assert (response.accepted, response.message) == (False, str(BROKEN))
    assert simulator.failures == [str(BROKEN)]


def test_a_pause_whose_end_brings_a_step_that_fails_is_answered_and_ends_the_node(simulator, monkeypatch) -> None:
    monkeypatch.setattr(simulator.runner, "step", Mock(side_effect=BROKEN))
    simulator.ask(topics.SET_PAUSED, SetPaused, paused=True)
    simulator.acts()
    assert not simulator.ask(topics.SET_PAUSED, SetPaused, paused=False).paused
    assert simulator.failures == [str(BROKEN)]
