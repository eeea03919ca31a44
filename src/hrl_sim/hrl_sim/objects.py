"""Topic ``objects``: where the things of a scene are that no joint of the robot tells of."""

import gymnasium
from geometry_msgs.msg import Point, Pose, Quaternion

from hrl_core.envs.surroundings import Surroundings
from hrl_msgs.msg import Objects
from hrl_ros import qos, topics
from hrl_ros.node import HrlNode


class SceneObjects:
    """Publishes movable bodies beside the robot, and what the environment itself lists."""

    def __init__(self, node: HrlNode, env: gymnasium.Env, frame: str) -> None:
        """Find the bodies once; without any, there is no topic.

        Args:
            node: owner of the publisher.
            env: the environment.
            frame: frame id of the poses.
        """
        self._surroundings, self._frame = Surroundings(env), frame
        exists = self._surroundings.has_objects
        self._publisher = node.create_lifecycle_publisher(Objects, topics.OBJECTS, qos.sensor()) if exists else None

    def publish(self, stamp: object) -> None:
        """Publish where everything is now; ``stamp`` is a ROS time."""
        if self._publisher is None:
            return
        poses = self._surroundings.objects()
        message = Objects(name=list(poses), pose=[_pose(*pose) for pose in poses.values()])
        message.header.stamp, message.header.frame_id = stamp, self._frame
        self._publisher.publish(message)


def _pose(position: tuple[float, float, float], quaternion: tuple[float, float, float, float]) -> Pose:
    (x, y, z), (w, i, j, k) = position, quaternion
    return Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=w, x=i, y=j, z=k))
