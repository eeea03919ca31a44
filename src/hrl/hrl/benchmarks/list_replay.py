"""The replay buffer of open HIRO code."""

import numpy as np

Row = tuple[np.ndarray, ...]


class ListReplay:
    """A list of tuples of arrays, sampled row by row."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Begin empty."""
        self.rows: list[Row] = []
        self._rng = rng

    def sample(self, count: int) -> list[np.ndarray]:
        """Draw rows with replacement and stack each of their fields."""
        drawn = self._rng.integers(0, len(self.rows), count)
        columns: list[list[np.ndarray]] = [[] for _ in self.rows[0]]
        for i in drawn:
            for column, value in zip(columns, self.rows[i], strict=True):
                column.append(np.array(value, copy=True))
        return [np.array(column) for column in columns]
