"""What a level pursues: a subgoal of the level above, or the task goal."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hac.lived import Float64, Lived
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.task.spec import TaskSpec


class Pursuit(Protocol):
    """Goals of one kind, and when they are reached."""

    def positions(self, episode: Lived) -> Float64:
        """Where every observation is among the goals, shape (T + 1, dim)."""
        ...

    def holds(self, goals: Float64, positions: Float64) -> npt.NDArray[np.bool_]:
        """Whether positions (rows, dim) are at their goals."""
        ...

    def seen(self, goals: Float64, positions: Float64) -> npt.NDArray[np.float32]:
        """Goals as the networks are shown them at positions, shape (rows, dim)."""
        ...


class SubgoalPursuit:
    """Absolute subgoals, reached where every element is within its tolerance."""

    def __init__(self, space: GoalSpace) -> None:
        """Of that space."""
        self._indices, self._tolerance = space.indices, np.array(space.level.tolerance)

    def positions(self, episode: Lived) -> Float64:
        """The goal-space part of the states."""
        return episode.states[:, self._indices]

    def holds(self, goals: Float64, positions: Float64) -> npt.NDArray[np.bool_]:
        """As ``hierarchy.subgoals.achieved``."""
        return np.all(np.abs(goals - positions) <= self._tolerance, axis=1)

    def seen(self, goals: Float64, positions: Float64) -> npt.NDArray[np.float32]:
        """The way left, as ``hierarchy.subgoals.carried_subgoal``."""
        return to_float32(goals) - to_float32(positions)


class TaskPursuit:
    """Task goals, reached where the task's success rule holds."""

    def __init__(self, task: TaskSpec) -> None:
        """Of that task."""
        self._task = task

    def positions(self, episode: Lived) -> Float64:
        """The achieved goals."""
        return episode.achieved

    def holds(self, goals: Float64, positions: Float64) -> npt.NDArray[np.bool_]:
        """As ``TaskSpec.succeeded``."""
        return self._task.success_holds(positions, goals)

    def seen(self, goals: Float64, positions: Float64) -> npt.NDArray[np.float32]:
        """As they are."""
        return to_float32(goals)


def pursuit(task: TaskSpec, hierarchy: HierarchySpec, level: int) -> Pursuit:
    """What a level pursues, 0 the worker."""
    if level == len(hierarchy.levels):
        return TaskPursuit(task)
    return SubgoalPursuit(GoalSpace(task, hierarchy.levels[level]))
