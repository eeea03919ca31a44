"""Reads recordings for replay: an episode at a time, as the serialised messages that were recorded.

Those of older definitions get the fields that were added since.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from hrl_core.bags.added_fields import as_of_today
from hrl_core.bags.blocks import recorded_topic
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.errors import BagError
from hrl_core.bags.opening import opened
from hrl_core.bags.reader import read_bags
from hrl_core.messages import EpisodeResult
from hrl_core.task.spec import TaskSpec
from hrl_ros import messages
from hrl_viz.playback import NANOSECONDS, Tick

OBSERVATION = "hrl_msgs/msg/Observation"
RUN_INFO = "hrl_msgs/msg/RunInfo"
REPLAYED = (
    OBSERVATION,
    "sensor_msgs/msg/JointState",
    "nav_msgs/msg/Odometry",
    "hrl_msgs/msg/Objects",
    "hrl_msgs/msg/SubgoalResult",
    "hrl_msgs/msg/Subgoal",
    "hrl_msgs/msg/Action",
    "hrl_msgs/msg/EpisodeResult",
)
"""Types that are played, in the order of a step; clock and status are the player's own."""
_KEYED = {
    OBSERVATION: messages.OBSERVATION,
    "hrl_msgs/msg/SubgoalResult": messages.SUBGOAL_RESULT,
    "hrl_msgs/msg/Subgoal": messages.SUBGOAL,
    "hrl_msgs/msg/Action": messages.ACTION,
    "hrl_msgs/msg/EpisodeResult": messages.EPISODE_RESULT,
}
_MARGIN = 2 * NANOSECONDS
"""Time [ns] around an episode in which its other messages may have been recorded."""
_STAMP = struct.Struct("<iI")
_HEADER = 4
"""Bytes before the first field of a serialised message."""


@dataclass(frozen=True)
class RecordedRun:
    """What can be replayed."""

    episodes: list[BagEpisode]
    task: TaskSpec | None
    topics: dict[str, str]
    """Topic -> message type."""
    run_infos: dict[int, bytes]
    """Run id -> its RunInfo, serialised."""

    @property
    def namespace(self) -> str:
        """Namespace of the recorded topics, without slashes at its ends."""
        topic = next((name for name, kind in self.topics.items() if kind == OBSERVATION), "/observation")
        return topic.rsplit("/", 1)[0].strip("/")

    def ticks(self, position: int) -> list[Tick]:
        """Read the episode at ``position``; raises ``BagError`` when it is gone.

        Topics are not ordered against each other in a recording: what names a step goes there, the rest by its stamp.
        """
        episode = self.episodes[position]
        by_step: list[list[tuple[int, str, bytes]]] = [[] for _ in episode.stamps]
        start, stop = int(episode.received[0]) - _MARGIN, int(episode.received[-1]) + _MARGIN
        with opened(episode.bag) as reader:
            connections = [c for c in reader.connections if c.msgtype in REPLAYED]
            complete = {c.id: as_of_today(recorded_topic(reader, c)) for c in connections}
            for connection, _, view in reader.messages(connections, start=start, stop=stop):
                data = complete[connection.id](bytes(view))
                step = _step(connection.msgtype, data, episode)
                if step is not None:
                    order = REPLAYED.index(connection.msgtype)
                    by_step[step].append((order, connection.topic, data))
        if not all(by_step):
            raise BagError(f"{episode.bag}: {episode.key} cannot be read any more")
        return [
            Tick(stamp, [told[1:] for told in sorted(said, key=itemgetter(0))])
            for stamp, said in zip(episode.stamps.tolist(), by_step, strict=True)
        ]


def open_recording(paths: Iterable[Path]) -> RecordedRun:
    """Index the bags at or below ``paths``.

    Raises:
        BagError: there is no bag, or none holds an episode.
    """
    recording = read_bags(paths)
    if not recording.episodes:
        found = "; ".join(str(problem) for problem in recording.problems[:3])
        raise BagError(f"no episode to play in {', '.join(map(str, recording.bags))}{': ' + found if found else ''}")
    topics: dict[str, str] = {}
    infos: dict[int, bytes] = {}
    for bag in dict.fromkeys(episode.bag for episode in recording.episodes):
        with opened(bag) as reader:
            topics |= {c.topic: c.msgtype for c in reader.connections if c.msgtype in REPLAYED}
            for told in (c for c in reader.connections if c.msgtype == RUN_INFO):
                complete = as_of_today(recorded_topic(reader, told))
                for _, _, data in reader.messages([told]):
                    infos.setdefault(_run_of(bytes(data)), complete(bytes(data)))
    return RecordedRun(recording.episodes, recording.task, topics, infos)


def _step(kind: str, data: bytes, episode: BagEpisode) -> int | None:
    """Step of the episode that a message belongs to; None: it is of another episode."""
    codec = _KEYED.get(kind)
    if codec is None:
        stamp = header_stamp(data)
        inside = episode.stamps[0] <= stamp <= episode.stamps[-1]
        return int(np.searchsorted(episode.stamps, stamp, side="right")) - 1 if inside else None
    message = codec.decode(data)
    if (message.run, message.robot, message.episode) != episode.key:
        return None
    step = message.steps if isinstance(message, EpisodeResult) else message.step
    return step if step < len(episode.stamps) else None


def header_stamp(data: bytes | memoryview) -> int:
    """Stamp [ns] of a serialised message that begins with a header."""
    seconds, nanoseconds = _STAMP.unpack_from(data, _HEADER)
    return seconds * NANOSECONDS + nanoseconds


def _run_of(data: bytes) -> int:
    """Run id of a serialised RunInfo: the first field after the header (stamp, frame_id), aligned to 8 bytes."""
    (length,) = struct.unpack_from("<I", data, _HEADER + _STAMP.size)
    end = _STAMP.size + 4 + length
    aligned = -(-end // 8) * 8
    return struct.unpack_from("<Q", data, _HEADER + aligned)[0]
