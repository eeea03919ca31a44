"""Recorder node: every message of the stack, once, into a standard rosbag2 directory."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from hrl_core.bags.writer import BagWriter, typestore_with
from hrl_core.errors import HrlError
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.node import HrlNode, main_of
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.run_binding import RunBinding
from hrl_training.recording import Keyed, RecordingLedger

ACKNOWLEDGE_EVERY = 100
"""Observations between acknowledgements."""
CHECK_PERIOD = 0.05
QUIET = 0.5
"""Seconds without a message after which nothing more is expected."""

KEYED: dict[str, tuple[type, Callable[[bytes], Keyed]]] = {
    topics.OBSERVATION: (msg.Observation, messages.OBSERVATION.decode),
    topics.ACTION: (msg.Action, messages.ACTION.decode),
    topics.SUBGOAL: (msg.Subgoal, messages.SUBGOAL.decode),
    topics.SUBGOAL_RESULT: (msg.SubgoalResult, messages.SUBGOAL_RESULT.decode),
    topics.EPISODE_RESULT: (msg.EpisodeResult, messages.EPISODE_RESULT.decode),
}
LATCHED: dict[str, type] = {topics.SIM_STATUS: msg.SimStatus, topics.POLICY_UPDATE: msg.PolicyUpdate}
STANDARD: dict[str, type] = {topics.JOINT_STATES: JointState, topics.ODOM: Odometry, topics.CLOCK: Clock}


@dataclass(frozen=True)
class RecorderParameters(NodeParameters):
    """What the recorder takes."""

    bag: str = parameter("", "bag directory to write; it must not exist")


class RecorderNode(HrlNode):
    """Subscribes to serialised messages, drops duplicates, writes, acknowledges."""

    niceness = 19
    poll_period = 0.01

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("recorder", RecorderParameters)

    def setup(self) -> None:
        """Create the bag and the subscriptions."""
        bag = self.read_parameters(RecorderParameters).bag
        if not bag:
            raise HrlError("parameter bag: give the directory to record into, for example -p bag:=runs/today/bag")
        self._bag = BagWriter(Path(bag), typestore_with(_definitions()))
        self._ledger = RecordingLedger()
        self._binding = RunBinding(self.get_logger(), None)
        self._early: list[tuple[str, bytes, int]] = []
        self._acknowledged = 0
        self._last_message = time.monotonic()
        self._names: dict[str, str] = {}
        self._status = self.create_lifecycle_publisher(msg.RecorderStatus, topics.RECORDER_STATUS, qos.event())
        self._record(topics.RUN_INFO, msg.RunInfo, self._on_run_info, qos.latched(qos.RIVALS))
        for topic, (kind, _) in KEYED.items():
            self._record(topic, kind, partial(self._on_keyed, topic), qos.recording())
        for topic, kind in LATCHED.items():
            self._record(topic, kind, partial(self._write, topic), qos.latched())
        for topic, kind in STANDARD.items():
            self._record(topic, kind, partial(self._write, topic), qos.recording())
        self.every(CHECK_PERIOD, self._check)

    def busy(self) -> bool:
        """Messages may still be on their way until the graph has been quiet for a while."""
        return self.failure is None and time.monotonic() - self._last_message < QUIET

    def teardown(self) -> None:
        """Close the bag; after a write error it stays ``.partial``."""
        if hasattr(self, "_bag") and not self.failure:
            self._bag.close(self._custom_data())
            self.get_logger().info(f"recorded {self._bag.messages} messages into {self._bag.path}")

    def _record(self, topic: str, kind: type, callback: Callable[[bytes], None], profile: QoSProfile) -> None:
        package = kind.__module__.split(".")[0]
        self._names[topic] = self.resolve_topic_name(topic)
        self._bag.add_topic(
            self._names[topic],
            f"{package}/msg/{kind.__name__}",
            latched=profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        )
        self.subscribe_raw(kind, topic, callback, profile)

    def _on_run_info(self, data: bytes) -> None:
        if not self._binding.offer(deserialize_message(data, msg.RunInfo)):
            return
        self._write(topics.RUN_INFO, data)
        early, self._early = self._early, []
        for topic, held, stamp in early:
            self._admit(topic, held, stamp)

    def _on_keyed(self, topic: str, data: bytes) -> None:
        stamp = time.time_ns()
        if self._binding.info is None:
            self._early.append((topic, data, stamp))
        else:
            self._admit(topic, data, stamp)

    def _admit(self, topic: str, data: bytes, stamp: int) -> None:
        message = KEYED[topic][1](data)
        info = self._binding.info
        assert info is not None
        if message.run != info.run:
            self._binding.refuse(message.run)
        elif self._ledger.admit(message):
            self._write(topic, data, stamp)
            if self._ledger.observations - self._acknowledged >= ACKNOWLEDGE_EVERY:
                self._acknowledge(quiet=False)

    def _write(self, topic: str, data: bytes, stamp: int | None = None) -> None:
        self._last_message = time.monotonic()
        try:
            self._bag.write(self._names[topic], stamp or time.time_ns(), data)
        except HrlError as error:
            self._status.publish(self._status_message(str(error)))
            raise

    def _check(self) -> None:
        if self._binding.info is not None:
            self._acknowledge(quiet=time.monotonic() - self._last_message > QUIET)

    def _acknowledge(self, quiet: bool) -> None:
        recorded = self._ledger.acknowledged(quiet)
        if recorded != self._acknowledged:
            self._acknowledged = recorded
            self._status.publish(self._status_message(""))

    def _status_message(self, error: str) -> msg.RecorderStatus:
        run = self._binding.info.run if self._binding.info else 0
        return msg.RecorderStatus(run=run, recorded=self._acknowledged, bag=str(self._bag.path), error=error)

    def _custom_data(self) -> dict[str, str]:
        """What the bag says of itself: task, run, seed, policies, outcomes."""
        info, ledger = self._binding.info, self._ledger
        if info is None:
            return {"hrl.run": ""}
        outcomes = [
            {"episode": r.episode, "steps": r.steps, "return": r.episode_return, "success": r.success, "seed": r.seed}
            for r in ledger.results
        ]
        return {
            "hrl.run": str(info.run),
            "hrl.robot": info.robot,
            "hrl.task_hash": info.task_hash,
            "hrl.task": info.task,
            "hrl.seed": str(info.seed),
            "hrl.git_commit": info.git_commit,
            "hrl.policy_versions": json.dumps(sorted(ledger.policy_versions)),
            "hrl.episodes": json.dumps(outcomes),
            "hrl.duplicates_dropped": str(ledger.duplicates),
        }


def _definitions() -> list[tuple[str, str]]:
    """Names and texts of the stack's own message definitions, as installed with the interfaces."""
    folder = Path(get_package_share_directory("hrl_msgs")) / "msg"
    return [(f"hrl_msgs/msg/{path.stem}", path.read_text()) for path in sorted(folder.glob("*.msg"))]


main = main_of(RecorderNode)
