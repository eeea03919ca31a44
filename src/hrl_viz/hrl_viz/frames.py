"""Transform from the fixed frame to the robot's, on ``tf``, where tf2_msgs is installed (it has no wheel)."""

import numpy as np
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3

from hrl_core.messages import Observation
from hrl_core.task.spec import TaskSpec
from hrl_ros import qos, topics
from hrl_ros.messages import to_time
from hrl_ros.node import HrlNode

try:
    from tf2_msgs.msg import TFMessage  # pyright: ignore[reportMissingImports]
except ImportError:
    TFMessage = None

BASE = "torso"
_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")


class Frames:
    """Publishes the robot's pose, for tasks that observe it."""

    def __init__(self, node: HrlNode) -> None:
        """Create the publisher, if possible."""
        self._publisher = None
        if TFMessage is not None:
            self._publisher = node.create_lifecycle_publisher(TFMessage, topics.TF, qos.sensor())
        prefix = node.get_namespace().strip("/")
        self._child = f"{prefix}/{BASE}" if prefix else BASE
        self._indices: list[int] = []
        self._moment, self._episode, self._resets = (0, 0), 0, 0
        """Run and stamp of what was published last, its episode, and episodes that began at that stamp."""

    def bind(self, spec: TaskSpec) -> None:
        """Find the pose in the task's observation."""
        names = [element.name for element in spec.observation]
        self._indices = [names.index(name) for name in _POSE] if set(_POSE) <= set(names) else []

    def publish(self, observation: Observation) -> None:
        """Publish the pose at an observation."""
        if self._publisher is None or TFMessage is None or not self._indices:
            return
        pose = observation.state[self._indices]
        x, y, z = pose[:3].tolist()
        # A reset leaves the quaternion unnormalised (HIRO's reset noise); tf2 refuses such a transform.
        w, qx, qy, qz = (pose[3:] / np.linalg.norm(pose[3:])).tolist()
        transform = TransformStamped(child_frame_id=self._child)
        transform.header.frame_id, transform.header.stamp = observation.frame, to_time(self._stamp(observation))
        transform.transform.translation = Vector3(x=x, y=y, z=z)
        transform.transform.rotation = Quaternion(w=w, x=qx, y=qy, z=qz)
        self._publisher.publish(TFMessage(transforms=[transform]))

    def _stamp(self, observation: Observation) -> int:
        """That of the observation [ns], plus one for each reset at it: tf2 keeps the first pose of a stamp."""
        moment = observation.run, observation.stamp
        if moment != self._moment:
            self._moment, self._resets = moment, 0
        elif observation.episode != self._episode:
            self._resets += 1
        self._episode = observation.episode
        return observation.stamp + self._resets
