"""How what an environment observes, with a goal or without, becomes the vectors of a task."""

from typing import Any

import numpy as np
from gymnasium import spaces

from hrl_core.messages import NO_VECTOR, Vector

GOAL_KEYS = ("observation", "achieved_goal", "desired_goal")
"""What Gymnasium's goal API observes."""
_NO_GOAL = spaces.Box(0.0, 0.0, (0,), np.float64)


class Layout:
    """Translates between one environment and its task.

    A vector alone is an observation without a goal. Dicts become vectors in the order of their space's keys. Where the
    task lists the elements of the observation and of the goal one after the other, the achieved goal is told behind the
    observation: some environments leave what the goal is about out of it.
    """

    def __init__(self, space: spaces.Space, observation_size: int) -> None:
        """Look at the spaces once.

        Args:
            space: observation space: a vector, or a Dict with observation, achieved_goal and desired_goal.
            observation_size: elements of the task's observation.
        """
        self.has_goals = has_goals(space)
        """Whether the environment is one of the goal API."""
        self._observation, self._goal = space, _NO_GOAL
        if isinstance(space, spaces.Dict) and self.has_goals:
            self._observation, self._goal = space["observation"], space["desired_goal"]
        self.sizes = flat_size(self._observation) or 0, flat_size(self._goal) or 0
        """Numbers in the environment's observation and in a goal."""
        self._with_goal = self.sizes[1] > 0 and observation_size == sum(self.sizes)
        self._plain = _is_vector(self._observation), _is_vector(self._goal)

    @property
    def goals_are_vectors(self) -> bool:
        """Whether the environment itself has goals as vectors."""
        return self._plain[1]

    def state(self, data: Any) -> Vector:  # noqa: ANN401 - as the environment has it
        """The task's observation, a copy."""
        observation = data["observation"] if self.has_goals else data
        state = np.array(observation, np.float64) if self._plain[0] else _flat(self._observation, observation)
        return np.concatenate((state, self.achieved(data))) if self._with_goal else state

    def achieved(self, data: Any) -> Vector:  # noqa: ANN401 - as the environment has it
        """The achieved goal, a copy; empty without goals."""
        return self.goal(data["achieved_goal"]) if self.has_goals else NO_VECTOR

    def desired(self, data: Any) -> Vector:  # noqa: ANN401 - as the environment has it
        """The desired goal, a copy; empty without goals."""
        return self.goal(data["desired_goal"]) if self.has_goals else NO_VECTOR

    def goal(self, goal: Any) -> Vector:  # noqa: ANN401 - as the environment has it
        """A goal of the environment as a vector, a copy."""
        return np.array(goal, np.float64) if self._plain[1] else _flat(self._goal, goal)

    def environment_goal(self, goal: Vector) -> Any:  # noqa: ANN401 - as the environment has it
        """A vector as a goal of the environment."""
        dtype = getattr(self._goal, "dtype", None)
        return np.array(goal, dtype or np.float64) if self._plain[1] else spaces.unflatten(self._goal, goal)


def has_goals(space: spaces.Space) -> bool:
    """Whether an observation space is one of Gymnasium's goal API."""
    return isinstance(space, spaces.Dict) and all(key in space.spaces for key in GOAL_KEYS)


def flat_size(space: spaces.Space) -> int | None:
    """Numbers in a space of vectors; None: something else is in it."""
    if isinstance(space, spaces.Dict):
        sizes = [flat_size(part) for part in space.spaces.values()]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    return int(np.prod(space.shape)) if isinstance(space, spaces.Box) else None


def _is_vector(space: spaces.Space) -> bool:
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def _flat(space: spaces.Space, value: Any) -> Vector:  # noqa: ANN401 - a sample of the space
    return np.asarray(spaces.flatten(space, value), np.float64)
