"""Reads recordings for replay: an episode at a time, as the serialised messages that were recorded.

Those of older definitions get the fields that were added since.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hrl_core.bags.added_fields import as_of_today
from hrl_core.bags.blocks import recorded_topic
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.errors import BagError
from hrl_core.bags.opening import opened
from hrl_core.bags.reader import read_bags
from hrl_core.messages import EpisodeResult, Subgoal, SubgoalResult
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


class _Message(NamedTuple):
    """A message of an episode."""

    step: int
    kind: str
    topic: str
    data: bytes
    received: int


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
        start, stop = int(episode.received.min()) - _MARGIN, int(episode.received.max()) + _MARGIN
        said = _read(episode, start, stop)
        if len(said) < _keyed_messages(episode):
            # A recorder that stood still, or whose wall clock was set, has the rest far from the observations.
            said = _read(episode)
        by_step: list[list[_Message]] = [[] for _ in episode.stamps]
        for message in said.values():
            by_step[message.step].append(message)
        if not all(any(message.kind == OBSERVATION for message in step) for step in by_step):
            raise BagError(f"{episode.bag}: {episode.key} cannot be read any more")
        times = [message.received for message in said.values()]
        for message in _unnumbered(episode, min(times) - _MARGIN, max(times) + _MARGIN):
            by_step[message.step].append(message)
        for step in by_step:
            step.sort(key=lambda message: (REPLAYED.index(message.kind), message.received))
        return [
            Tick(position, stamp, [(message.topic, message.data) for message in step])
            for stamp, step in zip(episode.stamps.tolist(), by_step, strict=True)
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


def _recorded(
    bag: Path, kinds: Iterable[str], start: int | None, stop: int | None
) -> Iterator[tuple[str, str, bytes, int]]:
    """Type, topic, data and receive time [ns] of messages of these types, received from ``start`` to ``stop``."""
    with opened(bag) as reader:
        connections = [c for c in reader.connections if c.msgtype in kinds]
        complete = {c.id: as_of_today(recorded_topic(reader, c)) for c in connections}
        # Of no connection means of all.
        for connection, received, view in reader.messages(connections, start=start, stop=stop) if connections else ():
            yield connection.msgtype, connection.topic, complete[connection.id](bytes(view)), received


def _read(episode: BagEpisode, start: int | None = None, stop: int | None = None) -> dict[tuple[Any, ...], _Message]:
    """The messages of an episode that say its number, each once, by type and what names it."""
    said: dict[tuple[Any, ...], _Message] = {}
    for kind, topic, data, received in _recorded(episode.bag, _KEYED, start, stop):
        message = _KEYED[kind].decode(data)
        step = message.steps if isinstance(message, EpisodeResult) else message.step
        if (message.run, message.robot, message.episode) == episode.key and step < len(episode.stamps):
            which = (message.level, message.seq) if isinstance(message, Subgoal | SubgoalResult) else step
            said.setdefault((kind, which), _Message(step, kind, topic, data, received))
    return said


def _keyed_messages(episode: BagEpisode) -> int:
    """How many of those there are."""
    acted = ~np.isnan(episode.actions).any(axis=1) if episode.actions.shape[1] else np.zeros(0)
    tables = [*episode.subgoals.values(), *episode.segments.values()]
    decisions = sum(int((table.steps < len(episode.stamps)).sum()) for table in tables)
    return len(episode.stamps) + int(acted.sum()) + decisions + (episode.outcome is not None)


def _unnumbered(episode: BagEpisode, start: int, stop: int) -> Iterator[_Message]:
    """What was received meanwhile and has its place by its stamp alone; other runs may have the same stamps."""
    for kind, topic, data, received in _recorded(episode.bag, set(REPLAYED) - set(_KEYED), start, stop):
        stamp = header_stamp(data)
        if episode.stamps[0] <= stamp <= episode.stamps[-1]:
            step = int(np.searchsorted(episode.stamps, stamp, side="right")) - 1
            yield _Message(step, kind, topic, data, received)


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
