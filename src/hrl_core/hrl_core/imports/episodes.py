"""An episode of another data set: what it must hold, and what is made up where it holds nothing of it."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec

Array = npt.NDArray[np.float64]
INTENDED = "intended_action"
"""What our exports call the action before noise was added on purpose."""
_ROUNDING = 1e-6
"""Share of the range by which actions may lie beyond their limits: numbers in 32 bits do."""


class ForeignEpisode(NamedTuple):
    """T steps, as a data set has them."""

    states: Array
    """Shape (T + 1, observation_dim)."""
    actions: Array
    """Shape (T, action_dim)."""
    rewards: Array
    """Shape (T,)."""
    terminated: bool
    achieved_goals: Array | None = None
    """Shape (T + 1, goal_dim); None: the data set has none."""
    desired_goals: Array | None = None
    """Shape (T + 1, goal_dim); None: the data set has none."""
    success: npt.NDArray[np.bool_] | None = None
    """Shape (T + 1,); None: the data set does not tell."""
    intended: Array | None = None
    """Actions (T, action_dim) before noise was added on purpose; None: those that were done."""


class ImportedEpisode(NamedTuple):
    """The same with everything that a recording of the task needs."""

    states: Array
    actions: Array
    rewards: Array
    terminated: bool
    achieved_goals: Array
    desired_goals: Array
    success: npt.NDArray[np.bool_]
    intended: Array

    @property
    def steps(self) -> int:
        """T."""
        return len(self.rewards)


def imported(task: TaskSpec, episodes: Iterable[ForeignEpisode], source: str) -> Iterator[ImportedEpisode]:
    """Episodes of a task.

    Where goals are missing, what is achieved is read off the observation, and what was desired is what was achieved in
    the end: whatever an episode was for, it shows the way there. Success is then by the task's rule.

    Raises:
        HrlError: names the episode, what does not fit the task, what was got and what is allowed.
    """
    for number, episode in enumerate(episodes):
        where = f"{source}, episode {number}"
        _require_sizes(task, episode, where)
        _require_limits(task, episode, where)
        achieved = _achieved(task, episode, where)
        desired = episode.desired_goals
        if desired is None:
            desired = np.repeat(achieved[-1:], len(achieved), axis=0)
        success = task.success_holds(achieved, desired) if episode.success is None else episode.success
        lived = episode.states, episode.actions, episode.rewards, episode.terminated
        intended = episode.actions if episode.intended is None else episode.intended
        yield ImportedEpisode(*lived, achieved, desired, success, intended)


def as_rows(values: npt.ArrayLike) -> Array:
    """Values of each step, whatever their shape, as one vector, (steps, size)."""
    array = np.asarray(values, np.float64)
    return array.reshape(len(array), math.prod(array.shape[1:]))


def fingerprint(episodes: Iterable[ImportedEpisode]) -> str:
    """SHA-256 of all numbers, 64 hexadecimal digits: the same data set is the same run."""
    digest = hashlib.sha256()
    for episode in episodes:
        # What was meant counts where it is told.
        told = episode[:-1] if np.array_equal(episode.intended, episode.actions) else episode
        for part in told:
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _require_sizes(task: TaskSpec, episode: ForeignEpisode, where: str) -> None:
    steps, goal = len(episode.rewards), len(task.goal)
    if not 1 <= steps <= task.max_episode_steps:
        raise HrlError(
            f"{where}: has {steps} steps; task '{task.name}' allows 1 to {task.max_episode_steps} (max_episode_steps)"
        )
    wanted = {
        "observations": (episode.states, (steps + 1, len(task.observation))),
        "actions": (episode.actions, (steps, len(task.action))),
        "achieved goals": (episode.achieved_goals, (steps + 1, goal)),
        "desired goals": (episode.desired_goals, (steps + 1, goal)),
        "success": (episode.success, (steps + 1,)),
        "intended actions": (episode.intended, (steps, len(task.action))),
    }
    for name, (array, shape) in wanted.items():
        if array is None:
            continue
        if array.shape != shape:
            raise HrlError(f"{where}: {name} of shape {array.shape}; {steps} steps of task '{task.name}' have {shape}")
    for name, array in {"rewards": episode.rewards, **{name: array for name, (array, _) in wanted.items()}}.items():
        if array is not None and not np.isfinite(array).all():
            raise HrlError(f"{where}: {name} are not all finite")


def _require_limits(task: TaskSpec, episode: ForeignEpisode, where: str) -> None:
    room = _ROUNDING * (task.action_high - task.action_low)
    beyond = (episode.actions < task.action_low - room) | (episode.actions > task.action_high + room)
    if beyond.any():
        step, element = np.argwhere(beyond)[0]
        actuator = task.action[element]
        raise HrlError(
            f"{where}, step {step}: action '{actuator.name}' is {episode.actions[step, element]:g}; task '{task.name}' "
            f"allows {actuator.low:g} to {actuator.high:g} {actuator.unit}"
        )


def _achieved(task: TaskSpec, episode: ForeignEpisode, where: str) -> Array:
    if episode.achieved_goals is not None:
        return episode.achieved_goals
    if task.unobserved_goal:
        raise HrlError(
            f"{where}: tells no achieved goals, and the observation of task '{task.name}' does not hold "
            f"{', '.join(task.unobserved_goal)} either"
        )
    return episode.states[:, list(task.observed_goal.values())]
