"""Hindsight experience replay (arXiv 1707.01495, "future"): task goals that were achieved later in the episode."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hrl_core.errors import TaskError
from hrl_core.replay.episode_store import EpisodeStore, Index, WorkerBatch
from hrl_core.task.spec import TaskSpec

Reward = Callable[[npt.NDArray, npt.NDArray], npt.NDArray]
"""Task reward of achieved goals under desired ones, (..., goal_dim) each."""


class Hindsight:
    """Relabels most transitions of a batch, each with a goal of its own."""

    def __init__(self, spec: TaskSpec, goals: int, reward: Reward) -> None:
        """Of batches of that task.

        Args:
            spec: the task.
            goals: transitions that are relabelled for each that is not (k of the paper).
            reward: of the task.

        Raises:
            TaskError: goals cannot be told from observations, or only the environment knows when one is reached.
        """
        if spec.unobserved_goal or not spec.goal:
            hidden = ", ".join(spec.unobserved_goal)
            why = f"its observation lacks {hidden}" if hidden else "it has no goal"
            raise TaskError(f"her: goals of task '{spec.name}' cannot be replaced: {why}; leave --her out")
        if spec.success.ends_episode and spec.own_success:
            raise TaskError(f"her: only the environment of task '{spec.name}' knows when a goal ends the episode")
        self._spec, self._share, self._reward = spec, goals / (goals + 1), reward

    def relabelled(
        self, store: EpisodeStore, slots: Index, steps: Index, batch: WorkerBatch, rng: np.random.Generator
    ) -> WorkerBatch:
        """The transitions at ``steps`` of ``slots`` (batch,), the first of them under goals achieved later.

        g = achieved(s_k), k uniform in t + 1 ... T;   r = R(achieved(s_t+1), g)
        """
        count = round(self._share * len(slots))
        slots, steps = slots[:count], steps[:count]
        later = rng.integers(steps + 1, store.lengths[slots] + 1)
        goals, achieved = store.achieved_goals(slots, later), store.achieved_goals(slots, steps + 1)
        task_goals, rewards, terminated = batch.task_goals.copy(), batch.rewards.copy(), batch.terminated.copy()
        task_goals[:count], rewards[:count] = goals, self._reward(achieved, goals)
        # What ended with its own goal reached has not ended under another one; a fall is one under any.
        terminated[:count] &= ~self._spec.success_holds(achieved, batch.task_goals[:count])
        if self._spec.success.ends_episode:
            terminated[:count] |= self._spec.success_holds(achieved, goals)
        return batch._replace(task_goals=task_goals, rewards=rewards, terminated=terminated)
