"""Waypoints as exploration: a few random task goals are pursued before the episode's own.

The manager walks to any task goal long before it finds a way round an obstacle; sent to random ones first, it now
and then takes a detour that pays, and learns from it (temporally extended exploration, after arXiv 1909.10618).
Where such a detour would be a chain of lucky draws, some waypoints are places that have seldom been visited.
"""

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.visits import Visits
from hrl_core.errors import TaskError

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
_FOR_GOOD = np.iinfo(np.int64).max
REACHED = 2.0
"""A waypoint is reached within this distance [units of the task goal]."""


class Waypoints:
    """Which task goal the manager of each environment is asked for at each decision."""

    def __init__(self, config: HiroConfig, goal_box: tuple[Array, Array], num_envs: int) -> None:
        """Begin with nothing to pursue; ``plan`` starts each episode.

        Args:
            config: chance, number and duration of the waypoints.
            goal_box: corners of the box they are drawn from, each (goal_dim,).
            num_envs: number of environments.

        Raises:
            TaskError: there are to be waypoints, and the task has no goals, or all within a step.
        """
        if config.waypoint_probability and not goal_box[0].size:
            raise TaskError("waypoint_probability needs a task goal, which this task does not have; set it to 0")
        widest = float((goal_box[1] - goal_box[0]).max(initial=0.0))
        if config.waypoint_probability and widest < 2 * REACHED:
            raise TaskError(
                f"waypoint_probability: the box of this task's goals is {widest:g} wide, and waypoints count as "
                f"reached within {REACHED:g}: none would ever be pursued; set it to 0"
            )
        self._config, self._box = config, goal_box
        stages = config.waypoints[1] + 1
        self._goals = np.zeros((num_envs, stages, goal_box[0].size))
        self._left = np.zeros((num_envs, stages), np.int64)
        self._visits = Visits(goal_box) if config.waypoint_rarity else None

    def plan(self, env: int, goal: Array, rng: np.random.Generator) -> None:
        """Draw the waypoints of an episode whose own task goal is ``goal`` (goal_dim,), pursued for good after them."""
        config = self._config
        self._left[env] = 0
        self._goals[env, -1], self._left[env, -1] = goal, _FOR_GOOD
        if not config.waypoint_probability or rng.random() >= config.waypoint_probability:
            return
        fewest, most = config.waypoints
        count = int(rng.integers(fewest, most + 1))
        self._goals[env, :count] = self._places(count, rng)
        few, many = config.waypoint_decisions
        self._left[env, :count] = rng.integers(few, many + 1, count)

    def pursued(self, envs: Index, achieved: Array) -> Array:
        """Task goals (len(envs), goal_dim) for one decision each of ``envs``, which it uses up.

        Args:
            envs: environments whose manager decides.
            achieved: goals achieved there, (len(envs), goal_dim); who has reached a waypoint is done with it.
        """
        if self._visits is not None:
            self._visits.add(achieved)
        stage = self._stage(envs)
        reached = np.linalg.norm(self._goals[envs, stage] - achieved, axis=1) < REACHED
        passed = reached & (stage < self._left.shape[1] - 1)
        self._left[envs[passed], stage[passed]] = 0
        stage = self._stage(envs)
        self._left[envs, stage] -= 1
        return self._goals[envs, stage]

    def state_dict(self) -> dict[str, npt.NDArray]:
        """What is still to be pursued."""
        own = {"waypoints": self._goals, "waypoint_decisions": self._left}
        return own if self._visits is None else own | self._visits.state_dict()

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._goals, self._left = state["waypoints"].copy(), state["waypoint_decisions"].copy()
        if self._visits is not None:
            self._visits.load_state_dict(state)

    def _stage(self, envs: Index) -> Index:
        return np.argmax(self._left[envs] > 0, axis=1)

    def _places(self, count: int, rng: np.random.Generator) -> Array:
        """Waypoints (count, goal_dim) from all over the box, or seldom visited ones."""
        places = rng.uniform(*self._box, (count, self._box[0].size))
        if self._visits is None or self._visits.nowhere:
            return places
        rare = rng.random(count) < self._config.waypoint_rarity
        places[rare] = self._visits.draw(int(rare.sum()), rng)
        return places
