"""What the networks of MLSH see and say: masters and skills see the observation alone, never the goal."""

import dataclasses
from typing import NamedTuple

import numpy as np

from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.errors import HrlError
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.messages import Vector
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec


class Shapes(NamedTuple):
    """Of one level: the network that acts, and the one that says what states are worth."""

    actor: ActorConfig
    values: ActorConfig


def skill_shapes(task: TaskSpec, config: MlshConfig) -> Shapes:
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
    return Shapes(actor, _values(actor))


def master_shapes(task: TaskSpec, config: MlshConfig) -> Shapes:
    """Of a master."""
    actor = _network(task, config, config.manager, "categorical", *_choices(config.skills))
    return Shapes(actor, _values(actor))


def stacked(shape: ActorConfig, skills: int) -> ActorConfig:
    """The networks of all skills as one that is told which of them acts."""
    scale = shape.input_scale and (*shape.input_scale, *(1.0,) * skills)
    return dataclasses.replace(shape, input_dim=shape.input_dim + skills, input_scale=scale, skills=skills)


def _network(
    task: TaskSpec,
    config: MlshConfig,
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


def _values(actor: ActorConfig) -> ActorConfig:
    return dataclasses.replace(actor, low=(0.0,), high=(1.0,), exploration_noise=(), head="values")
