"""Where the bridge meets the robot: state streams in, commands out, in task units on this side."""

import time

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.duration import Duration
from rclpy.wait_for_message import wait_for_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hrl_core.errors import PeerError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import RobotConfig, RobotConfigError
from hrl_robot.robot_state import BaseState, Instant, JointStates
from hrl_robot.streams import Stream
from hrl_ros import messages, qos
from hrl_ros.health import Health
from hrl_ros.node import HrlNode
from hrl_ros.qos_events import watched


class RobotPort:
    """Subscribes to the robot's streams and publishes to its controller."""

    def __init__(
        self,
        node: HrlNode,
        config: RobotConfig,
        task: TaskSpec,
        listen: bool = True,
        period: float | None = None,
        health: Health | None = None,
    ) -> None:
        """Create publisher and subscriptions; raises ``RobotConfigError`` unless robot and task fit.

        Args:
            node: owner.
            config: the robot's file.
            task: the task.
            listen: whether to subscribe to the state.
            period: wall seconds between commands; None: they are no regular ones, and nothing is promised.
            health: where events of the middleware are counted; None: of no interest.
        """
        self._node, self.config = node, config
        self.map = JointMap(config, task)
        self.refused = 0
        """State messages that were not taken."""
        self.commands = 0
        """Commands sent."""
        self.own_listeners = 0
        """Subscriptions of this node to its own commands."""
        streams = config.streams
        self.joints: Stream[JointStates] = Stream("joint_states", streams["joint_states"])
        self.base: Stream[BaseState] | None = None
        self.thing: Stream[Vector] | None = None
        # A lifecycle publisher would swallow the safe action of a node that is being deactivated or has failed.
        profile = qos.command() if period is None else qos.timed_command(period).publisher
        topic = config.command.topic
        events = None if health is None else watched(node.get_logger(), health, topic).publisher
        self._commands = node.create_publisher(Float64MultiArray, topic, profile, event_callbacks=events)
        node.settle_for(self._commands)
        self._message = Float64MultiArray()
        self._stamped = _StampedCommands(node, config) if config.command.stamped else None
        if not listen:
            return
        kinds = {
            "joint_states": (JointState, self._on_joints),
            "odometry": (Odometry, self._on_odometry),
            "object": (PoseStamped, self._on_object),
        }
        for name, stream in streams.items():
            kind, callback = kinds[name]
            seen = None if health is None else watched(node.get_logger(), health, stream.topic).subscription
            node.subscribe(kind, stream.topic, callback, qos.state(), seen)
        if "odometry" in streams:
            self.base = Stream("odometry", streams["odometry"])
        if "object" in streams:
            self.thing = Stream("object", streams["object"])

    def check(self, patience: float) -> None:
        """Compare the robot with its file by its first message; spins nothing.

        Args:
            patience: seconds to wait for it.

        Raises:
            PeerError: the robot is silent.
            RobotConfigError: it has other joints than the file, or impossible positions.
        """
        topic = self.config.streams["joint_states"].topic
        came, message = wait_for_message(
            JointState,
            self._node,
            topic,
            qos_profile=qos.state(),
            time_to_wait=patience,  # pyright: ignore[reportArgumentType] - any number will do
        )
        if not came or not isinstance(message, JointState):
            raise PeerError(
                f"no joint states on '{topic}' within {patience:g} s; is the robot's joint_state_broadcaster running, "
                "in this namespace?"
            )
        self.map.check(list(message.name), message.position)

    def look(self) -> Instant | None:
        """What the streams say now; None when one of them has nothing that may stand for this instant."""
        now, wall = time.monotonic(), time.time()
        joints = self.joints.at(now, wall)
        base = None if self.base is None else self.base.at(now, wall)
        thing = None if self.thing is None else self.thing.at(now, wall)
        lacking = (self.base is not None and base is None) or (self.thing is not None and thing is None)
        return None if joints is None or lacking else Instant(joints, base, thing)

    @property
    def silence(self) -> tuple[float, str]:
        """Seconds since the stream that is silent for longest was heard, and its name."""
        now = time.monotonic()
        streams = [stream for stream in (self.joints, self.base, self.thing) if stream is not None]
        return max((stream.silence(now), stream.name) for stream in streams)

    def measured(self) -> tuple[Vector | None, Vector | None]:
        """Velocity and position of the joints in the order of the action, newest sample; None while unknown."""
        sample = self.joints.newest
        if sample is None:
            return None, None
        order = self.map.actions
        return sample.velocity[order], sample.position[order]

    @property
    def heard(self) -> bool:
        """Whether somebody else listens to the commands: what is sent from now on must reach them."""
        return self._commands.get_subscription_count() > self.own_listeners

    @property
    def acknowledged(self) -> bool:
        """Whether all who listened to the last command have taken it."""
        return self._commands.wait_for_all_acked(Duration())

    def send(self, action: Vector) -> None:
        """Tell the controller an action (task units, task order)."""
        command = self.map.command(action)
        self.commands += 1
        self._message.data = command.tolist()
        self._commands.publish(self._message)
        if self._stamped is not None:
            self._stamped.send(self._message.data)

    def _on_joints(self, message: JointState) -> None:
        try:
            position, velocity = np.asarray(message.position, float), np.asarray(message.velocity, float)
            states = JointStates(*self.map.state(list(message.name), position, velocity))
        except RobotConfigError as error:
            self._refuse(str(error))
            return
        if not (np.isfinite(states.position).all() and np.isfinite(states.velocity).all()):
            self._refuse("joint_states: non-finite numbers")
            return
        self._add(self.joints, states, message)

    def _on_odometry(self, message: Odometry) -> None:
        pose, twist = message.pose.pose, message.twist.twist
        q = pose.orientation
        state = BaseState(_xyz(pose.position), np.array([q.w, q.x, q.y, q.z]), _xyz(twist.linear), _xyz(twist.angular))
        if not all(np.isfinite(part).all() for part in state) or not state.quaternion.any():
            self._refuse("odometry: non-finite numbers or no orientation")
        elif self.base is not None:
            self._add(self.base, state, message)

    def _on_object(self, message: PoseStamped) -> None:
        q = message.pose.orientation
        state = np.array([*_xyz(message.pose.position), q.w, q.x, q.y, q.z])
        if not np.isfinite(state).all():
            self._refuse("object: non-finite numbers")
        elif self.thing is not None:
            self._add(self.thing, state, message)

    def _add(self, stream: Stream, value: object, message: JointState | Odometry | PoseStamped) -> None:
        stamp = messages.from_time(message.header.stamp) / messages.NANOSECONDS
        stream.add(value, stamp, time.monotonic())

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self._node.get_logger().error(f"{reason}; message left out", throttle_duration_sec=2.0)


class _StampedCommands:
    """control_msgs' stamped form beside the plain one, so that a controller can judge the age of a command."""

    def __init__(self, node: HrlNode, config: RobotConfig) -> None:
        try:
            from control_msgs.msg import MultiDOFCommand  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise RobotConfigError(
                "command.stamped: control_msgs is not installed (Debian package ros-$ROS_DISTRO-control-msgs on a "
                "sourced ROS 2 installation); set stamped: false"
            ) from None
        self._message = MultiDOFCommand(dof_names=list(config.command.order))
        self._publisher = node.create_publisher(MultiDOFCommand, f"{config.command.controller}/reference", 1)

    def send(self, values: object) -> None:
        self._message.values = values
        self._publisher.publish(self._message)


def _xyz(vector: object) -> Vector:
    return np.array([vector.x, vector.y, vector.z])  # pyright: ignore[reportAttributeAccessIssue]
