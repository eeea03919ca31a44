"""What a robot's drivers publish, read into what the bridge knows."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, PoseStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState

from hrl_core.messages import Vector
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import JOINT_STATES, JOINTS, ODOMETRY, RobotConfigError, StreamConfig
from hrl_robot.robot_state import BodyState, JointStates

Reader = Callable[[Any], JointStates | BodyState]


def reader_of(name: str, stream: StreamConfig, joints: JointMap) -> tuple[type, Reader]:
    """Kind of a stream's messages, and what reads one; that raises ``RobotConfigError`` for what does not fit."""
    if name == JOINT_STATES:
        return JointState, lambda message: JointStates(*joints.state(*_of_joints(message)))
    if stream.kind == JOINTS:
        return JointState, partial(_selected, stream.joints)
    kind, read = (Odometry, _of_odometry) if ODOMETRY in (name, stream.kind) else (PoseStamped, _of_pose)
    return kind, _InOneFrame(name, stream.frame, read)


class _InOneFrame:
    """Reads poses of one frame: numbers of another are of another place."""

    def __init__(self, name: str, frame: str, read: Callable[[Any], BodyState]) -> None:
        """Expect the frame of the robot's file; where it names none, the first that is heard.

        Args:
            name: of the stream.
            frame: that is expected; empty: none yet.
            read: reads a message.
        """
        self._name, self._frame, self._read = name, frame, read
        self._since = "as the robot's file says" if frame else "as at first"

    def __call__(self, message: PoseStamped | Odometry) -> BodyState:
        """What a message says; one that names no frame is taken to mean the expected one."""
        told = message.header.frame_id
        if told and self._frame and _bare(told) != _bare(self._frame):
            raise RobotConfigError(f"{self._name}: in frame '{told}', not in '{self._frame}' {self._since}")
        self._frame = self._frame or told
        return self._read(message)


def _bare(frame: str) -> str:
    """Without the slash in front that ROS 1 had."""
    return frame.removeprefix("/")


def _of_joints(message: JointState) -> tuple[list[str], Vector, Vector]:
    return list(message.name), np.asarray(message.position, float), np.asarray(message.velocity, float)


def _selected(joints: Sequence[str], message: JointState) -> JointStates:
    names, position, velocity = _of_joints(message)
    missing = [joint for joint in joints if joint not in names]
    if missing or not len(names) == len(position) == len(velocity):
        raise RobotConfigError(
            f"joint states: {missing} are missing, or {len(names)} names, {len(position)} positions and "
            f"{len(velocity)} velocities do not belong together"
        )
    places = [names.index(joint) for joint in joints]
    return JointStates(position[places], velocity[places])


def _of_odometry(message: Odometry) -> BodyState:
    twist = message.twist.twist
    return BodyState(*_posed(message.pose.pose), _xyz(twist.linear), _xyz(twist.angular))


def _of_pose(message: PoseStamped) -> BodyState:
    return BodyState(*_posed(message.pose))


def _posed(pose: Pose) -> tuple[Vector, Vector]:
    q = pose.orientation
    return _xyz(pose.position), np.array([q.w, q.x, q.y, q.z])


def _xyz(vector: object) -> Vector:
    return np.array([vector.x, vector.y, vector.z])  # pyright: ignore[reportAttributeAccessIssue]
