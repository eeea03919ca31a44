"""What a bag says of itself, without reading its messages."""

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.rosbag2 import Reader, ReaderError

from hrl_core.bags.blocks import unfinished
from hrl_core.bags.errors import BagError

_PREFIX = "hrl."


class TopicCount(NamedTuple):
    """One topic of a bag."""

    name: str
    type: str
    messages: int


@dataclass(frozen=True)
class BagDescription:
    """Metadata of one bag."""

    path: Path
    storage: str
    """``mcap`` or ``sqlite3``."""
    size: int
    """Bytes on disk."""
    start: int
    """Receive time of the first message [ns]."""
    duration: int
    """Time between first and last message [ns]."""
    messages: int
    topics: list[TopicCount]
    custom: dict[str, Any] = field(default_factory=dict)
    """What the recorder of this stack says: run, robot, task, policies, episodes; empty for other recorders."""


def describe(bag: Path) -> BagDescription:
    """Read the metadata of a finished bag.

    Raises:
        BagError: the bag is missing, unfinished or damaged; the message says what to do.
    """
    try:
        with Reader(bag) as reader:
            counts: dict[tuple[str, str], int] = {}
            for connection in reader.connections:
                key = (connection.topic, connection.msgtype)
                counts[key] = counts.get(key, 0) + connection.msgcount
            files = [path for path in bag.iterdir() if path.suffix in (".mcap", ".db3", ".zstd")]
            return BagDescription(
                path=bag,
                storage="sqlite3" if any(".db3" in path.name for path in files) else "mcap",
                size=sum(path.stat().st_size for path in files),
                start=reader.start_time if reader.message_count else 0,
                duration=reader.duration,
                messages=reader.message_count,
                topics=sorted(TopicCount(topic, kind, count) for (topic, kind), count in counts.items()),
                custom=_custom(reader.storage.metadata.custom or {}),
            )
    except FileNotFoundError:
        raise BagError(f"{bag} {unfinished(bag)}") from None
    except (ReaderError, OSError, ValueError, AssertionError, struct.error) as error:
        raise BagError(f"bag {bag} is damaged: {error}; save what is sound with: hrl bag recover {bag}") from None


def _custom(data: dict[str, str]) -> dict[str, Any]:
    """Our own entries, lists and objects decoded."""
    own = {}
    for key, text in data.items():
        if not key.startswith(_PREFIX):
            continue
        own[key.removeprefix(_PREFIX)] = text
        if text[:1] in ("[", "{"):
            try:
                own[key.removeprefix(_PREFIX)] = json.loads(text)
            except ValueError:
                continue
    return own
