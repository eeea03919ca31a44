"""What networks of skills, and of who chooses among them, see and say; skills see the observation alone."""

import dataclasses
from typing import NamedTuple, Protocol

import numpy as np

from hrl_core.errors import HrlError
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.messages import Vector
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec


class Skilled(Protocol):
    """Switches of an algorithm with skills."""

    @property
    def skills(self) -> int:
        """Number of skills."""
        ...

    @property
    def input_scale(self) -> tuple[float, ...]:
        """Factor on each element of the observation; empty: 1."""
        ...

    @property
    def skills_ignore(self) -> tuple[str, ...]:
        """Elements of the observation that the skills do not see."""
        ...

    @property
    def worker(self) -> OnPolicyConfig:
        """Of a skill."""
        ...

    @property
    def manager(self) -> OnPolicyConfig:
        """Of who chooses."""
        ...


class Shapes(NamedTuple):
    """Of one level: the network that acts, and the one that says what states are worth."""

    actor: ActorConfig
    values: ActorConfig


def skill_shapes(task: TaskSpec, config: Skilled) -> Shapes:
    """Of one skill.

    Raises:
        HrlError: the switches speak of what the observation does not have.
    """
    names = [element.name for element in task.observation]
    for name in config.skills_ignore:
        if name not in names:
            raise HrlError(f"skills_ignore: '{name}' is no element of the observation, which has {', '.join(names)}")
    ignored = tuple(names.index(name) for name in config.skills_ignore)
    if task.choices:
        actor = _network(task, config, config.worker, "categorical", *_choices(len(task.choices)), ignored)
    else:
        actor = _network(task, config, config.worker, "gaussian", task.action_low, task.action_high, ignored)
    return Shapes(actor, values_of(actor))


def chooser_shapes(task: TaskSpec, config: Skilled, goal_scale: float | None = None) -> Shapes:
    """Of who chooses; with ``goal_scale`` [1 / unit of the goal] it sees the task goal too, multiplied by that."""
    actor = _network(task, config, config.manager, "categorical", *_choices(config.skills))
    if goal_scale is not None and task.goal:
        scale = (*(actor.input_scale or (1.0,) * actor.input_dim), *(goal_scale,) * len(task.goal))
        actor = dataclasses.replace(actor, input_dim=len(scale), input_scale=scale)
    return Shapes(actor, values_of(actor))


def values_of(actor: ActorConfig) -> ActorConfig:
    """The network that says what states are worth, beside the one that acts."""
    return dataclasses.replace(actor, low=(0.0,), high=(1.0,), exploration_noise=(), head="values")


def stacked(shape: ActorConfig, skills: int) -> ActorConfig:
    """The networks of all skills as one that is told which of them acts."""
    scale = shape.input_scale and (*shape.input_scale, *(1.0,) * skills)
    return dataclasses.replace(shape, input_dim=shape.input_dim + skills, input_scale=scale, skills=skills)


def _network(
    task: TaskSpec,
    config: Skilled,
    learner: OnPolicyConfig,
    head: str,
    low: Vector,
    high: Vector,
    ignored: tuple[int, ...] = (),
) -> ActorConfig:
    count = len(task.observation)
    if len(config.input_scale) not in (0, count):
        raise HrlError(
            f"input_scale: task '{task.name}' observes {count} numbers, got {len(config.input_scale)} factors"
        )
    return ActorConfig(
        input_dim=count,
        hidden=learner.hidden,
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        masked=ignored,
        input_scale=config.input_scale,
        head=head,
        activation=learner.activation,
    )


def _choices(count: int) -> tuple[Vector, Vector]:
    return np.zeros(count), np.ones(count)
