"""A ring of rows: transitions that are ready to be learned from, each with a discount of its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


class Rows(NamedTuple):
    """Transitions of one level; float32, leading axis (rows,)."""

    inputs: Float32
    """What its networks see: observation and what is pursued, shape (rows, input_dim)."""
    actions: Float32
    """Shape (rows, action_dim), raw units."""
    rewards: Float32
    """Shape (rows,)."""
    discounts: Float32
    """Factor on the value of ``next_inputs``, 0 where nothing follows, shape (rows,)."""
    next_inputs: Float32


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class RowRing:
    """Keeps the newest rows."""

    def __init__(self, capacity: int, input_dim: int, action_dim: int) -> None:
        """Reserve room; memory is taken when it is written."""
        shapes = (capacity, input_dim), (capacity, action_dim), (capacity,), (capacity,), (capacity, input_dim)
        self._rows = Rows(*(np.zeros(shape, np.float32) for shape in shapes))
        self._capacity, self._added = capacity, 0

    def __len__(self) -> int:
        """Rows in the ring."""
        return min(self._added, self._capacity)

    def add(self, rows: Rows) -> None:
        """Put rows in the place of the oldest."""
        # Of more than there is room for, the last ones.
        skipped = max(0, len(rows.rewards) - self._capacity)
        places = (self._added + np.arange(skipped, len(rows.rewards))) % self._capacity
        for kept, new in zip(self._rows, rows, strict=True):
            kept[places] = new[skipped:]
        self._added += len(rows.rewards)

    def sample(self, batch: int, rng: np.random.Generator) -> Rows:
        """Draw rows uniformly with replacement."""
        drawn = rng.integers(0, len(self), batch)
        return Rows(*(column.take(drawn, axis=0) for column in self._rows))

    def state_dict(self) -> dict[str, Any]:
        """All rows, as views."""
        return {name: column[: len(self)] for name, column in self._rows._asdict().items()} | {"added": self._added}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Fill the ring with what ``state_dict`` gave."""
        self._added = state["added"]
        for name, column in self._rows._asdict().items():
            column[: len(self)] = state[name]
