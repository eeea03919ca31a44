"""What the networks of a flat policy see and answer, derived from task and configuration."""

import dataclasses

import numpy as np

from hrl_core.algorithms.actor_shapes import exploration_noise, goal_actor_config, require_vector_actions
from hrl_core.algorithms.flat.config import (
    AnyFlatConfig,
    DDPGFlatConfig,
    DQNFlatConfig,
    FlatConfig,
    OnPolicyFlatConfig,
    SACFlatConfig,
)
from hrl_core.errors import TaskError
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec


def worker_shape(spec: TaskSpec, config: AnyFlatConfig) -> ActorConfig:
    """The network that acts, from observation and task goal.

    Raises:
        TaskError: the learner learns vectors and the task has choices, or the other way round.
    """
    low, high, hidden = spec.action_low, spec.action_high, config.worker.hidden
    if isinstance(config, DQNFlatConfig):
        return dataclasses.replace(_choosing(spec, config, "values"), random_probability=config.exploration)
    if isinstance(config, OnPolicyFlatConfig):
        activation = config.worker.activation
        if spec.choices:
            return dataclasses.replace(_choosing(spec, config, "categorical"), activation=activation)
        shape = goal_actor_config(spec, hidden, low, high, config.scale_inputs)
        return dataclasses.replace(shape, head="gaussian", activation=activation)
    if isinstance(config, FlatConfig):
        noise = exploration_noise(config.worker, low, high)
    elif isinstance(config, DDPGFlatConfig):
        noise = tuple(map(float, config.worker.exploration_noise * (high - low) / 2))
    else:
        noise = ()
    shape = goal_actor_config(spec, hidden, low, high, config.scale_inputs, noise)
    return dataclasses.replace(shape, head="squashed") if isinstance(config, SACFlatConfig) else shape


def value_shape(spec: TaskSpec, config: OnPolicyFlatConfig) -> ActorConfig:
    """The network that says what a state is worth under its goal."""
    one = np.zeros(1), np.ones(1)
    shape = goal_actor_config(spec, config.worker.hidden, *one, config.scale_inputs)
    return dataclasses.replace(shape, head="values", activation=config.worker.activation)


def require_actions(spec: TaskSpec, config: AnyFlatConfig) -> None:
    """Raise ``TaskError`` where the learner cannot learn actions of the task's kind."""
    if isinstance(config, DQNFlatConfig) and not spec.choices:
        raise TaskError(f"learner dqn learns choices; the actions of task '{spec.name}' are vectors: take another")
    if isinstance(config, FlatConfig | SACFlatConfig | DDPGFlatConfig):
        require_vector_actions(spec, "flat")


def _choosing(spec: TaskSpec, config: AnyFlatConfig, head: str) -> ActorConfig:
    count = len(spec.choices)
    shape = goal_actor_config(spec, config.worker.hidden, np.zeros(count), np.ones(count), config.scale_inputs)
    return dataclasses.replace(shape, head=head)
