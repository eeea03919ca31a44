"""A robot that is to be safe is sent what it has told of itself allows, and nothing else."""

import numpy as np
import pytest

from hrl_core.control.safety import SafetyLayer
from hrl_core.task.text import load_task
from hrl_robot import robot_config
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import INTERFACES, JOINT_STATES, RobotConfigError, parse_robot
from hrl_robot.robot_state import JointStates
from hrl_robot.safe_action import SafeAction
from hrl_robot.streams import Stream

TASK = load_task("ant_maze")
TEXT = (robot_config._ROBOTS / "fake_ant.yaml").read_text()


class Robot:
    """Of the fake ant's file, with another interface and another safe action."""

    def __init__(self, interface: str, safe: str, damping: float = 0.0, effort: float = 30.0) -> None:
        words = {"interface: effort ": f"interface: {interface} ", "sign: -1,": "sign: -1, scale: 2.5,"}
        words |= {"offset:": f"safe: {safe}, damping: {damping}, effort: {effort}, unit: 0.05, offset:"}
        text = TEXT
        for old, new in words.items():
            text = text.replace(old, new)
        config = parse_robot(text, "test")
        assert all((joint.safe, joint.unit) == (safe, 0.05) for joint in config.joints.values())
        self.map, self.safety = JointMap(config, TASK), SafetyLayer(config.safety(TASK), 0.2)
        self.joints: Stream[JointStates] = Stream(JOINT_STATES, config.streams[JOINT_STATES])
        self.action, self.now = SafeAction(self.joints, self.map, interface), 100.0

    def tells(self, position: np.ndarray, velocity: float = 0.0) -> None:
        """In task units, of its joints in the order of its file."""
        self.joints.add(JointStates(position, np.full(8, velocity)), self.now, self.now)

    def sent(self) -> np.ndarray | None:
        """The safe action now."""
        return self.action(self.safety, self.now)

    def goes_to(self) -> np.ndarray:
        """Where a position controller takes the safe action, task units, in the order of the file."""
        action = self.sent()
        assert action is not None
        place = np.empty(8)
        place[self.map.actions] = action * self.map.unit
        return place


def test_who_has_not_told_where_it_is_is_not_sent_anywhere() -> None:
    assert Robot("position", "hold").sent() is None
    assert Robot("effort", "hold").sent() is not None
    assert Robot("velocity", "damping", damping=0.5).sent() is not None


def test_who_is_silent_is_not_sent_back_to_where_it_was_heard_last() -> None:
    robot = Robot("position", "hold")
    robot.tells(np.full(8, 0.2))
    assert robot.sent() is not None
    robot.now += robot.joints.config.tolerance + 0.01
    assert robot.sent() is None
    robot.tells(np.full(8, 0.6))
    np.testing.assert_allclose(robot.goes_to(), np.full(8, 0.6))


def test_to_stay_is_to_be_sent_where_one_is_whatever_an_action_of_one_stands_for() -> None:
    robot, place = Robot("position", "hold"), np.linspace(-0.7, 0.7, 8)
    robot.tells(place)
    np.testing.assert_allclose(robot.goes_to(), place)
    assert robot.map.unit.tolist() == [0.05] * 8


def test_a_sagging_arm_does_not_sink_and_a_moved_one_does_not_jump_back() -> None:
    robot, place = Robot("position", "hold"), np.zeros(8)
    robot.tells(place)
    np.testing.assert_allclose(robot.goes_to(), place)
    for step in range(1, 60):
        robot.tells(place - min(0.001 * step, 0.04))
        np.testing.assert_allclose(robot.goes_to(), place)
    elsewhere = place.copy()
    elsewhere[3] = 0.6
    robot.tells(elsewhere)
    np.testing.assert_allclose(robot.goes_to(), elsewhere)


def test_a_robot_that_stands_beyond_what_may_be_commanded_is_left_there() -> None:
    robot, place = Robot("position", "hold", effort=2.0), np.full(8, 0.8)
    robot.tells(place)
    np.testing.assert_allclose(robot.goes_to(), place)
    assert (place / robot.map.unit > 2.0).all()


def test_a_robot_that_was_sent_elsewhere_stays_where_it_is_by_then() -> None:
    """However short the way was: it is not sent back to where it stayed before the policy moved it."""
    robot, place = Robot("position", "hold"), np.zeros(8)
    robot.tells(place)
    np.testing.assert_allclose(robot.goes_to(), place)
    robot.action.forget()
    robot.tells(place + 0.04)
    np.testing.assert_allclose(robot.goes_to(), place + 0.04)
    robot.tells(place + 0.02)
    np.testing.assert_allclose(robot.goes_to(), place + 0.04)


def test_a_robot_that_is_silent_is_not_braked_by_what_it_did_before() -> None:
    robot = Robot("effort", "damping", damping=0.5)
    robot.tells(np.zeros(8), velocity=2.0)
    assert (robot.sent() == -1.0).all()
    robot.now += 10.0
    assert (robot.sent() == 0.0).all()


@pytest.mark.parametrize("interface", ["effort", "velocity"])
def test_a_zero_action_needs_to_know_nothing(interface: str) -> None:
    assert (Robot(interface, "zero").sent() == 0.0).all()


@pytest.mark.parametrize("safe", ["zero", "damping"])
def test_by_position_no_joint_may_be_sent_to_zero_to_be_safe(safe: str) -> None:
    with pytest.raises(RobotConfigError, match=f"hip_1.safe: must be hold, or left out, with.*got '{safe}'"):
        Robot("position", safe, damping=0.5 if safe == "damping" else 0.0)


def test_by_position_a_joint_of_which_nothing_is_said_stays_where_it_is() -> None:
    said = {name: parse_robot(TEXT.replace("interface: effort ", f"interface: {name} "), "test") for name in INTERFACES}
    safe = {name: {row.safe for row in config.safety(TASK)} for name, config in said.items()}
    assert safe == {"effort": {"zero"}, "velocity": {"zero"}, "position": {"hold"}}
