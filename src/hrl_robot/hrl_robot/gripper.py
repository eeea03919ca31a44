"""Fingers with a controller of their own: told to open or to close when an action says so clearly, else left alone."""

import math
import time

from std_msgs.msg import Float64MultiArray

from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.robot_config import GripperConfig
from hrl_ros import qos
from hrl_ros.node import HrlNode

_AGAIN = 1.0
"""Seconds after which the same is told again: it was lost, or the robot has been placed since."""


class Gripper:
    """What changes is sent, the same but once a second: grippers take their time, and some block meanwhile.

    The safe action of its joints is 0, which changes nothing: what is held is held on to.
    """

    def __init__(self, node: HrlNode, config: GripperConfig, task: TaskSpec) -> None:
        """Create the publisher.

        Args:
            node: owner.
            config: which joints, and what opens and closes them.
            task: whose actions come.
        """
        self._config = config
        self._told: float | None = None
        self._told_at = -math.inf
        names = [actuator.name for actuator in task.action]
        self._fingers = [names.index(joint) for joint in config.joints]
        self._publisher = node.create_publisher(Float64MultiArray, config.topic, qos.command())
        node.settle_for(self._publisher)

    def send(self, action: Vector) -> None:
        """Tell the controller what an action asks for, if that is something else than before."""
        opening = opening_for(self._config, float(action[self._fingers].mean()))
        now = time.monotonic()
        if opening is not None and (opening != self._told or now - self._told_at > _AGAIN):
            self._told, self._told_at = opening, now
            self._publisher.publish(Float64MultiArray(data=[opening]))


def opening_for(config: GripperConfig, action: float) -> float | None:
    """What the controller is told for an action; None: nothing."""
    if abs(action) <= config.threshold:
        return None
    return config.open if action > 0 else config.closed
