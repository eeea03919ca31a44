"""Which library makes the matrix products of a run, chosen when it begins; its configuration holds the choice."""

import dataclasses
from typing import Any

import torch

from hrl_core.algorithms import learner_module
from hrl_core.algorithms.protocols import Training
from hrl_core.environments import Environments
from hrl_core.learners.device_names import CPU
from hrl_core.learners.product_names import KINDS
from hrl_core.learners.products import quicker_by_torch
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig

AUTO, NUMPY, TORCH = "auto", "numpy", "torch"


def with_products(
    config: TrainConfig[Any], choice: str, spec: TaskSpec, envs: Environments, seed: int
) -> TrainConfig[Any]:
    """The configuration with the products of every level that learns by the fast TD3 filled in.

    Args:
        config: of the run.
        choice: ``numpy``, ``torch``, or ``auto``: shape by shape the quicker one, as measured now; where a level names
            products itself, those.
        spec: the task.
        envs: that the run would learn in; nothing is done to them.
        seed: of the run.
    """
    levels = {
        field.name: level
        for field in dataclasses.fields(config.agent)
        if isinstance(level := getattr(config.agent, field.name), TD3Config) and level.fast and level.device == CPU
    }
    if choice == AUTO and levels:
        training: Training = learner_module(config.algorithm)
        made = training.learner(spec, config.agent, envs, seed).levels()
        quicker = {
            name: _measured(level, made[name].actor)
            for name, level in levels.items()
            # Of a learner that is not called like its level the shapes are not known; it keeps the usual choice.
            if level.products == TD3Config.products and name in made
        }
    else:
        quicker = dict.fromkeys(levels, KINDS if choice == TORCH else ())
    return config.changed({name: {"products": list(products)} for name, products in quicker.items()})


def _measured(config: TD3Config, actor: ActorConfig) -> list[str]:
    return quicker_by_torch(FastTD3(config, actor, torch.Generator()).products())
