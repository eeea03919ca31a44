"""Four Rooms: 104 cells, four hallways, four moves that may lead elsewhere; three versions of the literature."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.control_env import ControlEnv, Float64, Observation
from hrl_core.four_rooms import MOVES, NUM_CELLS, NUM_OUTCOMES, NUMBER, PLACES, ROWS, Dynamics, outcomes

TOLERANCE = 0.5
_PIXELS = 8
"""Of a cell's side in a picture."""
_WALL, _FREE, _GOAL, _SELF = (70, 75, 85), (235, 235, 230), (40, 160, 80), (200, 70, 50)
_MOST_KEY = 2**53
"""Whole numbers below it are exact as a float of a saved state."""
EAST_HALLWAY = NUMBER[7, 9]


class Version(NamedTuple):
    """What the literature varies."""

    dynamics: Dynamics
    goals: tuple[int, ...]
    """Cells that the goal is drawn from."""
    ends_at_goal: bool
    start: int | None
    """The cell in which episodes begin; None: any but the goals."""


VERSIONS = {
    "option_critic": Version(Dynamics.THROWN, (EAST_HALLWAY,), True, None),
    "planning": Version(Dynamics.UNRELIABLE, (EAST_HALLWAY,), True, None),
    "multi": Version(Dynamics.THROWN, (68, 80, 90, 103), False, EAST_HALLWAY),
}
"""Option-Critic's (arXiv 1609.05140), that of Sutton, Precup & Singh (1999), and MLSH's (arXiv 1710.09767)."""


class FourRoomsEnv(ControlEnv):
    """Go to a cell: 1 for every step that ends there, else 0.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0 | row, from the north | 1 | 11 | cell |
    | 1 | column, from the west | 1 | 11 | cell |
    | 2 | number of the cell, in reading order | 0 | 103 | 1 |

    The goal is a row and a column. Action: 0 north, 1 south, 2 west, 3 east; where they lead: ``hrl_core.four_rooms``.

    | version | moves | goal | episode begins | at the goal |
    |---|---|---|---|---|
    | ``option_critic`` | thrown | (7, 9) | anywhere else | ends |
    | ``planning`` | unreliable | (7, 9) | anywhere else | ends |
    | ``multi`` | thrown | cell 68, 80, 90 or 103 | (7, 9) | goes on |

    A goal that is set from outside may be where the episode begins; it counts once a step ends there.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int] = 3
    goal_dim: ClassVar[int] = 2

    def __init__(self, version: str = "option_critic", render_mode: str | None = None) -> None:
        """Stand in the first cell.

        Args:
            version: one of ``VERSIONS``.
            render_mode: None or ``rgb_array``.

        Raises:
            ValueError: there is no such version.
        """
        if version not in VERSIONS:
            raise ValueError(f"version '{version}': must be one of {', '.join(VERSIONS)}")
        corners = PLACES[0], PLACES[-1]
        super().__init__(corners, (TOLERANCE,) * 2, spaces.Discrete(len(MOVES)))
        self.render_mode = render_mode
        self._version = VERSIONS[version]
        self._outcomes = outcomes(self._version.dynamics)
        self._cell, self._key, self._steps = 0, 0, 0

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move; over at the goal, where the version says so."""
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, self._version.ends_at_goal and reward > 0, truncated, info

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 in the cell of the goal, else 0; batches along leading axes."""
        return super().compute_reward(achieved_goal, desired_goal, info) + 1.0

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (5,): also what later moves draw."""
        return np.array([self._cell, *self.goal, self._key, self._steps], np.float64)

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._cell, self._key, self._steps = (int(state[i]) for i in (0, 3, 4))
        self.goal = state[1:3].copy()
        return self._observation()

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride] - one mode only
        """The map from above, north at the top; shape (104, 104, 3)."""
        cells = np.full((len(ROWS), len(ROWS[0]), 3), _WALL, np.uint8)
        goal = (int(self.goal[0]), int(self.goal[1]))
        places = [(place, _FREE) for place in PLACES] + [(goal, _GOAL), (PLACES[self._cell], _SELF)]
        for place, color in places:
            if place in NUMBER:
                cells[place] = color
        return cells.repeat(_PIXELS, axis=0).repeat(_PIXELS, axis=1)

    def _place(self) -> None:
        others = [cell for cell in range(NUM_CELLS) if cell not in self._version.goals]
        start = self._version.start
        self._cell = others[self.np_random.integers(len(others))] if start is None else start
        self._key, self._steps = int(self.np_random.integers(_MOST_KEY)), 0

    def _draw_goal(self) -> Float64:
        """One of the version's goals."""
        goals = self._version.goals
        return np.array(PLACES[goals[self.np_random.integers(len(goals))]], np.float64)

    def _advance(self, action: int) -> None:
        """Draw where the move leads: a function of the episode's key and the step, so that a saved state is whole."""
        rng = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, self._steps]))
        self._cell = int(self._outcomes[action, self._cell, rng.integers(NUM_OUTCOMES)])
        self._steps += 1

    def _state(self) -> Float64:
        return np.array([*PLACES[self._cell], self._cell], np.float64)


class OneHotFourRoomsEnv(FourRoomsEnv):
    """The same for networks that are to tell a cell from its neighbour.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0, 1 | row, column | 1 | 11 | cell |
    | 2-105 | whether one is in that cell | 0 | 1 | 1 |
    """

    observation_dim: ClassVar[int] = 2 + NUM_CELLS

    def _state(self) -> Float64:
        state = np.zeros(self.observation_dim)
        state[:2], state[2 + self._cell] = PLACES[self._cell], 1.0
        return state


def make_four_rooms(
    version: str = "option_critic", one_hot: bool = False, render_mode: str | None = None
) -> FourRoomsEnv:
    """Entry point of ``hrl/FourRooms-v0``, ``hrl/FourRoomsPlanning-v0`` and ``hrl/FourRoomsMulti-v0``."""
    return (OneHotFourRoomsEnv if one_hot else FourRoomsEnv)(version, render_mode)
