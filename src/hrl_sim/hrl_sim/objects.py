"""Topic ``objects``: where the things of a scene are that no joint of the robot tells of."""

from typing import Any

import mujoco
import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion

from hrl_msgs.msg import Objects
from hrl_ros import qos, topics
from hrl_ros.node import HrlNode


class SceneObjects:
    """Movable bodies beside the robot, and what the environment itself lists (``present_objects``)."""

    def __init__(self, node: HrlNode, env: Any, frame: str) -> None:  # noqa: ANN401 - any environment with a model
        """Find the bodies once; without any, there is no topic.

        Args:
            node: owner of the publisher.
            env: the unwrapped environment.
            frame: frame id of the poses.
        """
        self._env, self._frame = env, frame
        self._bodies = movable_bodies(env.model)
        self._listed = hasattr(env, "present_objects")
        exists = bool(self._bodies) or self._listed
        self._publisher = node.create_lifecycle_publisher(Objects, topics.OBJECTS, qos.sensor()) if exists else None

    def publish(self, stamp: object) -> None:
        """Publish where everything is now; ``stamp`` is a ROS time."""
        if self._publisher is None:
            return
        names, poses = [], []
        for body in self._bodies:
            seen = self._env.data.body(body)
            names.append(body)
            poses.append(_pose(seen.xpos, seen.xquat))
        for name, position in self._env.present_objects().items() if self._listed else ():
            names.append(name)
            poses.append(_pose(position, (1.0, 0.0, 0.0, 0.0)))
        message = Objects(name=names, pose=poses)
        message.header.stamp, message.header.frame_id = stamp, self._frame
        self._publisher.publish(message)


def movable_bodies(model: mujoco.MjModel) -> list[str]:
    """Names of the top-level bodies with joints, but for the robot's, which owns the first actuated or first joint."""
    robot = int(model.jnt_bodyid[model.actuator_trnid[0, 0] if model.nu and model.actuator_trnid[0, 0] >= 0 else 0])
    roots = dict.fromkeys(int(model.body_rootid[body]) for body in model.jnt_bodyid)
    return [model.body(root).name for root in roots if root != model.body_rootid[robot]]


def _pose(position: Any, quaternion: Any) -> Pose:  # noqa: ANN401 - sequences of numbers, w first
    x, y, z = map(float, position)
    w, i, j, k = map(float, np.asarray(quaternion) / np.linalg.norm(quaternion))
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=w, x=i, y=j, z=k))
