"""Managers and workers that remember the steps of an episode before; their sessions keep what they remember."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, TypeVar

from hrl_core.errors import CheckpointError
from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.policies import (
    ActionChoice,
    SubgoalChoice,
    decided,
    network_inputs,
    require_worker,
    unit_direction,
)
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Vector
from hrl_core.networks.actor_config import DIRECTION, ActorConfig, Float32
from hrl_core.networks.heads import Categorical
from hrl_core.networks.memory_actor import Memory, MemoryActor
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec

C_co = TypeVar("C_co", covariant=True)


class Moment(NamedTuple):
    """When a decision is made."""

    step: int
    """Of the episode, from 0."""
    since: int = 1
    """Steps since the last decision: more than one where some were missed."""


class Recurrent(Protocol[C_co]):
    """A manager or a worker that remembers; by itself it acts as at the beginning of an episode."""

    network: MemoryActor
    version: int

    def decide(
        self, memory: Memory, moment: Moment, state: Vector, task: Assignment, draws: Draws
    ) -> tuple[Memory, C_co]:
        """Decide by what is remembered of the steps before; returns what is to be remembered from now on as well."""
        ...


class RecurrentManager:
    """Says a direction at every step: what its memory says, brought to length 1 (FuN, arXiv 1703.01161, section 3.1).

    While exploring it now and then is a random one, uniformly on the sphere (appendix A.1).
    """

    def __init__(
        self,
        spec: TaskSpec,
        space: GoalSpace,
        pursued: int,
        config: ActorConfig,
        weights: Mapping[str, Float32],
        version: int,
    ) -> None:
        """Take over weights as ``ActorManager`` does."""
        config.check(len(spec.observation) + pursued, space.size, "manager", DIRECTION)
        self.version, self.held = version, HeldExploration()
        self.network, self._pursued = MemoryActor(config, weights), pursued
        self._random_probability = config.random_probability

    def select(self, state: Vector, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Choose a direction as at the beginning of an episode."""
        return self.decide(self.network.initial(), Moment(0), state, task, draws)[1]

    def decide(
        self, memory: Memory, moment: Moment, state: Vector, task: Assignment, draws: Draws
    ) -> tuple[Memory, SubgoalChoice]:
        """Choose a direction."""
        after, output = self.network.advance(memory, network_inputs(state, task, self._pursued), *moment)
        value = output.said.astype(float)
        if draws.explore and self._random_probability > 0 and draws.rng.random() < self._random_probability:
            value = draws.rng.standard_normal(len(value))
        return after, SubgoalChoice(unit_direction(value), value_estimate=output.value)


class RecurrentWorker:
    """Chooses by logits, under the last directions where it follows any."""

    def __init__(
        self,
        spec: TaskSpec,
        pursued: int,
        config: ActorConfig,
        weights: Mapping[str, Float32],
        version: int,
        sampled: bool,
    ) -> None:
        """Take over weights; raises ``CheckpointError`` when they do not fit the task and the level above.

        Args:
            spec: the task.
            pursued: length of what is pursued: a direction, or the task goal.
            config: architecture.
            weights: of the network.
            version: of the policy.
            sampled: whether actions are drawn also when not exploring.
        """
        require_worker(config, len(spec.observation) + pursued, spec)
        self.network = MemoryActor(config, weights)
        if config.memory is not None and config.memory.directions not in (0, pursued):
            raise CheckpointError(
                f"worker actor follows directions of length {config.memory.directions}, it is given {pursued} numbers"
            )
        self.version, self._pursued, self._sampled, self._head = version, pursued, sampled, Categorical()

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Choose an action as at the beginning of an episode."""
        return self.decide(self.network.initial(), Moment(0), state, task, draws)[1]

    def decide(
        self, memory: Memory, moment: Moment, state: Vector, task: Assignment, draws: Draws
    ) -> tuple[Memory, ActionChoice]:
        """Choose an action."""
        after, output = self.network.advance(memory, network_inputs(state, task, self._pursued), *moment)
        return after, ActionChoice(*decided(self._head, output.said, draws, self._sampled))

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False
