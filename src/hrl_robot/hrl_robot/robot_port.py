"""Where the bridge meets the robot: state streams in, commands out, in task units on this side."""

import time
from functools import partial

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.duration import Duration
from rclpy.wait_for_message import wait_for_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hrl_core.control.safety import SafetyLayer
from hrl_core.errors import PeerError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.gripper import Gripper
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import JOINT_STATES, RobotConfig, RobotConfigError
from hrl_robot.robot_messages import Reader, reader_of
from hrl_robot.robot_state import BodyState, Instant, JointStates
from hrl_robot.safe_action import SafeAction
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
        self.joints: Stream[JointStates] = Stream(JOINT_STATES, config.streams[JOINT_STATES])
        self._streams: dict[str, Stream] = {JOINT_STATES: self.joints}
        self._safe_action = SafeAction(self.joints, self.map, config.command.interface)
        # A lifecycle publisher would swallow the safe action of a node that is being deactivated or has failed.
        profile = qos.command() if period is None else qos.timed_command(period).publisher
        topic = config.command.topic
        events = None if health is None else watched(node.get_logger(), health, topic).publisher
        self._commands = node.create_publisher(Float64MultiArray, topic, profile, event_callbacks=events)
        node.settle_for(self._commands)
        self._message = Float64MultiArray()
        self._gripper = None if config.gripper is None else Gripper(node, config.gripper, task)
        if not listen:
            return
        for name, stream in config.streams.items():
            self._streams.setdefault(name, Stream(name, stream))
            seen = None if health is None else watched(node.get_logger(), health, stream.topic).subscription
            kind, read = reader_of(name, stream, self.map)
            node.subscribe(kind, stream.topic, partial(self._on_state, name, read), qos.state(), seen)

    def check(self, patience: float) -> None:
        """Compare the robot with its file by its first message; spins nothing.

        Args:
            patience: seconds to wait for it.

        Raises:
            PeerError: the robot is silent.
            RobotConfigError: it has other joints than the file, or impossible positions.
        """
        topic = self.config.streams[JOINT_STATES].topic
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
        bodies = {}
        for name, stream in self._streams.items():
            if stream is not self.joints:
                bodies[name] = stream.at(now, wall)
                if bodies[name] is None:
                    return None
        return None if joints is None else Instant(joints, bodies)

    @property
    def silence(self) -> tuple[float, str]:
        """Seconds since the stream that is silent for longest was heard, and its name."""
        now = time.monotonic()
        return max((stream.silence(now), stream.name) for stream in self._streams.values())

    @property
    def counts(self) -> dict[str, int]:
        """Samples of each stream so far."""
        return {name: stream.count for name, stream in self._streams.items()}

    def send_safe(self, safety: SafetyLayer) -> bool:
        """Send the safe action; False: nothing was sent, as nobody knows where the robot is that is to stay there."""
        action = self._safe_action(safety, time.monotonic())
        if action is not None:
            self._publish(action)
        return action is not None

    @property
    def heard(self) -> bool:
        """Whether somebody else listens to the commands: what is sent from now on must reach them."""
        return self._commands.get_subscription_count() > self.own_listeners

    @property
    def acknowledged(self) -> bool:
        """Whether all who listened to the last command have taken it."""
        return self._commands.wait_for_all_acked(Duration())

    def send(self, action: Vector) -> None:
        """Tell the controller an action of the policy (task units, task order)."""
        self.forget_place()
        self._publish(action)

    def forget_place(self) -> None:
        """The robot is sent elsewhere: a safe action is not to send it back to where it stayed before."""
        self._safe_action.forget()

    def _publish(self, action: Vector) -> None:
        command = self.map.command(action)
        self.commands += 1
        self._message.data = command.tolist()
        self._commands.publish(self._message)
        if self._gripper is not None:
            self._gripper.send(action)

    def _on_state(self, name: str, read: Reader, message: JointState | Odometry | PoseStamped) -> None:
        try:
            state = read(message)
        except RobotConfigError as error:
            self._refuse(str(error))
            return
        if not all(np.isfinite(part).all() for part in state):
            self._refuse(f"{name}: non-finite numbers")
        elif isinstance(state, BodyState) and not state.quaternion.any():
            self._refuse(f"{name}: no orientation")
        else:
            stamp = messages.from_time(message.header.stamp) / messages.NANOSECONDS
            self._streams[name].add(state, stamp, time.monotonic())

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self._node.get_logger().error(f"{reason}; message left out", throttle_duration_sec=2.0)
