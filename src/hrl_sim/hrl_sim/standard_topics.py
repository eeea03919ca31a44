"""What onlookers need, at most 50 times a second of wall time: clock, joint states, odometry, objects, observation."""

import array
import time

import mujoco
import numpy as np
from builtin_interfaces.msg import Time
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from hrl_core.envs.abilities import find_simulation, nothing
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.surroundings import movable_bodies
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.messages import to_time
from hrl_ros.node import HrlNode
from hrl_ros.odometry import odometry
from hrl_sim.objects import SceneObjects

_SCALAR = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE)


class StandardTopics:
    """Publishes what the environment shows: clock and observation, and what its MuJoCo model tells, if it has one."""

    def __init__(self, node: HrlNode, runner: EnvRunner, frame: str) -> None:
        """Find the joints once.

        Args:
            node: owner of the publishers.
            runner: the environment; where it has a MuJoCo model, that and its data are read.
            frame: prefix of frame ids, empty or ending in "/".
        """
        simulation = find_simulation(runner.env)
        if simulation is None:
            node.get_logger().info(
                f"{runner.spec.env_id} has no MuJoCo model: no joint_states, odom, robot in pictures"
            )
        self._model, self._data = simulation or nothing()
        joints = [self._model.joint(i) for i in range(self._model.njnt)]
        scalar = [joint for joint in joints if joint.type[0] in _SCALAR]
        free = [joint for joint in joints if joint.type[0] == mujoco.mjtJoint.mjJNT_FREE]
        beside = movable_bodies(self._model)
        free = [joint for joint in free if self._model.body(joint.bodyid[0]).name not in beside]
        self._names = [joint.name for joint in scalar]
        self._qpos = np.array([joint.qposadr[0] for joint in scalar], dtype=int)
        self._qvel = np.array([joint.dofadr[0] for joint in scalar], dtype=int)
        self._root = free[0] if free else None
        self._frames = (frame + runner.spec.frame, frame + self._root_name())
        self._clock = node.create_lifecycle_publisher(Clock, topics.CLOCK, qos.sensor())
        joint_states = (JointState, topics.JOINT_STATES, qos.sensor())
        self._joints = node.create_lifecycle_publisher(*joint_states) if scalar else None
        self._odometry = node.create_lifecycle_publisher(Odometry, topics.ODOM, qos.sensor()) if free else None
        self._objects = SceneObjects(node, runner.env, self._frames[0])
        # Latched: who starts to look while the run is paused sees where it stands.
        self._observation = node.publish_raw(msg.Observation, topics.OBSERVATION_THINNED, qos.latched())
        self._next = 0.0
        self._skipped: tuple[int, bytes] | None = None

    def publish(self, stamp: int, observation: bytes) -> None:
        """Publish the present state unless the last one is too recent.

        Args:
            stamp: environment time [ns].
            observation: the observation of this state, serialised.
        """
        if time.monotonic() < self._next:
            self._skipped = (stamp, observation)
            return
        self._publish(stamp, observation)

    def catch_up(self) -> None:
        """Publish the state that was skipped last, when nothing newer came: call it a few times a second."""
        if self._skipped is not None and time.monotonic() >= self._next:
            self._publish(*self._skipped)

    def _publish(self, stamp: int, observation: bytes) -> None:
        self._next, self._skipped = time.monotonic() + topics.THINNED_PERIOD, None
        self._observation.publish(observation)
        time_stamp = to_time(stamp)
        self._clock.publish(Clock(clock=time_stamp))
        if self._joints is not None:
            self._joints.publish(self._joint_message(time_stamp))
        if self._odometry is not None and self._root is not None:
            self._odometry.publish(self._odometry_message(time_stamp))
        self._objects.publish(time_stamp)

    def _joint_message(self, stamp: Time) -> JointState:
        joints = JointState(name=self._names)
        joints.header.stamp = stamp
        joints.position = array.array("d", self._data.qpos[self._qpos].tobytes())
        joints.velocity = array.array("d", self._data.qvel[self._qvel].tobytes())
        return joints

    def _odometry_message(self, stamp: object) -> Odometry:
        assert self._root is not None
        pose = self._data.qpos[self._root.qposadr[0] :][:7]
        velocity = self._data.qvel[self._root.dofadr[0] :][:6]
        return odometry(stamp, self._frames, pose, velocity)

    def _root_name(self) -> str:
        return "" if self._root is None else self._model.body(self._model.jnt_bodyid[self._root.id]).name
