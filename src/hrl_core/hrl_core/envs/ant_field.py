"""Ant Field: an ant on open ground, paid for speed in any direction (SNN4HRL's pre-training, arXiv 1704.03012)."""

from typing import Any

import numpy as np

from hrl_core.envs.ant_two_walks import SUCCESS_DISTANCE, AntTwoWalksEnv
from hrl_core.envs.maze_env import Float64, Observation


class AntFieldEnv(AntTwoWalksEnv):
    """The way of a step is paid, 1 for 0.2 m, whatever its direction; over when fallen.

    Observation, action and what a step achieved are those of ``AntTwoWalksEnv``; the reward is

        sqrt(achieved[0]^2 + achieved[1]^2) + achieved[2]

    There is a goal; it has no say in the reward. ``info["is_success"]``: whether the ant is 15 m from the origin.
    """

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s."""
        observation, _, fallen, truncated, _ = super().step(action)
        reward = float(self.compute_reward(observation["achieved_goal"], self.goal, {}))
        far = bool(np.hypot(*self.data.qpos[:2]) >= SUCCESS_DISTANCE)
        return observation, reward, fallen, truncated, {"is_success": far}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """Way of the step, and its upkeep; batches along leading axes."""
        return np.hypot(achieved_goal[..., 0], achieved_goal[..., 1]) + achieved_goal[..., 2]


def make_ant_field(render_mode: str | None = None, width: int = 480, height: int = 480) -> AntFieldEnv:
    """Entry point of ``hrl/AntField-v0``."""
    return AntFieldEnv(render_mode, width, height)
