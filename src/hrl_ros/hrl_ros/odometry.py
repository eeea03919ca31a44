"""nav_msgs/Odometry of a free body as MuJoCo tells of it."""

import numpy as np
from geometry_msgs.msg import Point, Quaternion, Vector3
from nav_msgs.msg import Odometry

from hrl_core.control.rotation import inverse, rotated
from hrl_core.messages import Vector


def odometry(stamp: object, frames: tuple[str, str], pose: Vector, velocity: Vector) -> Odometry:
    """Pose in the world frame; twist in the child frame, as the message demands (MuJoCo's linear part is world).

    Args:
        stamp: ROS time.
        frames: frame id and child frame id.
        pose: x, y, z [m], qw, qx, qy, qz.
        velocity: linear in the world frame [m/s], angular in the child frame [rad/s].
    """
    # A reset leaves the quaternion unnormalised (HIRO's reset noise); ROS wants a rotation.
    quaternion = pose[3:7] / np.linalg.norm(pose[3:7])
    linear = rotated(inverse(quaternion), velocity[:3])
    message = Odometry()
    message.header.stamp = stamp
    message.header.frame_id, message.child_frame_id = frames
    message.pose.pose.position = _of(Point, pose[:3])
    w, x, y, z = quaternion.tolist()
    message.pose.pose.orientation = Quaternion(w=w, x=x, y=y, z=z)
    message.twist.twist.linear = _of(Vector3, linear)
    message.twist.twist.angular = _of(Vector3, velocity[3:6])
    return message


def _of(kind: type, values: Vector) -> object:
    x, y, z = values.tolist()
    return kind(x=x, y=y, z=z)
