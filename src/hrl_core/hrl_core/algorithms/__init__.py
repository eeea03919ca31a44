"""Algorithms that learn policies, one folder each; none imports another."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hrl_core.errors import HrlError, chosen

if TYPE_CHECKING:
    from hrl_core.training.config import TrainConfig

ALGORITHMS: Mapping[str, str] = {
    "hiro": "hrl_core.algorithms.hiro",
    "flat": "hrl_core.algorithms.flat",
    "hac": "hrl_core.algorithms.hac",
    "option_critic": "hrl_core.algorithms.option_critic",
    "mlsh": "hrl_core.algorithms.mlsh",
    "relay": "hrl_core.algorithms.relay",
    "snn4hrl": "hrl_core.algorithms.snn4hrl",
    "tree": "hrl_core.algorithms.tree",
    "fun": "hrl_core.algorithms.fun",
}
"""Name of an algorithm -> its package, with the modules ``config`` (without torch), ``learner`` and, where it learns
from what others have done, ``recordings``."""


def presets(algorithm: str) -> "Mapping[str, TrainConfig[Any]]":
    """Presets of an algorithm by name; raises ``HrlError`` where there is no such algorithm."""
    return _module(algorithm, "config").PRESETS


def learner_module(algorithm: str) -> Any:  # noqa: ANN401 - a ``protocols.Training``, which loads torch
    """The module that trains an algorithm; raises ``HrlError`` where there is none."""
    return _module(algorithm, "learner")


def recordings_module(algorithm: str) -> Any:  # noqa: ANN401 - see ``_module``
    """The module that learns from recordings; it loads torch.

    Its ``learner(spec, config: BagTrainConfig, seed)`` is a ``FromRecordings``, its ``untrained(spec, config, seed)`` a
    checkpoint for robots to begin with.
    """
    return _module(algorithm, "recordings")


def require_recordings(algorithm: str) -> None:
    """Raise ``HrlError`` if an algorithm only learns from what it has just done itself.

    ``NO_RECORDINGS`` of its module ``config``, if it is there, goes on from that with the reason.
    """
    able = [name for name, package in ALGORITHMS.items() if find_spec(f"{package}.recordings")]
    if algorithm in ALGORITHMS and algorithm not in able:
        config = f"{ALGORITHMS[algorithm]}.config"
        reason = getattr(importlib.import_module(config), "NO_RECORDINGS", "") if find_spec(config) else ""
        why = f", {reason}" if reason else ""
        raise HrlError(
            f"algorithm '{algorithm}' does not learn from recordings{why}; those that do are: {', '.join(able)}"
        )


def _module(algorithm: str, name: str) -> Any:  # noqa: ANN401 - pyright checks no module against a protocol
    return importlib.import_module(f"{chosen('algorithm', algorithm, ALGORITHMS)}.{name}")
