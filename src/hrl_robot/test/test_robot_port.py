"""Where a robot is to stay: where it was left, until somebody sends it elsewhere."""

import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from std_msgs.msg import Float64MultiArray

from hrl_core.control.safety import SafetyLayer
from hrl_core.task.text import load_task
from hrl_robot import robot_config
from hrl_robot.robot_config import load_robot, parse_robot
from hrl_robot.robot_port import RobotPort
from hrl_robot.robot_state import JointStates
from hrl_robot.supervisor_node import SupervisorNode

TASK = load_task("ant_maze")
TEXT = (robot_config._ROBOTS / "fake_ant.yaml").read_text()
BY_POSITION = parse_robot(TEXT.replace("interface: effort ", "interface: position "), "test")


class Node:
    """Makes publishers that note what they send."""

    def __init__(self) -> None:
        self.sent: list[list[float]] = []

    def create_publisher(self, *_: object, **__: object) -> "Node":
        return self

    def settle_for(self, _publisher: object) -> None: ...

    def subscribe(self, *_: object) -> None: ...

    def publish(self, message: Float64MultiArray) -> None:
        self.sent.append(list(message.data))


class Robot:
    """One that is commanded by position, and the process that makes it safe."""

    def __init__(self) -> None:
        self.node: Any = Node()
        self.port = RobotPort(self.node, BY_POSITION, TASK)
        self.safety = SafetyLayer(BY_POSITION.safety(TASK), 0.2)

    def stays(self, place: float) -> float:
        """Where it is sent to stay, when it is at ``place``."""
        now = time.monotonic()
        self.port.joints.add(JointStates(np.full(8, place), np.zeros(8)), now, now)
        assert self.port.send_safe(self.safety)
        (action,) = set(self.port.map.action(np.array(self.node.sent[-1])).round(9).tolist())
        return action


def test_a_place_to_stay_at_is_forgotten_when_the_policy_has_moved_the_robot() -> None:
    robot = Robot()
    assert [robot.stays(0.0), robot.stays(0.03)] == [0.0, 0.0]
    robot.port.send(np.zeros(8))
    assert [robot.stays(0.03), robot.stays(0.0)] == [0.03, 0.03]


@pytest.mark.parametrize(("covering", "place"), [(False, 0.03), (True, 0.0)])
def test_the_supervisor_forgets_it_by_commands_of_the_bridge_and_not_by_its_own(covering: bool, place: float) -> None:
    robot = Robot()
    robot.stays(0.0)
    supervisor: Any = SimpleNamespace(_port=robot.port, _safety=robot.safety, _covering=covering)
    SupervisorNode._on_command(supervisor, Float64MultiArray(data=robot.node.sent[-1]))
    assert robot.stays(0.03) == place


def test_the_supervisor_knows_the_last_command_of_a_robot_with_a_gripper() -> None:
    config, task = load_robot("fake_franka"), load_task("kitchen")
    port = RobotPort(Node(), config, task)  # pyright: ignore[reportArgumentType] - all of a node that it uses
    supervisor: Any = SimpleNamespace(_port=port, _safety=SafetyLayer(config.safety(task), 0.2), _covering=False)
    action = np.linspace(-0.9, 0.7, 9)
    SupervisorNode._on_command(supervisor, Float64MultiArray(data=port.map.command(action)))
    assert supervisor._safety.command.tolist() == pytest.approx([*action[:7], 0.0, 0.0])
