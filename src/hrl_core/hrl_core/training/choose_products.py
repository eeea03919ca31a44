"""Which library makes the matrix products of a run, chosen when it begins; its configuration holds the choice."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from hrl_core.algorithms.protocols import Learner
from hrl_core.errors import HrlError
from hrl_core.learners.device_names import CPU
from hrl_core.learners.product_names import KINDS
from hrl_core.learners.products import quicker_by_torch
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.training.config import TrainConfig, config_difference
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.rounds.config import RoundConfig

CHOICES = AUTO, NUMPY, TORCH, GIVEN = "auto", "numpy", "torch", "given"
"""``GIVEN`` leaves the configuration as it is."""
AnyConfig = TypeVar("AnyConfig", BagTrainConfig, RoundConfig)


def with_products(config: TrainConfig[Any], choice: str, make_learner: Callable[[], Learner]) -> TrainConfig[Any]:
    """The configuration with the products of every level that learns by the fast TD3 filled in.

    Args:
        config: of the run.
        choice: ``numpy``, ``torch``, or ``auto``: shape by shape the quicker one, as measured now; where a level names
            products itself, those.
        make_learner: makes the learner of the run, which tells the shapes; called only if something is measured.

    Raises:
        HrlError: a library is named, and nothing of this algorithm takes it.
    """
    if choice != AUTO:
        return _with_library(config, choice)
    levels = _fast_levels(config)
    if not levels:
        return config
    made = make_learner().levels()
    quicker = {
        name: list(with_quicker_products(level, made[name].actor).products)
        for name, level in levels.items()
        # Of a learner that is not called like its level the shapes are not known; it keeps the usual choice.
        if level.products == TD3Config.products and name in made
    }
    return config.changed({name: {"products": products} for name, products in quicker.items()})


def with_own_products(config: AnyConfig, choice: str, make_learner: Callable[[], Learner]) -> AnyConfig:
    """``with_products`` of a run by rounds or on recordings."""
    return dataclasses.replace(config, training=with_products(config.training, choice, make_learner))


def with_quicker_products(level: TD3Config, actor: ActorConfig) -> TD3Config:
    """A level whose products are made shape by shape by the quicker library, as measured now."""
    by_torch = quicker_by_torch(FastTD3(level, actor, torch.Generator()).products())
    return dataclasses.replace(level, products=tuple(by_torch))


def require_products(config: TrainConfig[Any], choice: str) -> None:
    """Refuse another choice than that of the run that goes on; ``auto`` goes on with whatever it has.

    Args:
        config: of the run.
        choice: as of ``with_products``.

    Raises:
        HrlError: a library is named, and the run has others, or nothing that takes it.
    """
    if choice not in (NUMPY, TORCH):
        return
    if differing := config_difference(_with_library(config, choice).as_dict(), config.as_dict()):
        raise HrlError(
            f"--products {choice}: a run goes on with the products that it began with ({'; '.join(differing)}); leave "
            "--products out"
        )


def _with_library(config: TrainConfig[Any], library: str) -> TrainConfig[Any]:
    levels = _fast_levels(config)
    if not levels:
        raise HrlError(
            f"--products {library}: the fast updates of td3 on the CPU take it, which '{config.algorithm}' has none of"
            " as it is set up; leave --products out"
        )
    products = list(KINDS if library == TORCH else ())
    return config.changed({name: {"products": products} for name in levels})


def _fast_levels(config: TrainConfig[Any]) -> dict[str, TD3Config]:
    agent = config.agent
    used = [field.name for field in dataclasses.fields(agent) if field.name not in getattr(agent, "idle", ())]
    levels = {name: getattr(agent, name) for name in used}
    return {name: x for name, x in levels.items() if isinstance(x, TD3Config) and x.fast and x.device == CPU}
