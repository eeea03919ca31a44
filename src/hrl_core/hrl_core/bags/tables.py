"""Everything the stack says in a set of bags, as one table of columns per message type."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rosbags.typesys.store import Typestore

from hrl_core.bags.added_fields import complete_columns, complete_message
from hrl_core.bags.blocks import BagScan, Block
from hrl_core.bags.cdr_layout import decoded, definitions
from hrl_core.bags.columns import BadMessage, ColumnReader, Columns, join
from hrl_core.bags.errors import BagError
from hrl_core.bags.topic import Topic

OBSERVATION = "hrl_msgs/msg/Observation"
ACTION = "hrl_msgs/msg/Action"
SUBGOAL = "hrl_msgs/msg/Subgoal"
SUBGOAL_RESULT = "hrl_msgs/msg/SubgoalResult"
EPISODE_RESULT = "hrl_msgs/msg/EpisodeResult"
RUN_INFO = "hrl_msgs/msg/RunInfo"
POLICY_UPDATE = "hrl_msgs/msg/PolicyUpdate"
TABLES = (OBSERVATION, ACTION, SUBGOAL, SUBGOAL_RESULT, EPISODE_RESULT)
SINGLE = (RUN_INFO, POLICY_UPDATE)
"""Types of which there are few, decoded one by one."""
_FIELDS: dict[str, dict[str, type]] = {
    RUN_INFO: {
        "run": int, "robot": str, "task": str, "task_hash": str, "seed": int, "git_commit": str, "clock_mode": int,
        "hierarchy": str, "hierarchy_hash": str,
    },
    POLICY_UPDATE: {"version": int, "sha256": str, "party": str},
}  # fmt: skip
"""What is taken from them."""


class Origin(NamedTuple):
    """Where a message comes from; column ``#tag`` counts these."""

    bag: Path
    topic: str


class SingleMessage(NamedTuple):
    """One decoded message of ``SINGLE``."""

    tag: int
    type: str
    stamp: int
    message: Any


@dataclass
class Tables:
    """Columns by message type; a type without messages has none."""

    columns: dict[str, Columns] = field(default_factory=dict)
    singles: list[SingleMessage] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    bad: list[BadMessage] = field(default_factory=list)
    announced: set[tuple[Path, str]] = field(default_factory=set)
    """Bag and message type of every topic, also of those without a message."""
    messages: int = 0
    """Messages of all types, those of other packages included."""

    def count(self, kind: str) -> int:
        """Number of messages of a type."""
        return len(next(iter(self.columns[kind].values()))) if kind in self.columns else 0


class TableBuilder:
    """Takes in one bag after the other."""

    def __init__(self) -> None:
        """Start empty."""
        self._tables = Tables()
        self._readers: dict[tuple[str, str], ColumnReader] = {}
        self._stores: dict[tuple[str, str], Typestore] = {}
        self._tags: dict[tuple[Path, str], int] = {}

    def add(self, bag: Path, topics: dict[int, Topic], blocks: Iterable[Block]) -> None:
        """Take in the messages of one bag; ``topics`` may grow while ``blocks`` is gone through.

        Raises:
            BagError: the bag is damaged.
        """
        for block in blocks:
            self._tables.messages += len(block.topics)
            for key in np.unique(block.topics).tolist():
                topic = topics.get(key)
                if topic is not None and topic.type in (*TABLES, *SINGLE):
                    self._take(bag, topic, block, np.flatnonzero(block.topics == key))
        self._tables.announced |= {(bag, topic.type) for topic in topics.values()}

    @property
    def messages(self) -> int:
        """Messages taken in so far, of all types."""
        return self._tables.messages

    def tables(self) -> Tables:
        """Everything taken in; the builder is empty afterwards."""
        parts: dict[str, list[Columns]] = {}
        for (kind, _), reader in self._readers.items():
            self._tables.bad += reader.bad
            if columns := reader.columns():
                parts.setdefault(kind, []).append(complete_columns(kind, columns))
        self._tables.columns = {kind: _merge(pieces) for kind, pieces in parts.items()}
        return self._tables

    def _take(self, bag: Path, topic: Topic, block: Block, rows: np.ndarray) -> None:
        tag = self._tags.get((bag, topic.name))
        if tag is None:
            tag = self._tags[bag, topic.name] = len(self._tags)
            self._tables.origins.append(Origin(bag, topic.name))
        kind = (topic.type, topic.definition)
        if topic.type in SINGLE:
            store = self._stores.get(kind) or self._stores.setdefault(kind, definitions(topic))
            for row in rows.tolist():
                self._decode(store, topic, block, row, tag)
            return
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = ColumnReader(topic)
        reader.add(block, rows, tag)

    def _decode(self, store: Typestore, topic: Topic, block: Block, row: int, tag: int) -> None:
        stamp = int(block.stamps[row])
        try:
            message = complete_message(topic.type, decoded(store, topic.type, block.message(row)))
            for name, kind in _FIELDS[topic.type].items():
                if not isinstance(getattr(message, name, None), kind):
                    raise ValueError(f"{topic.type} has no field {name}, or one of another type")
        except ValueError as error:
            self._tables.bad.append(BadMessage(tag, stamp, str(error)))
            return
        self._tables.singles.append(SingleMessage(tag, topic.type, stamp, message))


def read_tables(bags: Iterable[Path]) -> Tables:
    """Read finished bags.

    Raises:
        BagError: one of them is damaged; its path is in the message.
    """
    builder = TableBuilder()
    for bag in bags:
        scan = BagScan(bag)
        builder.add(bag, scan.topics, scan.blocks())
    return builder.tables()


def _merge(parts: list[Columns]) -> Columns:
    """Join tables of one type that were recorded with different definitions: the columns they have in common."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in parts[0] if all(name in part for part in parts)]
    try:
        return {name: join([part[name] for part in parts]) for name in names}
    except ValueError as error:
        raise BagError(f"the bags' message definitions do not go together: {error}") from None
