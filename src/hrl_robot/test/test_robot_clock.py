"""Nothing answers a state of long ago: the first observation holds as long as the robot is watched."""

from typing import Any

import numpy as np
import pytest

from hrl_core.control.safety import ActionGate, SafetyLayer, joint_limits
from hrl_core.messages import NAN, Action, EpisodeEnd, EpisodeResult, Mode, Observation, Vector
from hrl_core.task.text import load_task
from hrl_robot.robot_clock import RobotClock
from hrl_robot.robot_config import load_robot
from hrl_robot.robot_runner import RobotRunner
from hrl_robot.robot_state import BodyState, Instant, JointStates, StateAssembler
from hrl_ros.loop.course import Course, Listeners

TASK = load_task("ant_maze")
CONFIG = load_robot("fake_ant")


class Robot:
    """A robot's clock with its first episode begun, and whoever prepares the next one when it is told to."""

    def __init__(self) -> None:
        self.shown: list[Observation] = []
        self.results: list[EpisodeResult] = []
        self.sent: list[Vector] = []
        self.reasons: list[str] = []
        self.silent = False
        runner = RobotRunner(TASK, 0, Mode.EVAL, np.zeros(2), 1, "robot", "odom")
        runner.assembler = StateAssembler(CONFIG, TASK, list(CONFIG.joints))
        base = BodyState(np.zeros(3), np.array([1.0, 0, 0, 0]))
        runner.look = lambda: Instant(JointStates(np.zeros(8), np.zeros(8)), {"odometry": base})
        self.course = Course(runner, 0, Listeners(self._show, self.results.append, lambda: None))
        self.gate, self.safety = ActionGate(TASK, 2.0), SafetyLayer(joint_limits(TASK), 10.0)
        self.clock = RobotClock(self.course, runner, self.gate, self.safety, self.sent.append, lambda: True)
        self.clock.silent = lambda: self.silent
        self.clock.prepare_anew = self._prepare_anew
        self.course.prepare = lambda *_: None
        self.clock.rest()
        self.course.begin()

    def acts(self) -> None:
        episode, step = self.shown[-1].key
        self.clock.on_action(Action(0, "", 1, "robot", episode, step, np.ones(8), 0, 0, NAN, 0))

    def pauses(self, paused: bool) -> None:
        self.course.pause(paused)
        self.clock.poll()

    def _show(self, observation: Observation) -> None:
        self.shown.append(observation)
        self.gate.observed(observation)

    def _prepare_anew(self, reason: str) -> None:
        self.reasons.append(reason)
        self.course.restart(None, None)


def is_silent(robot: Robot) -> None:
    robot.silent = True
    robot.clock.tick()
    robot.silent = False


def is_paused(robot: Robot) -> None:
    robot.pauses(True)
    robot.clock.tick()
    robot.pauses(False)


def is_inactive(robot: Robot) -> None:
    robot.clock.interrupt()
    robot.acts()


def is_stopped(robot: Robot) -> None:
    robot.safety.stop("a person")
    robot.clock.tick()
    robot.safety.release()


WHILES = [(is_silent, "silent"), (is_paused, "paused"), (is_stopped, "stopped"), (is_inactive, "inactive")]


@pytest.mark.parametrize(("happens", "reason"), WHILES)
def test_the_first_observation_is_not_answered_once_the_robot_was_left_alone(happens: Any, reason: str) -> None:
    robot = Robot()
    happens(robot)
    robot.clock.tick()
    assert [reason in said for said in robot.reasons] == [True]
    robot.acts()
    assert (robot.sent, robot.course.waiting) == ([], True)
    assert [(r.episode, r.steps, r.end_reason) for r in robot.results] == [(0, 0, EpisodeEnd.CANCELLED)]
    robot.course.begin()
    robot.acts()
    robot.clock.tick()
    assert [o.key for o in robot.shown] == [(0, 0), (1, 0), (1, 1)]
    assert len(robot.sent) == 1


def test_nothing_is_sent_for_an_action_before_the_first_safe_action() -> None:
    robot = Robot()
    robot.clock._known = False
    robot.acts()
    assert (robot.sent, robot.course.log.refused_actions) == ([], 1)
    robot.clock.tick()
    robot.acts()
    assert len(robot.sent) == 1


def test_before_the_run_has_begun_a_robot_is_told_nothing() -> None:
    robot, told = Robot(), []
    robot.clock._make_safe = lambda: bool(told.append(None)) or True
    robot.course._episode = -1
    robot.course.runner.observation = None
    robot.clock.tick()
    robot.clock.interrupt()
    assert not told
    robot.course.begin()
    robot.clock.tick()
    robot.clock.interrupt()
    assert len(told) == 2


def test_a_silent_robot_is_noticed_while_the_run_is_paused() -> None:
    robot = Robot()
    robot.pauses(True)
    is_silent(robot)
    assert (robot.reasons, robot.course.waiting) == (["it was silent"], True)
    robot.pauses(False)
    assert len(robot.reasons) == 1, "it is being prepared already"


def test_an_episode_that_has_begun_goes_on_after_a_pause_and_is_cut_by_silence() -> None:
    robot = Robot()
    robot.acts()
    robot.clock.tick()
    is_paused(robot)
    robot.acts()
    robot.clock.tick()
    assert [o.key for o in robot.shown] == [(0, 0), (0, 1), (0, 2)]
    is_silent(robot)
    assert robot.shown[-1].truncated
    assert [r.end_reason for r in robot.results] == [EpisodeEnd.ROBOT_SILENT]
    assert not robot.reasons


def test_a_reset_in_a_pause_is_not_followed_by_another() -> None:
    robot = Robot()
    robot.pauses(True)
    robot.course.restart(None, None)
    robot.pauses(False)
    robot.course.begin()
    robot.clock.poll()
    assert not robot.reasons
