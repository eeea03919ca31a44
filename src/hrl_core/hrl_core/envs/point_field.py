"""Point Field: the point of Point Maze with room to all sides, paid for speed (SNN4HRL's pre-training, section 5)."""

from typing import Any

import numpy as np

from hrl_core.envs.maze import MazeSpec
from hrl_core.envs.maze_env import Float64, Observation
from hrl_core.envs.point_maze import FORWARD_SCALE, PointMazeEnv

_FIELD = MazeSpec(rows=("R",), cell_size=48.0, wall_height=1.0)
"""Farther to each side than an episode of 100 steps can lead."""


class PointFieldEnv(PointMazeEnv):
    """The way of a step is its reward, 1 for the longest there is (0.2 m), whatever its direction.

    Observation and action are those of ``PointMazeEnv``. There is a goal, a place; it has no say in the reward.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        """Compile the model."""
        super().__init__(_FIELD, render_mode=render_mode)

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Turn, then move ahead."""
        before = self.data.qpos[:2].copy()
        observation, _, terminated, truncated, info = super().step(action)
        way = float(np.linalg.norm(self.data.qpos[:2] - before))
        return observation, way / FORWARD_SCALE, terminated, truncated, info


def make_point_field(render_mode: str | None = None) -> PointFieldEnv:
    """Entry point of ``hrl/PointField-v0``."""
    return PointFieldEnv(render_mode)
