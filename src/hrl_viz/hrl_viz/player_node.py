"""Player node: a recording on its topics again, with clock, pace, pauses and jumps, as if it were running."""

import time
from dataclasses import dataclass
from pathlib import Path

from nav_msgs.msg import Odometry
from rclpy.serialization import deserialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from hrl_core.errors import HrlError
from hrl_core.wording import counted
from hrl_msgs import msg
from hrl_ros import messages, qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health
from hrl_ros.node import HrlNode, RawPublisher
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.running import main_of
from hrl_viz.playback import Playback, Tick
from hrl_viz.player_services import PlayerServices
from hrl_viz.recorded_ticks import RecordedRun, open_recording

TICK_PERIOD = 0.005
STATUS_PERIOD = 1.0
LISTEN = 1.0
"""Seconds before the first message in which the player looks for a graph that runs in its namespace."""
LOOK = 5.0
"""Seconds from the start in which such a graph was there first; later ones find a player at work, and give way."""
TYPES: dict[str, type] = {
    "hrl_msgs/msg/Observation": msg.Observation,
    "hrl_msgs/msg/Action": msg.Action,
    "hrl_msgs/msg/Subgoal": msg.Subgoal,
    "hrl_msgs/msg/SubgoalResult": msg.SubgoalResult,
    "hrl_msgs/msg/EpisodeResult": msg.EpisodeResult,
    "hrl_msgs/msg/Objects": msg.Objects,
    "sensor_msgs/msg/JointState": JointState,
    "nav_msgs/msg/Odometry": Odometry,
}


@dataclass(frozen=True)
class PlayerParameters(NodeParameters):
    """What the player takes."""

    bag: str = parameter("", "bag directory, or a folder of bags")
    rate: float = parameter(1.0, "environment seconds per wall second; 0: as fast as possible", low=0.0, high=1000.0)
    loop: bool = parameter(False, "begin again after the last episode")
    paused: bool = parameter(False, "begin paused")
    stay: bool = parameter(False, "wait for buttons after the last episode instead of ending")
    policy: str = parameter("", "checkpoint folder; its worker relabels every subgoal, shown beside the original")


class PlayerNode(HrlNode):
    """Publishes what the playback hands out."""

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("player", PlayerParameters)

    def setup(self) -> None:
        """Index the recording; create publishers and services."""
        self._settings = p = self.read_parameters(PlayerParameters)
        if not p.bag:
            raise HrlError("parameter bag: give the bag directory to play, for example -p bag:=runs/today/bag")
        self.recording: RecordedRun = open_recording([Path(p.bag)])
        self.playback = Playback(len(self.recording.episodes), self.recording.ticks, p.rate, p.loop)
        self.playback.pause(p.paused)
        self._relabelled: dict[tuple[int, int, int], msg.RelabelledSubgoal] = {}
        if p.policy:
            from hrl_viz.relabelling import relabelled_subgoals

            self._relabelled = relabelled_subgoals(self.recording, Path(p.policy))
        self._outputs: dict[str, RawPublisher] = {
            topic: self.publish_raw(TYPES[kind], topic.rsplit("/", 1)[-1], qos.lockstep())
            for topic, kind in self.recording.topics.items()
        }
        self._info = self.create_lifecycle_publisher(msg.RunInfo, topics.RUN_INFO, qos.latched())
        self._status = self.create_lifecycle_publisher(msg.SimStatus, topics.SIM_STATUS, qos.latched())
        self._clock_topic = self.create_lifecycle_publisher(Clock, topics.CLOCK, qos.sensor())
        self._other = self.create_lifecycle_publisher(msg.RelabelledSubgoal, topics.RELABELLED_SUBGOAL, qos.event())
        self._run, self._stamp, self._mark = -1, 0, (time.monotonic(), 0)
        self._began = float("inf")
        numbers = [episode.key.episode for episode in self.recording.episodes]
        self._offers = PlayerServices(self, self.playback, numbers, self.publish_status)
        self._health = Health(p.diagnostics)
        self._health.doing = "playing"
        self._reports = HealthReports(self, self._health)
        self.every(TICK_PERIOD, self._play)
        self.every(STATUS_PERIOD, self.publish_status)

    def start(self) -> None:
        """Listen for a while before anything is played."""
        self._began = time.monotonic()
        count = len(self.recording.episodes)
        self.get_logger().info(f"playing {counted(count, 'episode')} of {self._settings.bag}")

    def publish_status(self) -> None:
        """Tell where the replay stands, as a simulator would, once it is sure that there is none."""
        if self._run == -1:
            return
        play, episode = self.playback, self.recording.episodes[self.playback.episode]
        self._announce(play.episode)
        status = msg.SimStatus(run=episode.key.run, robot=episode.key.robot, episode=episode.key.episode)
        status.header.stamp = messages.to_time(self._stamp)
        status.paused, status.finished = play.paused, play.finished
        status.reached_step, status.target_step = play.taken, play.target
        status.wanted_real_time_factor, status.action_latency = play.rate, float("nan")
        now, (since, stamp) = time.monotonic(), self._mark
        if now > since:
            passed = (self._stamp - stamp) / messages.NANOSECONDS
            status.real_time_factor = max(0.0, passed / (now - since))
        self._mark = (now, self._stamp)
        self._status.publish(status)

    def _play(self) -> None:
        passed = time.monotonic() - self._began
        if passed < LOOK:
            self._require_room()
        if passed < LISTEN:
            return
        play = self.playback
        if self._run == -1:
            # Setting the pace lets its time begin now.
            play.rate = self._settings.rate
        self._announce(play.episode)
        ended = play.finished
        for tick in play.due():
            self._publish(tick)
        if play.finished and not ended:
            self.publish_status()
            self.finished = not self._settings.stay

    def _require_room(self) -> None:
        """Raise ``HrlError`` where others close a loop: their clock, state and actions would be mixed with old ones."""
        if self.count_publishers(topics.RUN_INFO) > 1:
            raise HrlError(
                f"a graph is running in namespace '{self.get_namespace()}', or another recording is played there; end "
                "it or play into a namespace of its own: --namespace NAME"
            )

    def _publish(self, tick: Tick) -> None:
        self._announce(tick.episode)
        self._stamp = tick.stamp
        self._clock_topic.publish(Clock(clock=messages.to_time(tick.stamp)))
        for topic, data in tick.messages:
            self._outputs[topic].publish(data)
            if self._relabelled and self.recording.topics[topic] == "hrl_msgs/msg/Subgoal":
                subgoal = messages.SUBGOAL.decode(data)
                other = self._relabelled.get((subgoal.run, subgoal.episode, subgoal.step))
                if other is not None:
                    self._other.publish(other)

    def _announce(self, episode: int) -> None:
        """Publish the RunInfo of the run of the episode at a position when it is another than before."""
        run = self.recording.episodes[episode].key.run
        if run == self._run:
            return
        self._run = run
        data = self.recording.run_infos.get(run)
        if data is None:
            raise HrlError(f"{self._settings.bag}: run {run:016x} has no recorded RunInfo, so its task is unknown")
        self._info.publish(deserialize_message(data, msg.RunInfo))


main = main_of(PlayerNode)
