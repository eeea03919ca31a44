"""What a bag says of itself, without reading its messages."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hrl_core.bags.opening import custom_data, is_storage_file, opened
from hrl_core.documents import MOST_RECORD, read_json
from hrl_core.errors import FileError

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
    with opened(bag) as reader:
        counts: dict[tuple[str, str], int] = {}
        for connection in reader.connections:
            key = (connection.topic, connection.msgtype)
            counts[key] = counts.get(key, 0) + int(connection.msgcount)
        files = [bag] if is_storage_file(bag) else list(bag.iterdir())
        files = [path for path in files if path.suffix in (".mcap", ".db3", ".zstd")]
        return BagDescription(
            path=bag,
            storage="sqlite3" if any(".db3" in path.name for path in files) else "mcap",
            size=sum(path.stat().st_size for path in files),
            start=int(reader.start_time) if reader.message_count else 0,
            duration=int(reader.duration),
            messages=int(reader.message_count),
            topics=sorted(TopicCount(topic, kind, count) for (topic, kind), count in counts.items()),
            custom=_custom(dict(reader.storage.metadata.custom or {})),
        )


def custom_metadata(bag: Path) -> dict[str, Any]:
    """What the recorder of this stack says of a bag, as in its description; raises ``BagError`` as ``describe``."""
    return describe(bag).custom if is_storage_file(bag) else _custom(custom_data(bag))


def _custom(data: dict[str, Any]) -> dict[str, Any]:
    """Our own entries, lists and objects decoded."""
    own: dict[str, Any] = {}
    for key, value in data.items():
        if not key.startswith(_PREFIX):
            continue
        name, text = key.removeprefix(_PREFIX), str(value)
        own[name] = text
        if text[:1] in ("[", "{"):
            try:
                own[name] = read_json(text, key, MOST_RECORD).data
            except FileError:
                continue
    return own
