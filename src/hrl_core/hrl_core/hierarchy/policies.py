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
    test: bool = False
    """Whether it is to be pursued without exploration at any level below (HAC)."""
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
    """Deterministic manager: an actor network on state and what is pursued, and how it explores."""

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
        self._exploration = _Exploration(config, space.low, space.high)
        self._test_probability = config.test_probability
        self._actor = FastActor(config, weights)

    def select(self, state: Vector, task_goal: Vector, noise: np.random.Generator | None) -> SubgoalChoice:
        """Choose a subgoal from state (observation_dim,) and task goal (goal_dim,)."""
        value = self._actor(to_float32(np.concatenate((state, task_goal)))).astype(np.float64)
        if noise is None:
            return SubgoalChoice(value)
        # In this order, for who restarts to draw the same: which, then whether it is a test.
        value = self._exploration.of(value, noise)
        return SubgoalChoice(value, test=self._test_probability > 0 and noise.random() < self._test_probability)


class ActorWorker:
    """Deterministic worker: an actor network on state and carried subgoal, and how it explores."""

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
        self._exploration = _Exploration(config, spec.action_low, spec.action_high)
        self._actor = FastActor(config, weights)

    def act(self, state: Vector, subgoal: Float32Vector, noise: np.random.Generator | None) -> ActionChoice:
        """Choose an action from state (observation_dim,) and carried subgoal (subgoal_dim,)."""
        value = self._actor(np.concatenate((to_float32(state), subgoal))).astype(np.float64)
        return ActionChoice(value if noise is None else self._exploration.of(value, noise))


class _Exploration:
    """Gaussian noise in raw units, or now and then a uniformly random value."""

    def __init__(self, config: ActorConfig, low: Vector, high: Vector) -> None:
        self._low, self._high = low, high
        self._sigma = np.asarray(config.exploration_noise)
        self._random_probability = config.random_probability

    def of(self, value: Vector, noise: np.random.Generator) -> Vector:
        """What is tried in the place of ``value``."""
        if self._random_probability > 0 and noise.random() < self._random_probability:
            return noise.uniform(self._low, self._high)
        return np.clip(value + self._sigma * noise.standard_normal(value.shape), self._low, self._high)
