"""How often training has been where, and places it has seldom been to.

Places seldom visited, drawn as goals, carry exploration on from the frontier of what has been reached (after
arXiv 1903.03698, Skew-Fit, and arXiv 2007.02832, MEGA, which learn the density that a grid counts here).
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CELL = 2.0
"""Edge of a cell of the grid [units of the task goal]."""
ATTEMPT = 3
"""Visits that an attempt counts for: a place reached by a freak is not tried for ever."""


class Visits:
    """Counts over a grid of achieved goals; each cell remembers the place in it that was visited last."""

    def __init__(self, box: tuple[Array, Array]) -> None:
        """Nowhere yet; ``box`` holds the corners, each (goal_dim,), and what lies outside counts for its rim."""
        low, high = box
        self._low = low
        self._cells = np.maximum(1, np.ceil((high - low) / CELL)).astype(np.int64)
        size = int(np.prod(self._cells))
        self._counts = np.zeros(size, np.int64)
        self._places = np.zeros((size, low.size))

    @property
    def nowhere(self) -> bool:
        """Whether nothing has been visited yet."""
        return not self._counts.any()

    def add(self, achieved: Array) -> None:
        """Count achieved goals (n, goal_dim)."""
        cells = self._cell(achieved)
        np.add.at(self._counts, cells, 1)
        self._places[cells] = achieved

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Places (count, goal_dim), each with a chance in inverse proportion to the square of its cell's visits.

        Between Skew-Fit, whose exponent is at least -1, and MEGA, which takes the rarest: most draws are of the
        frontier, some of everywhere else.

        Raises:
            ValueError: nothing has been visited yet.
        """
        visited = np.flatnonzero(self._counts)
        rarity = self._counts[visited] ** -2.0
        cells = rng.choice(visited, count, p=rarity / rarity.sum())
        np.add.at(self._counts, cells, ATTEMPT)
        return self._places[cells]

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Counts and places."""
        return {"visits": self._counts, "visited_places": self._places}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._counts, self._places = state["visits"].copy(), state["visited_places"].copy()

    def _cell(self, achieved: Array) -> npt.NDArray[np.int64]:
        place = np.floor((achieved - self._low) / CELL).astype(np.int64)
        place = np.clip(place, 0, self._cells - 1)
        return np.asarray(np.ravel_multi_index(tuple(place.T), tuple(self._cells)), np.int64)
