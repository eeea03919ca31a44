"""Movement Bandits: two places in sight, and nobody says which of them is the right one (MLSH, arXiv 1710.09767).

Figures are those of MLSH's released environment for pictures (``movement_bandits_conv.py``), lengths in units of its
field's side of 400. The released one of six numbers draws its places from all of the field and bounds nobody.
"""

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.envs.control_env import ControlEnv, Float64

MOVES = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Stay, east, west, north, south, as (x, y)."""
STRIDE = 0.05
"""Length of a move."""
RADIUS = 0.125
"""Within which a place is reached."""
START = 0.5
LOW, HIGH = 0.0675, 0.875
"""Between which one can be, along x and y."""
PLACES_LOW, PLACES_HIGH = 0.065, 0.875
"""Between which the places are drawn."""
NOWHERE, BOTH = -1.0, 0.5
"""Achieved where neither place is reached, and where both are, whichever is the right one."""
_PIXELS = 96
_FIELD, _SELF, _PLACES = (235, 235, 230), (200, 70, 50), ((40, 160, 80), (70, 110, 200))


class MovementBanditsEnv(ControlEnv):
    """Be at the right one of two places: 1 for every step that ends there, else 0; which one is right is the goal.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0, 1 | x eastwards, y northwards | 0.0675 | 0.875 | field |
    | 2, 3 | x, y of the first place | 0.065 | 0.875 | field |
    | 4, 5 | x, y of the second place | 0.065 | 0.875 | field |

    The goal is the number of the right place, 0 or 1; achieved is the number of the place that is reached, 0.5 of both,
    -1 of neither. Action: 0 stay, 1 east, 2 west, 3 north, 4 south.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_dim: ClassVar[int] = 6
    goal_dim: ClassVar[int] = 1

    def __init__(self, render_mode: str | None = None) -> None:
        """Stand in the middle.

        Args:
            render_mode: None or ``rgb_array``.
        """
        super().__init__(((0.0,), (1.0,)), (0.5,), spaces.Discrete(len(MOVES)))
        self.render_mode = render_mode
        self._self, self._places = np.full(2, START), np.full((2, 2), START)

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 at the right place, else 0; batches along leading axes."""
        return 1.0 * (abs(achieved_goal[..., 0] - desired_goal[..., 0]) <= self._tolerance[0])

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (7,)."""
        return np.concatenate((self._state(), self.goal))

    def restore(self, state: Float64) -> dict[str, Float64]:
        """Go back to a ``simulation_state``; return the observation there."""
        self._self, self._places = state[:2].copy(), state[2:6].reshape(2, 2).copy()
        self.goal = state[6:].copy()
        return self._observation()

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride] - one mode only
        """The field from above, north at the top, first place green, second one blue; shape (96, 96, 3)."""
        picture = np.full((_PIXELS, _PIXELS, 3), _FIELD, np.uint8)
        centres = (np.arange(_PIXELS) + 0.5) / _PIXELS
        x, y = np.meshgrid(centres, centres[::-1])
        for place, color in zip(self._places, _PLACES, strict=True):
            picture[np.hypot(x - place[0], y - place[1]) <= RADIUS] = color
        picture[np.hypot(x - self._self[0], y - self._self[1]) <= STRIDE / 2] = _SELF
        return picture

    def _place(self) -> None:
        self._self = np.full(2, START)
        self._places = self.np_random.uniform(PLACES_LOW, PLACES_HIGH, (2, 2))

    def _draw_goal(self) -> Float64:
        """Either place."""
        return np.array([float(self.np_random.integers(2))])

    def _advance(self, action: int) -> None:
        x, y = self._self.tolist()
        east, north = MOVES[action]
        self._self[:] = min(max(x + STRIDE * east, LOW), HIGH), min(max(y + STRIDE * north, LOW), HIGH)

    def _state(self) -> Float64:
        return np.concatenate((self._self, self._places.ravel()))

    def _observation(self) -> dict[str, Float64]:
        state = self._state()
        x, y, *places = state.tolist()
        first, second = (math.hypot(x - places[k], y - places[k + 1]) for k in (0, 2))
        reached = {(True, True): BOTH, (True, False): 0.0, (False, True): 1.0, (False, False): NOWHERE}
        achieved = np.array([reached[first <= RADIUS, second <= RADIUS]])
        return {"observation": state, "achieved_goal": achieved, "desired_goal": self.goal.copy()}


def make_movement_bandits(render_mode: str | None = None) -> MovementBanditsEnv:
    """Entry point of ``hrl/MovementBandits-v0``."""
    return MovementBanditsEnv(render_mode)
