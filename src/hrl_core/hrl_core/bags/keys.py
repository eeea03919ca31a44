"""Messages in canonical order (run, robot, episode, step or seq), each once."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.columns import Columns

Index = npt.NDArray[np.int64]
_EPISODE = ("run", "robot", "episode")


class EpisodeKey(NamedTuple):
    """What names an episode; sorts canonically."""

    run: int
    robot: str
    episode: int

    def __str__(self) -> str:
        """As people are told."""
        return f"run {self.run:016x}, robot '{self.robot}', episode {self.episode}"


@dataclass
class EpisodeIndex:
    """Numbers the episodes of a set of tables."""

    numbers: dict[EpisodeKey, int] = field(default_factory=dict)

    def of(self, columns: Columns) -> Index:
        """Number of the episode of each message; new ones are given the next number."""
        run, robot, episode = (columns[name] for name in _EPISODE)
        change = np.ones(len(run), np.bool_)
        # Messages come in long stretches of one episode: only their beginnings are looked up one by one.
        change[1:] = (run[1:] != run[:-1]) | (robot[1:] != robot[:-1]) | (episode[1:] != episode[:-1])
        starts = np.flatnonzero(change)
        keys = zip(run[starts].tolist(), robot[starts].tolist(), episode[starts].tolist(), strict=True)
        numbers = [
            self.numbers.setdefault(EpisodeKey(r, name.decode(errors="replace"), e), len(self.numbers))
            for r, name, e in keys
        ]
        return np.repeat(np.array(numbers, np.int64), np.diff(np.append(starts, len(run))))

    def ranks(self) -> Index:
        """Canonical rank of each number."""
        order = [self.numbers[key] for key in sorted(self.numbers)]
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks


class Ordered(NamedTuple):
    """A table in canonical order without duplicates."""

    columns: Columns
    starts: Index
    """First row of each episode, by rank, and the end, shape (episodes + 1,)."""
    duplicates: int
    """Equal messages that were left out."""
    conflicts: Index
    """Rows whose key came a second time with other content, which was left out."""

    def rows(self, rank: int) -> slice:
        """Rows of one episode."""
        return slice(int(self.starts[rank]), int(self.starts[rank + 1]))


def in_order(columns: Columns, episodes: Index, count: int, keys: tuple[str, ...]) -> Ordered:
    """Sort by episode and ``keys``; of equal keys the first received stays.

    Args:
        columns: the table.
        episodes: rank of the episode of each message, shape (n,).
        count: number of episodes.
        keys: columns that together with the episode name a message.
    """
    parts = [episodes, *(columns[key] for key in keys)]
    order = np.lexsort((columns["#stamp"], *reversed(parts)))
    if not np.array_equal(order, np.arange(len(order))):
        columns = {name: column[order] for name, column in columns.items()}
        parts = [part[order] for part in parts]
    again = np.zeros(len(order), np.bool_)
    again[1:] = np.all([part[1:] == part[:-1] for part in parts], axis=0)
    conflicts = np.zeros(0, np.int64)
    duplicates = np.flatnonzero(again)
    if duplicates.size:
        differs = ~_equal(columns, duplicates)
        keep = np.flatnonzero(~again)
        conflicts = np.unique(np.searchsorted(keep, duplicates[differs], side="right") - 1)
        columns = {name: column[keep] for name, column in columns.items()}
        parts[0] = parts[0][keep]
    return Ordered(columns, np.searchsorted(parts[0], np.arange(count + 1)), len(duplicates), conflicts)


def _equal(columns: Columns, rows: Index) -> npt.NDArray[np.bool_]:
    """Whether each of ``rows`` says the same, bit for bit, as the row before it."""
    equal = np.ones(len(rows), np.bool_)
    for name, column in columns.items():
        if name in ("#stamp", "#tag"):
            continue
        here, before = _bytes(column[rows]), _bytes(column[rows - 1])
        equal &= np.all(here == before, axis=1)
    return equal


def _bytes(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    size = values.dtype.itemsize * int(np.prod(values.shape[1:], dtype=np.int64))
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), size)
