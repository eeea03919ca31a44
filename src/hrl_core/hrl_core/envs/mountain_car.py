"""Mountain Car: a car too weak to climb the right-hand hill at once swings up from the left-hand one."""

import math
from typing import ClassVar

import numpy as np

from hrl_core.envs.control_env import ControlEnv, Float64, Observation

POSITION_LOW, POSITION_HIGH = -1.2, 0.6
SPEED_LIMIT = 0.07
POWER, GRAVITY = 0.0015, 0.0025
"""Change of velocity per step at full throttle, and on the steepest slope."""
START_LOW, START_HIGH = -0.6, -0.4
GOAL, TOLERANCE = (0.48, 0.04), (0.03, 0.03)


class MountainCarEnv(ControlEnv):
    """The continuous car of Gymnasium with a goal of position and velocity, as HAC is tried on.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0 | position x | -1.2 | 0.6 | 1 |
    | 1 | velocity | -0.07 | 0.07 | 1/step |

    Action: throttle [-1, 1]. Height is sin(3 x); the left wall stops the car.
    """

    observation_dim: ClassVar[int] = 2
    goal_dim: ClassVar[int] = 2

    def __init__(self, goal: tuple[float, ...] = GOAL, tolerance: tuple[float, ...] = TOLERANCE) -> None:
        """Stand in the valley; the goal is the same in every episode that is given none."""
        super().__init__((goal, goal), tolerance, actions=1)
        self._x, self._v = -0.5, 0.0

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on, shape (4,)."""
        return np.array([self._x, self._v, *self.goal])

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._x, self._v = map(float, state[:2])
        self.goal = state[2:].copy()
        return self._observation()

    def _place(self) -> None:
        self._x, self._v = float(self.np_random.uniform(START_LOW, START_HIGH)), 0.0

    def _advance(self, action: Float64) -> None:
        """Let v += power a - gravity cos 3x, then x += v."""
        v = self._v + POWER * float(action[0]) - GRAVITY * math.cos(3 * self._x)
        v = min(max(v, -SPEED_LIMIT), SPEED_LIMIT)
        x = min(max(self._x + v, POSITION_LOW), POSITION_HIGH)
        self._x, self._v = x, 0.0 if x == POSITION_LOW and v < 0 else v

    def _state(self) -> Float64:
        return np.array([self._x, self._v])


def make_mountain_car() -> MountainCarEnv:
    """Entry point of ``hrl/MountainCar-v0``."""
    return MountainCarEnv()
