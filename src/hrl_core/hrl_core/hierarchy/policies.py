"""What a manager and a worker must answer, whatever the algorithm behind them, and the actors of HIRO and its kin."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import Float32Vector, to_float32
from hrl_core.messages import NAN, Vector
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.fast_actor import FastActor
from hrl_core.task.spec import TaskSpec


class SubgoalChoice(NamedTuple):
    """A manager's decision in the kind and space of its level."""

    value: Vector
    """Shape (subgoal_dim,), units of the goal space."""
    log_probability: float = NAN
    value_estimate: float = NAN


class ActionChoice(NamedTuple):
    """A worker's decision."""

    value: Vector
    """Shape (action_dim,), units of the task."""
    log_probability: float = NAN


class Manager(Protocol):
    """Chooses subgoals."""

    version: int
    held: HeldExploration
    """Random subgoals that are held while exploring."""

    def select(self, state: Vector, task_goal: Vector, noise: np.random.Generator | None) -> SubgoalChoice:
        """Choose a subgoal; ``noise`` is given when exploring."""
        ...


class Worker(Protocol):
    """Chooses actions under a subgoal."""

    version: int

    def act(self, state: Vector, subgoal: Float32Vector, noise: np.random.Generator | None) -> ActionChoice:
        """Choose an action; ``subgoal`` is the carried one, ``noise`` is given when exploring."""
        ...


class ActorManager:
    """Deterministic manager: an actor network on state and what is pursued, Gaussian exploration in raw units."""

    def __init__(
        self,
        spec: TaskSpec,
        space: GoalSpace,
        pursued: int,
        config: ActorConfig,
        weights: Mapping[str, Float32],
        version: int,
    ) -> None:
        """Take over weights; raises ``CheckpointError`` when they do not fit the task and its level.

        Args:
            spec: the task.
            space: of its subgoals.
            pursued: length of what is pursued: a subgoal of the level above, or the task goal.
            config: architecture.
            weights: of the network.
            version: of the policy.
        """
        config.check(len(spec.observation) + pursued, space.size, "manager")
        self.version, self.held = version, config.held
        self._low, self._high = space.low, space.high
        self._noise = np.asarray(config.exploration_noise)
        self._actor = FastActor(config, weights)

    def select(self, state: Vector, task_goal: Vector, noise: np.random.Generator | None) -> SubgoalChoice:
        """Choose a subgoal from state (observation_dim,) and task goal (goal_dim,)."""
        value = self._actor(to_float32(np.concatenate((state, task_goal)))).astype(np.float64)
        return SubgoalChoice(_explore(value, self._noise, noise, self._low, self._high))


class ActorWorker:
    """Deterministic worker: an actor network on state and carried subgoal, Gaussian exploration in raw units."""

    def __init__(
        self, spec: TaskSpec, pursued: int, config: ActorConfig, weights: Mapping[str, Float32], version: int
    ) -> None:
        """Take over weights; raises ``CheckpointError`` when they do not fit the task and the level above.

        Args:
            spec: the task.
            pursued: length of what is pursued: a subgoal, or the task goal where there is no manager.
            config: architecture.
            weights: of the network.
            version: of the policy.
        """
        config.check(len(spec.observation) + pursued, len(spec.action), "worker")
        self.version = version
        self._low, self._high = spec.action_low, spec.action_high
        self._noise = np.asarray(config.exploration_noise)
        self._actor = FastActor(config, weights)

    def act(self, state: Vector, subgoal: Float32Vector, noise: np.random.Generator | None) -> ActionChoice:
        """Choose an action from state (observation_dim,) and carried subgoal (subgoal_dim,)."""
        value = self._actor(np.concatenate((to_float32(state), subgoal))).astype(np.float64)
        return ActionChoice(_explore(value, self._noise, noise, self._low, self._high))


def _explore(value: Vector, sigma: np.ndarray, noise: np.random.Generator | None, low: Vector, high: Vector) -> Vector:
    if noise is None:
        return value
    return np.clip(value + sigma * noise.standard_normal(value.shape), low, high)
