"""Task goals of the manager's transitions, redrawn: from all over the training box, or achieved later.

The latter after hindsight experience replay (arXiv 1707.01495).
"""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex

Float32 = npt.NDArray[np.float32]


class GoalTask(Protocol):
    """What relabelling of task goals asks of the environment."""

    @property
    def goal_box(self) -> tuple[npt.NDArray, npt.NDArray]:
        """Corners of the box that training goals are drawn from."""
        ...

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals (..., goal_dim)."""
        ...


class TaskGoals(NamedTuple):
    """Task goals that manager transitions are learned under; leading axis (batch,)."""

    goals: Float32
    own: npt.NDArray[np.bool_]
    """Whether it is the goal of the episode."""
    meant: npt.NDArray[np.bool_]
    """Whether the subgoals were for it or led to it."""


def relabelled_goals(
    config: HiroConfig, store: EpisodeStore, index: SegmentIndex, task: GoalTask, rng: np.random.Generator
) -> TaskGoals:
    """Task goals of manager transitions, relabelled as configured."""
    goals = store.task_goals[index.slots]
    if not config.relabels_goals:
        everywhere = np.ones(len(goals), np.bool_)
        return TaskGoals(goals, everywhere, everywhere)
    low, high = task.goal_box
    share = rng.random(len(goals))
    later = rng.integers(index.starts + 1, store.lengths[index.slots] + 1)
    uniform = rng.uniform(low, high, goals.shape).astype(np.float32)
    future = store.achieved_goals(index.slots, later)
    is_uniform = share < config.relabel_goals_uniform
    is_future = ~is_uniform & (share < config.relabel_goals_uniform + config.relabel_goals_future)
    chosen = np.where(is_uniform[:, None], uniform, np.where(is_future[:, None], future, goals))
    return TaskGoals(chosen, ~(is_uniform | is_future), ~is_uniform)
