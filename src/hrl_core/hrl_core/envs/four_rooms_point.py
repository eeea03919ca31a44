"""A point in four rooms: continuous state, four moves that are a little off, one goal."""

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

HALF = 4.0
"""Half of the side of the square [m]; its inner walls lie on the axes."""
GAPS, GAP = 2.0, 0.5
"""Distance of the gaps in the inner walls from the middle, and half of their width [m]."""
MOVES = np.array([[0.0, 1.0], [0.0, -1.0], [-1.0, 0.0], [1.0, 0.0]])
"""North, south, west, east, as (x, y)."""
STEP, NOISE = 0.4, 0.08
"""Length of a move, and standard deviation of where it ends along each axis [m]."""
GOAL, RADIUS = (2.0, -2.0), 0.5
_MOST_KEY = 2**53
"""Whole numbers below it are exact as a float of a saved state."""


def crosses_wall(before: Float64, after: Float64) -> bool:
    """Whether the way between two places (x, y) leads through an inner wall."""
    for across, along in ((0, 1), (1, 0)):
        if before[across] * after[across] < 0:
            share = before[across] / (before[across] - after[across])
            at = before[along] + share * (after[along] - before[along])
            if abs(abs(at) - GAPS) > GAP:
                return True
    return False


class FourRoomsPointEnv(ControlEnv):
    """Go to the middle of the south-east room: 1 for the step that ends within 0.5 m of it, else 0; over there.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0 | x, eastwards | -4 | 4 | m |
    | 1 | y, northwards | -4 | 4 | m |

    Action: 0 north, 1 south, 2 west, 3 east, 0.4 m each, with Gaussian noise of 0.08 m along both axes. A move that
    would lead through an inner wall is not made; the outer one stops it. Episodes begin anywhere else.
    """

    observation_dim: ClassVar[int] = 2
    goal_dim: ClassVar[int] = 2

    def __init__(self) -> None:
        """Stand in the middle of the north-west room."""
        super().__init__((GOAL, GOAL), (RADIUS,) * 2, spaces.Discrete(len(MOVES)))
        self._place_now, self._key, self._steps = np.array([-GAPS, GAPS]), 0, 0

    def step(self, action: Float64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Move; over at the goal."""
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, reward > 0, truncated, info

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 within 0.5 m of the goal, else 0; batches along leading axes."""
        del info
        return (np.linalg.norm(achieved_goal - desired_goal, axis=-1) <= RADIUS).astype(np.float64)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (6,): also what later moves draw."""
        return np.array([*self._place_now, *self.goal, self._key, self._steps])

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._place_now, self.goal = state[:2].copy(), state[2:4].copy()
        self._key, self._steps = int(state[4]), int(state[5])
        return self._observation()

    def _place(self) -> None:
        while True:
            self._place_now = self.np_random.uniform(-HALF, HALF, 2)
            if np.linalg.norm(self._place_now - GOAL) > 2 * RADIUS:
                break
        self._key, self._steps = int(self.np_random.integers(_MOST_KEY)), 0

    def _advance(self, action: int) -> None:
        """Draw where the move ends: a function of the episode's key and the step, so that a saved state is whole."""
        rng = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, self._steps]))
        after = self._place_now + STEP * MOVES[action] + NOISE * rng.standard_normal(2)
        after = np.clip(after, -HALF, HALF)
        if not crosses_wall(self._place_now, after):
            self._place_now = after
        self._steps += 1

    def _state(self) -> Float64:
        return self._place_now.copy()


def make_four_rooms_point() -> FourRoomsPointEnv:
    """Entry point of ``hrl/FourRoomsPoint-v0``."""
    return FourRoomsPointEnv()
