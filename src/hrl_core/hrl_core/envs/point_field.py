"""Point Field: the point of Point Maze with room to all sides, paid for speed or at one place alone.

The former is where SNN4HRL learns skills (section 5), the latter where curiosity has nothing but ground to find out.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hrl_core.envs.maze import MazeSpec
from hrl_core.envs.maze_env import Float64, Observation
from hrl_core.envs.point_maze import FORWARD_SCALE, PointMazeEnv

_FIELD = MazeSpec(rows=("R",), cell_size=96.0, wall_height=1.0)
"""Farther to each side than an episode of 200 steps can lead."""


class PointFieldEnv(PointMazeEnv):
    """The way of a step is its reward, 1 for the longest there is (0.2 m), whatever its direction.

    Observation and action are those of ``PointMazeEnv``. There is a goal, a place; it has no say in the reward, but
    with ``reach``, under which rewards and ends are those of ``PointMazeEnv``.
    """

    def __init__(
        self, goal: tuple[float, float] | None = None, reach: float | None = None, render_mode: str | None = None
    ) -> None:
        """Compile the model; arguments as of ``PointMazeEnv``."""
        super().__init__(_FIELD, goal, reach, render_mode=render_mode)
        self._for_speed = reach is None

    @property
    def compute_reward(self) -> Callable[..., Float64]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """As of ``PointMazeEnv``; where goals have no say in the reward there is none."""
        if self._for_speed:
            raise AttributeError("goals have no say in the reward")
        return super().compute_reward

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Turn, then move ahead."""
        before = self.data.qpos[:2].copy()
        observation, reward, terminated, truncated, info = super().step(action)
        if self._for_speed:
            reward = float(np.linalg.norm(self.data.qpos[:2] - before)) / FORWARD_SCALE
        return observation, reward, terminated, truncated, info


def make_point_field(
    goal: tuple[float, float] | None = None, reach: float | None = None, render_mode: str | None = None
) -> PointFieldEnv:
    """Entry point of ``hrl/PointField-v0``; arguments as of ``PointMazeEnv``."""
    return PointFieldEnv(goal, reach, render_mode)
