"""Waypoints as exploration: a few random task goals are pursued before the episode's own.

The manager walks to any task goal long before it finds a way round an obstacle; sent to random ones first, it now
and then takes a detour that pays, and learns from it (temporally extended exploration, after arXiv 1909.10618).
"""

import numpy as np
import numpy.typing as npt

from hrl_core.training.config import TrainConfig

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_FOR_GOOD = np.iinfo(np.int64).max


class Waypoints:
    """Which task goal the manager of each environment is asked for at each decision."""

    def __init__(self, config: TrainConfig, goal_box: tuple[Array, Array], num_envs: int) -> None:
        """Begin with nothing to pursue; ``plan`` starts each episode.

        Args:
            config: chance, number and duration of the waypoints.
            goal_box: corners of the box they are drawn from, each (goal_dim,).
            num_envs: number of environments.
        """
        self._config, self._box = config, goal_box
        stages = config.waypoints[1] + 1
        self._goals = np.zeros((num_envs, stages, goal_box[0].size))
        self._left = np.zeros((num_envs, stages), np.int64)

    def plan(self, env: int, goal: Array, rng: np.random.Generator) -> None:
        """Draw the waypoints of an episode whose own task goal is ``goal`` (goal_dim,), pursued for good after them."""
        config = self._config
        self._left[env] = 0
        self._goals[env, -1], self._left[env, -1] = goal, _FOR_GOOD
        if not config.waypoint_probability or rng.random() >= config.waypoint_probability:
            return
        fewest, most = config.waypoints
        count = int(rng.integers(fewest, most + 1))
        self._goals[env, :count] = rng.uniform(*self._box, (count, goal.size))
        few, many = config.waypoint_decisions
        self._left[env, :count] = rng.integers(few, many + 1, count)

    def pursued(self, envs: Index) -> Array:
        """Task goals (len(envs), goal_dim) for one decision each of ``envs``, which it uses up."""
        stage = np.argmax(self._left[envs] > 0, axis=1)
        self._left[envs, stage] -= 1
        return self._goals[envs, stage]

    def state_dict(self) -> dict[str, npt.NDArray]:
        """What is still to be pursued."""
        return {"waypoints": self._goals, "waypoint_decisions": self._left}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._goals, self._left = state["waypoints"].copy(), state["waypoint_decisions"].copy()
