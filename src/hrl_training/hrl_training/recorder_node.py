"""Recorder node: every message of the stack, once, into standard rosbag2 directories."""

import secrets
import time
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.serialization import deserialize_message

from hrl_core.bags.facts import policy_sha256
from hrl_core.errors import InvalidDataError
from hrl_core.messages import Observation
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health, Level
from hrl_ros.node import HrlNode
from hrl_ros.run_binding import RunBinding
from hrl_ros.running import main_of
from hrl_training.recorded_topics import KEYED, STANDARD, recorded_topics
from hrl_training.recorder_parameters import RecorderParameters
from hrl_training.recording import RecordingLedger, SoundMessages

ACKNOWLEDGE_EVERY = 100
"""Observations between acknowledgements."""
CHECK_PERIOD = 0.05
QUIET_LOOKS = 10
"""Looks, a check period apart, without a new message of an episode after which nothing more is expected of it.

Looks, not seconds: a recorder that gets no time for them has not heard that it is quiet. Nor does it count what speaks
for ever, such as a robot's joint states."""
REPAIR_LOOKS = 80
"""Looks after which what is missing is given up: a writer tells readers what they lack every 3 s, the middleware's
heartbeat."""


class RecorderNode(HrlNode):
    """Subscribes to serialised messages, drops duplicates, writes, acknowledges."""

    drain_limit = 100.0
    poll_period = 0.01

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("recorder", RecorderParameters)

    def setup(self) -> None:
        """Create the bag and the subscriptions."""
        settings = self.read_parameters(RecorderParameters)
        self._id = secrets.randbits(64)
        self._ledger = RecordingLedger()
        self._recording = settings.recording(recorded_topics(self.resolve_topic_name), self._ledger.complete)
        self.closing.callback(self._close)
        if settings.policy:
            self._recording.facts.policies.update(policy_sha256(Path(settings.policy)))
        self._binding = RunBinding(self.get_logger(), None)
        self._sound: SoundMessages | None = None
        """Knows what messages of the run look like."""
        self._early: list[tuple[str, bytes, int]] = []
        self._acknowledged, self._looked, self._asked = 0, 0, False
        self._quiet_looks = self._missing_looks = 0
        self._whole, self._heard = 0, 0
        """What was acknowledged when something was first seen to be missing, observations that had been heard then."""
        self._status = self.create_lifecycle_publisher(msg.RecorderStatus, topics.RECORDER_STATUS, qos.event())
        self._health = Health(settings.diagnostics)
        self._health.doing = "recording"
        self._streams = {topic: self._health.stream(topic) for topic in KEYED}
        self._reports = HealthReports(self, self._health, self._update_figures)
        self.subscribe_raw(msg.RunInfo, topics.RUN_INFO, self._on_run_info, qos.latched(qos.RIVALS))
        self.subscribe_raw(msg.PolicyUpdate, topics.POLICY_UPDATE, self._on_policy_update, qos.latched())
        self._listens = False
        self._ends_with_run = settings.ends_with_run
        self._end: tuple[int, int] | None = None
        """Observations of the run and its last episode, once that has ended."""
        self.subscribe_raw(msg.SimStatus, topics.SIM_STATUS, self._on_status, qos.latched())
        self.every(CHECK_PERIOD, self._check)

    def start(self) -> None:
        """Listen to what comes once: whoever sees the subscription takes it that nothing is lost any more."""
        if self._listens:
            # What came meanwhile is lost, as with a recorder that is started anew: nobody may wait for it.
            self._id, self._asked = secrets.randbits(64), True
            return
        self._listens = True
        for topic, (kind, _) in KEYED.items():
            self.subscribe_raw(kind, topic, partial(self._on_keyed, topic), qos.recording())
        for topic, kind in STANDARD.items():
            self.subscribe_raw(kind, topic, partial(self._write, topic), qos.recording())

    def busy(self) -> bool:
        """Messages may still be on their way until the graph has been quiet for a while."""
        return self.failure is None and not self._quiet

    @property
    def _quiet(self) -> bool:
        return self._quiet_looks >= QUIET_LOOKS

    def fail(self, message: str) -> None:
        """End the node and tell simulator, diagnostics and (through the exit code) the launcher why."""
        first = self.failure is None
        super().fail(message)
        if first and hasattr(self, "_recording"):
            self._status.publish(self._status_message(message))
            self._health.set_condition("aborted", Level.ERROR, f"recording aborted: {message}")
            self._reports.report()
            self.settle()

    def _close(self) -> None:
        """Close the bag; after a write error it stays ``.partial``."""
        if self.failure is not None:
            self._recording.abandon()
            return
        self._recording.close()
        self._tell_problems()
        self.get_logger().info(f"recorded {self._recording.messages} messages into {self._recording.path}")

    def _on_run_info(self, data: bytes) -> None:
        if not self._binding.offer(deserialize_message(data, msg.RunInfo)):
            return
        info = self._recording.facts.info = self._binding.info
        assert info is not None
        self._sound = SoundMessages.of_run(info.task, info.hierarchy, f"RunInfo of run {info.run:016x}")
        self._ledger.levels = self._sound.awaited
        self._write(topics.RUN_INFO, data)
        early, self._early = self._early, []
        for topic, held, stamp in early:
            try:
                self._admit(topic, held, stamp)
            except InvalidDataError as error:
                self.refuse(error)
        # Tells the simulator which recorder it has before that could die.
        self._asked = True

    def _on_keyed(self, topic: str, data: bytes) -> None:
        stamp = time.time_ns()
        self._streams[topic].received()
        if self._binding.info is None:
            self._early.append((topic, data, stamp))
        else:
            self._admit(topic, data, stamp)

    def _admit(self, topic: str, data: bytes, stamp: int) -> None:
        message = KEYED[topic][1](data)
        info = self._binding.info
        assert info is not None
        assert self._sound is not None
        if message.run != info.run:
            self._binding.refuse(message.run)
            return
        if isinstance(message, Observation):
            self._binding.accepts(message)
        self._sound.require(message)
        if self._ledger.admit(message):
            self._quiet_looks = 0
            self._recording.write_keyed(topic, stamp, data, message)
            if self._ledger.observations - self._looked >= ACKNOWLEDGE_EVERY:
                self._acknowledge()
        else:
            self._recording.facts.duplicates += 1
            # A simulator that repeats itself waits, perhaps for an acknowledgement sent before it could hear it.
            self._asked |= topic == topics.OBSERVATION

    def refuse(self, error: InvalidDataError) -> None:
        """Count what is left out."""
        self._health.refuse("unsound")
        super().refuse(error)

    def _on_policy_update(self, data: bytes) -> None:
        update: Any = deserialize_message(data, msg.PolicyUpdate)
        self._recording.facts.policies[update.version] = update.sha256
        self._write(topics.POLICY_UPDATE, data)

    def _on_status(self, data: bytes) -> None:
        self._write(topics.SIM_STATUS, data)
        if not self._ends_with_run:
            return
        status: Any = deserialize_message(data, msg.SimStatus)
        if status.finished and self._binding.info and status.run == self._binding.info.run:
            self._end = status.observations, status.episode

    def _write(self, topic: str, data: bytes) -> None:
        self._recording.write(topic, time.time_ns(), data)

    def _check(self) -> None:
        self._recording.check()
        self._tell_problems()
        self._quiet_looks += 1
        self._give_up_what_is_lost()
        if self._binding.info is not None:
            self._acknowledge()
        whole = self._ledger.acknowledged == self._ledger.observations
        self.finished |= self._end is not None and self._quiet and whole and self._ledger.has_all(*self._end)

    def _give_up_what_is_lost(self) -> None:
        """Whether other messages come meanwhile or not: the worker that had the missing one may have died."""
        whole, heard = self._ledger.acknowledged, self._ledger.observations
        if whole == heard or whole != self._whole:
            self._whole, self._heard, self._missing_looks = whole, heard, 0
            return
        self._missing_looks += 1
        if self._missing_looks >= REPAIR_LOOKS:
            self._ledger.give_up(self._heard)

    def _tell_problems(self) -> None:
        while self._recording.problems:
            self.get_logger().warning(self._recording.problems.pop(0))

    def _acknowledge(self) -> None:
        self._looked, recorded = self._ledger.observations, self._ledger.acknowledged
        if recorded != self._acknowledged or self._asked:
            self._acknowledged, self._asked = recorded, False
            self._status.publish(self._status_message(""))

    def _status_message(self, error: str) -> msg.RecorderStatus:
        run = self._binding.info.run if self._binding.info else 0
        return msg.RecorderStatus(
            run=run, recorder=self._id, recorded=self._acknowledged, bag=str(self._recording.bag), error=error
        )

    def _update_figures(self) -> None:
        recording, ledger = self._recording, self._ledger
        self._health.refusals["of a foreign run"] = self._binding.foreign
        self._health.figures |= {
            "bag": recording.bag,
            "messages": recording.messages,
            "observations": ledger.observations,
            "duplicates dropped": ledger.duplicates,
            "bag number": recording.facts.segment,
        }


main = main_of(RecorderNode)
