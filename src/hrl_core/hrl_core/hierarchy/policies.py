"""What a manager and a worker must answer, whatever the algorithm behind them, and those made of actor networks."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import Assignment, Float32Vector, to_float32
from hrl_core.messages import NAN, NO_VECTOR, Vector
from hrl_core.networks.actor_config import OF_CHOICES, OF_SUBGOALS, OF_VECTORS, ActorConfig, Float32
from hrl_core.networks.fast_actor import FastActor
from hrl_core.networks.heads import Categorical, Head, make_head
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec


class SubgoalChoice(NamedTuple):
    """A manager's decision in the kind and space of its level."""

    value: Vector = NO_VECTOR
    """Shape (subgoal_dim,), units of the goal space; empty for a skill."""
    skill: int = -1
    """Number of the skill, where the level chooses among skills."""
    test: bool = False
    """Whether it is to be pursued without exploration at any level below (HAC)."""
    log_probability: float = NAN
    value_estimate: float = NAN
    above: tuple["SubgoalChoice", ...] = ()
    """Of a tree: what the composites above chose, from the root on."""


class ActionChoice(NamedTuple):
    """A worker's decision."""

    value: Vector
    """Shape (action_dim,), units of the task."""
    log_probability: float = NAN
    intended: Vector = NO_VECTOR
    """Of a demonstrator: the action before noise was added on purpose; empty: a policy acts."""


class Manager(Protocol):
    """Chooses subgoals."""

    version: int
    held: HeldExploration
    """Random subgoals that are held while exploring; of no effect on skills and directions."""

    def select(self, state: Vector, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Choose a subgoal in state (observation_dim,) for what the level above, or the task, asks."""
        ...


class Worker(Protocol):
    """Chooses actions under a subgoal."""

    version: int

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Choose an action in state (observation_dim,)."""
        ...

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Whether to end the segment in this state; asked only where the level above allows it."""
        ...


class ActorManager:
    """A manager that is an actor network on state and what is pursued; its head says how it explores.

    What it says of a direction is brought to length 1.
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
        """Take over weights; raises ``CheckpointError`` when they do not fit the task and its level.

        Args:
            spec: the task.
            space: of its subgoals.
            pursued: length of what it sees of what is pursued: a subgoal of the level above, or the task goal.
            config: architecture.
            weights: of the network.
            version: of the policy.
        """
        config.check(len(spec.observation) + pursued, space.size, "manager", *OF_SUBGOALS)
        self.version, self.held = version, config.held
        self._turns = space.level.kind == "direction"
        self._head = make_head(config, weights)
        self._test_probability = config.test_probability
        self._actor, self._pursued = FastActor(config, weights), pursued

    def select(self, state: Vector, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Choose a subgoal."""
        output = self._actor(network_inputs(state, task, self._pursued))
        # In this order, for who restarts to draw the same: which, then whether it is a test.
        value, log_probability = decided(self._head, output, draws)
        test = draws.explore and self._test_probability > 0 and draws.rng.random() < self._test_probability
        return SubgoalChoice(
            unit_direction(value) if self._turns else value, test=test, log_probability=log_probability
        )


class SkillManager:
    """Chooses among skills by the logits of an actor network: the likeliest, or one drawn by its probability."""

    def __init__(
        self,
        spec: TaskSpec,
        space: GoalSpace,
        pursued: int,
        config: ActorConfig,
        weights: Mapping[str, Float32],
        version: int,
        sampled: bool,
    ) -> None:
        """Take over weights as ``ActorManager`` does.

        Args:
            spec: the task.
            space: of its level.
            pursued: length of what it sees of what is pursued.
            config: architecture.
            weights: of the network.
            version: of the policy.
            sampled: whether the skill is drawn also when not exploring.
        """
        config.check(len(spec.observation) + pursued, len(space.level.skills), "manager", "categorical")
        self.version, self.held = version, HeldExploration()
        self._actor, self._pursued, self._sampled = FastActor(config, weights), pursued, sampled
        self._head = Categorical()

    def select(self, state: Vector, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Choose a skill."""
        output = self._actor(network_inputs(state, task, self._pursued))
        skill, log_probability = decided(self._head, output, draws, self._sampled)
        return SubgoalChoice(skill=int(skill[0]), log_probability=log_probability)


class ActorWorker:
    """A worker that is an actor network on state and carried subgoal; its head says how it acts and explores.

    Where it may end segments, another network says with which probability it does.
    """

    def __init__(
        self,
        spec: TaskSpec,
        pursued: int,
        config: ActorConfig,
        weights: Mapping[str, Float32],
        version: int,
        termination: "Termination | None" = None,
        sampled: bool = False,
    ) -> None:
        """Take over weights; raises ``CheckpointError`` when they do not fit the task and the level above.

        Args:
            spec: the task.
            pursued: length of what is pursued: a subgoal, one of the skills, or the task goal.
            config: architecture.
            weights: of the network.
            version: of the policy.
            termination: ends segments; None: the worker never does.
            sampled: whether what a stochastic head says is drawn also when not exploring.
        """
        require_worker(config, len(spec.observation) + pursued, spec)
        self.version, self._sampled = version, sampled
        self._actor, self._pursued, self._termination = FastActor(config, weights), pursued, termination
        self._head = make_head(config, weights)

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Choose an action."""
        output = self._actor(network_inputs(state, task, self._pursued))
        return ActionChoice(*decided(self._head, output, draws, self._sampled))

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Whether to end the segment in this state."""
        return self._termination is not None and self._termination.fires(
            network_inputs(state, task, self._pursued), draws
        )


class SkillWorker:
    """A worker that has a network of its own for each skill, which sees the state alone."""

    def __init__(
        self, spec: TaskSpec, config: ActorConfig, weights: Mapping[str, Float32], version: int, sampled: bool
    ) -> None:
        """Take over stacked weights; raises ``CheckpointError`` when they do not fit the task.

        Args:
            spec: the task.
            config: architecture of all of them.
            weights: of all networks, (skills, ...) each.
            version: of the policy.
            sampled: as ``ActorWorker`` has it.
        """
        self.version = version
        one = config.one_skill()
        self._skills = [
            ActorWorker(spec, 0, one, {name: stack[k] for name, stack in weights.items()}, version, sampled=sampled)
            for k in range(config.skills)
        ]

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Choose an action as the skill that is asked for does."""
        return self._skills[task.skill].act(state, Assignment(), draws)

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False


class Termination:
    """Whether a worker ends a segment: a network whose one output, from 0 to 1, is the probability."""

    def __init__(self, inputs: int, config: ActorConfig, weights: Mapping[str, Float32], sampled: bool) -> None:
        """Take over weights; raises ``CheckpointError`` when they do not fit.

        Args:
            inputs: length of what the worker sees.
            config: architecture.
            weights: of the network.
            sampled: whether it is drawn also when not exploring; else it is the likelier one.
        """
        config.check(inputs, 1, "termination")
        self._actor, self._sampled = FastActor(config, weights), sampled

    def fires(self, inputs: Float32Vector, draws: Draws) -> bool:
        """Decide for what the worker sees, (inputs,)."""
        threshold = draws.rng.random() if draws.explore or self._sampled else 0.5
        return float(self._actor(inputs)[0]) > threshold


def require_worker(config: ActorConfig, inputs: int, spec: TaskSpec) -> None:
    """Raise ``CheckpointError`` unless a worker's network has so many inputs and says what actions of the task need."""
    if spec.choices:
        config.check(inputs, len(spec.choices), "worker", *OF_CHOICES)
    else:
        config.check(inputs, len(spec.action), "worker", *OF_VECTORS)


def decided(head: Head, output: Float32, draws: Draws, sampled: bool = False) -> tuple[Vector, float]:
    """What is done, and its log-probability where it was drawn: when exploring, or where that is meant."""
    if draws.explore or (sampled and head.stochastic):
        return head.draw(output, draws.rng)
    return head.greedy(output), NAN


def network_inputs(state: Vector, task: Assignment, pursued: int) -> Float32Vector:
    """What a network sees: the state, then what is pursued, of which a skill is a one-hot vector."""
    asked = task.vector
    if task.skill >= 0:
        asked = np.zeros(pursued, np.float32)
        asked[task.skill] = 1.0
    return np.concatenate((to_float32(state), asked))


def unit_direction(value: Vector) -> Vector:
    """``value`` brought to length 1; what points nowhere, as an untrained network may at zero, along the first axis."""
    length = np.linalg.norm(value)
    return value / length if length > 0 else np.eye(1, len(value))[0]
