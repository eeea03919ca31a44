"""Grid World: four small rooms, left through gaps in their walls, a cell at a time in one of four directions."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

ROWS = (
    "...#...",
    ".......",
    "...#...",
    "#.###.#",
    "...#...",
    ".......",
    "...#...",
)
"""The map, north at the top: ``.`` is free, ``#`` a wall; x counts from the west, y from the south."""
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""North, east, south, west, as (x, y)."""
WIDTH, HEIGHT = len(ROWS[0]), len(ROWS)
TOLERANCE = 0.5
_PIXELS = 8
"""Of a cell's side in a picture."""
_WALL, _FREE, _GOAL, _SELF = (70, 75, 85), (235, 235, 230), (40, 160, 80), (200, 70, 50)


def is_free(x: float, y: float) -> bool:
    """Whether one can stand there: a cell of the map that is no wall."""
    return 0 <= x < WIDTH and 0 <= y < HEIGHT and ROWS[HEIGHT - 1 - int(y)][int(x)] == "."


FREE = tuple((x, y) for y in range(HEIGHT) for x in range(WIDTH) if is_free(x, y))
"""All free cells (x, y)."""


class GridWorldEnv(ControlEnv):
    """Go to a cell; -1 a step until there, 0 there. Start and goal are drawn from the free cells and differ.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0 | x, eastwards | 0 | 6 | cell |
    | 1 | y, northwards | 0 | 6 | cell |

    Action: 0 north, 1 east, 2 south, 3 west. Against a wall or off the map one stays where one is.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int] = 2
    goal_dim: ClassVar[int] = 2

    def __init__(self, render_mode: str | None = None) -> None:
        """Stand in the south-west corner.

        Args:
            render_mode: None or ``rgb_array``.
        """
        corners = (0.0, 0.0), (WIDTH - 1.0, HEIGHT - 1.0)
        super().__init__(corners, (TOLERANCE,) * 2, spaces.Discrete(len(MOVES)))
        self.render_mode = render_mode
        self._x, self._y = 0, 0

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (4,)."""
        return np.concatenate((self._state(), self.goal))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._x, self._y = map(int, state[:2])
        self.goal = state[2:].copy()
        return self._observation()

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride] - one mode only
        """The map from above with a wall around it, north at the top; shape (72, 72, 3)."""
        cells = np.full((HEIGHT + 2, WIDTH + 2, 3), _WALL, np.uint8)
        places = [(cell, _FREE) for cell in FREE] + [(self.goal, _GOAL), ((self._x, self._y), _SELF)]
        for (x, y), color in places:
            if is_free(x, y):
                cells[HEIGHT - int(y), int(x) + 1] = color
        return cells.repeat(_PIXELS, axis=0).repeat(_PIXELS, axis=1)

    def _place(self) -> None:
        self._x, self._y = FREE[self.np_random.integers(len(FREE))]

    def _draw_goal(self) -> Float64:
        """Any free cell but that of the start."""
        others = [cell for cell in FREE if cell != (self._x, self._y)]
        return np.array(others[self.np_random.integers(len(others))], np.float64)

    def _advance(self, action: int) -> None:
        """Go to the next cell in that direction, if one can stand there."""
        x, y = self._x + MOVES[action][0], self._y + MOVES[action][1]
        if is_free(x, y):
            self._x, self._y = x, y

    def _state(self) -> Float64:
        return np.array([self._x, self._y], np.float64)


def make_grid_world(render_mode: str | None = None) -> GridWorldEnv:
    """Entry point of ``hrl/GridWorld-v0``."""
    return GridWorldEnv(render_mode)
