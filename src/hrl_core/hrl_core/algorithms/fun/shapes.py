"""What the networks of FuN and of the flat LSTM see and answer, and how many parameters they have."""

import dataclasses
import math
from collections.abc import Mapping
from itertools import count

from hrl_core.algorithms.fun.config import FunConfig
from hrl_core.errors import TaskError
from hrl_core.networks.actor_config import DIRECTION, ActorConfig
from hrl_core.networks.memory_config import MemoryConfig
from hrl_core.task.spec import TaskSpec

Shapes = Mapping[str, ActorConfig]
SHARED = ("layers.0.weight", "layers.0.bias")
"""What manager and worker have in common: the perception z = relu(W x)."""


def shapes(task: TaskSpec, config: FunConfig) -> Shapes:
    """Networks by party: manager and worker, or the worker alone.

    Raises:
        TaskError: the actions of the task are vectors.
    """
    if not task.choices:
        raise TaskError(
            f"algorithm 'fun' learns actions to choose from; those of task '{task.name}' are vectors: take another task"
        )
    return _flat(task, config) if config.flat else _feudal(task, config)


def seen(task: TaskSpec, config: FunConfig) -> int:
    """Numbers that perception sees: the observation; a flat policy sees the task goal as well."""
    return len(task.observation) + (len(task.goal) if config.flat else 0)


def parameters(networks: Shapes) -> int:
    """Numbers that are learned; what is shared counts once."""
    named = {name: [*network.parameter_shapes().items()] for name, network in networks.items()}
    twice = [shape for name, shape in named.get("manager", ()) if name in SHARED]
    everything = [shape for own in named.values() for _, shape in own]
    return sum(map(math.prod, everything)) - sum(map(math.prod, twice))


def _feudal(task: TaskSpec, config: FunConfig) -> Shapes:
    size, inputs = config.size, seen(task, config)
    manager = ActorConfig(
        inputs,
        hidden=(size, size),
        low=(-1.0,) * size,
        high=(1.0,) * size,
        head=DIRECTION,
        memory=MemoryConfig(size, config.dilation),
        random_probability=config.random_direction,
    )
    follows = MemoryConfig(size, directions=size, pooled=config.horizon, embedding=config.embedding)
    return {"worker": _choosing(task, inputs + size, size, follows), "manager": manager}


def _flat(task: TaskSpec, config: FunConfig) -> Shapes:
    """The smallest LSTM that has as many parameters as FuN."""
    wanted, inputs = parameters(_feudal(task, dataclasses.replace(config, flat=False))), seen(task, config)
    grown = ({"worker": _choosing(task, inputs, config.size, MemoryConfig(units))} for units in count(1))
    return next(networks for networks in grown if parameters(networks) >= wanted)


def _choosing(task: TaskSpec, inputs: int, hidden: int, memory: MemoryConfig) -> ActorConfig:
    choices = len(task.choices)
    return ActorConfig(
        inputs, (hidden,), low=(0.0,) * choices, high=(1.0,) * choices, head="categorical", memory=memory
    )
