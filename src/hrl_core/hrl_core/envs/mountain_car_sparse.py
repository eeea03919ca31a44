"""Mountain Car without a hint: 1 for coming to the top, nothing before (VIME, arXiv 1605.09674, section 3).

The car is Gymnasium's. VIME's own is one of Box2D that begins with a velocity from -1 to 1, and is paid, and ends, also
beyond the other side.
"""

from typing import ClassVar

import numpy as np

from hrl_core.envs.control_env import Float64
from hrl_core.envs.mountain_car import POSITION_HIGH, SPEED_LIMIT, MountainCarEnv

TOP = 0.45
"""Position from which on the car is at the top."""


class MountainCarSparseEnv(MountainCarEnv):
    """The car of ``MountainCarEnv``; the goal is the top, whatever the velocity, and throttle costs nothing.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0 | position | -1.2 | 0.6 | 1 |
    | 1 | velocity | -1 | 1 | 0.07/step |

    Action: throttle [-1, 1]. The task ends an episode at the top.
    """

    goal_dim: ClassVar[int] = 1

    def __init__(self) -> None:
        """Stand in the valley."""
        middle = (TOP + POSITION_HIGH) / 2
        super().__init__((middle,), (POSITION_HIGH - middle,))

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 at the goal, else 0; batches along leading axes."""
        return 1 + super().compute_reward(achieved_goal, desired_goal, info)

    def _state(self) -> Float64:
        return np.array([self._x, self._v / SPEED_LIMIT])


def make_mountain_car_sparse() -> MountainCarSparseEnv:
    """Entry point of ``hrl/MountainCarSparse-v0``."""
    return MountainCarSparseEnv()
