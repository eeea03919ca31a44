"""Ant Two-walks: an open field, and a direction to run in that nobody says (after MLSH's Twowalk, arXiv 1710.09767)."""

from typing import Any, ClassVar

import numpy as np

from hrl_core.envs.ant_maze_env import TORQUE_LIMIT, AntMazeEnv, AntTask
from hrl_core.envs.maze import MazeSpec
from hrl_core.envs.maze_env import Float64, Observation

PROGRESS_UNIT = 0.2
"""Way [m] in the direction asked for that earns 1."""
UPRIGHT_REWARD = 0.1
TORQUE_COST = 0.01
"""Of the square of all torques, in units of their limit."""
FALL_COST = 1.0
LEAST_UP = 0.1
"""Upward part of the torso's z axis below which it has fallen."""
DIRECTIONS = ((1.0, 0.0, 1.0), (0.0, 1.0, 1.0))
"""Goals: along +x, along +y."""
SUCCESS_DISTANCE = 15.0
"""[m]"""
_OPEN_FIELD = MazeSpec(rows=("R",), cell_size=8.0, wall_height=1.0)


def has_fallen(qpos: Float64) -> bool:
    """Whether an ant with these positions of its joints, the torso's first, lies on its side or back."""
    qx, qy = qpos[4:6] / np.linalg.norm(qpos[3:7])
    return bool(1 - 2 * (qx * qx + qy * qy) < LEAST_UP)


class AntTwoWalksEnv(AntMazeEnv):
    """Run along x or along y; over when fallen.

    The observation is that of ``AntMazeEnv``, and so is the action. What a step achieved:

    | index | meaning |
    |---|---|
    | 0, 1 | way along x, y [0.2 m] |
    | 2 | 0.1 - 0.01 sum (torque / 30 N m)^2, and 1 less where the ant has fallen |

    The goal weighs it: the reward is the product achieved . desired, (1, 0, 1) for +x and (0, 1, 1) for +y.
    ``info["is_success"]``: whether the ant is 15 m further in the direction of the goal than the origin.
    """

    goal_size: ClassVar[int] = 3

    def __init__(self, render_mode: str | None = None, width: int = 480, height: int = 480) -> None:
        """Compile the model."""
        self._achieved = np.zeros(self.goal_size)
        super().__init__(AntTask(_OPEN_FIELD, (0.0, 0.0, 1.0), (1.0, 1.0, 1.0)), render_mode, width, height)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Put the ant near the origin; ``options["goal"]`` sets the goal."""
        self._achieved = np.zeros(self.goal_size)
        return super().reset(seed=seed, options=options)

    def step(self, action: Float64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Apply torques [N m] for 0.1 s."""
        before = self.data.qpos[:2].copy()
        super().step(action)
        fallen = has_fallen(self.data.qpos)
        # Of the command that was given: under a delay another one may act.
        torques = action / TORQUE_LIMIT
        self._achieved[:2] = (self.data.qpos[:2] - before) / PROGRESS_UNIT
        self._achieved[2] = UPRIGHT_REWARD - TORQUE_COST * torques.dot(torques) - FALL_COST * fallen
        reward = float(self._achieved.dot(self.goal))
        far = bool(self.data.qpos[:2].dot(self.goal[:2]) >= SUCCESS_DISTANCE * np.linalg.norm(self.goal[:2]))
        return self._observation(), reward, fallen, False, {"is_success": far}

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """The product achieved . desired; batches along leading axes."""
        return np.sum(np.multiply(achieved_goal, desired_goal), axis=-1)

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on; shape (state_size,)."""
        return np.concatenate((self._achieved, super().simulation_state()))

    def restore(self, state: Float64) -> Observation:
        """Go back to a ``simulation_state``; return the observation there."""
        self._achieved = state[: self.goal_size].copy()
        return super().restore(state[self.goal_size :])

    def _begin(self, options: dict[str, Any] | None) -> None:
        super()._begin(options)
        if (options or {}).get("goal") is None:
            self.goal = np.array(DIRECTIONS[self.np_random.integers(len(DIRECTIONS))])

    def _observation(self) -> Observation:
        return super()._observation() | {"achieved_goal": self._achieved.copy()}


def make_ant_two_walks(render_mode: str | None = None, width: int = 480, height: int = 480) -> AntTwoWalksEnv:
    """Entry point of ``hrl/AntTwoWalks-v0``."""
    return AntTwoWalksEnv(render_mode, width, height)
