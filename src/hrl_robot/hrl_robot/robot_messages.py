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
    return (Odometry, _of_odometry) if ODOMETRY in (name, stream.kind) else (PoseStamped, _of_pose)


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
