"""Ant Obstacle Course: stairs of a corridor to a place that alone is paid (after MLSH, arXiv 1710.09767, section 6)."""

from typing import Any

import numpy as np

from hrl_core.envs.ant_maze_env import AntMazeEnv, AntTask
from hrl_core.envs.ant_two_walks import has_fallen
from hrl_core.envs.maze import MazeSpec
from hrl_core.envs.maze_env import Float64, Observation

GOAL = (16.0, 16.0)
REACH = 4.0
"""Distance from the goal [m] within which it is reached."""
_STAIRS = MazeSpec(
    rows=(
        "#####",
        "#R.##",
        "##..#",
        "###.#",
        "#####",
    ),
    cell_size=8.0,
    wall_height=4.0,
)


class AntObstacleCourseEnv(AntMazeEnv):
    """Walk along x, along y, along x and along y again: 1 for every step that ends within 4 m of (16, 16), else 0.

    Observation and action are those of ``AntMazeEnv``; over when fallen. ``options["goal"]`` may say another place.
    """

    def __init__(self, render_mode: str | None = None, width: int = 480, height: int = 480) -> None:
        """Compile the model."""
        super().__init__(AntTask(_STAIRS, GOAL, GOAL), render_mode, width, height)

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s."""
        observation, *_ = super().step(action)
        reward = float(self.compute_reward(observation["achieved_goal"], self.goal, {}))
        return observation, reward, has_fallen(self.data.qpos), False, {}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """1 within reach, else 0; batches along leading axes."""
        return (np.linalg.norm(achieved_goal - desired_goal, axis=-1) <= REACH).astype(np.float64)


def make_ant_obstacle_course(
    render_mode: str | None = None, width: int = 480, height: int = 480
) -> AntObstacleCourseEnv:
    """Entry point of ``hrl/AntObstacleCourse-v0``."""
    return AntObstacleCourseEnv(render_mode, width, height)
