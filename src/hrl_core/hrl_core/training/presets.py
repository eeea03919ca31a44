"""Configurations by name, and those that files hold."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrl_core.algorithms import presets
from hrl_core.errors import HrlError, chosen, did_you_mean
from hrl_core.learners.td3_config import TD3Config
from hrl_core.training.config import TrainConfig


def preset(name: str = "", algorithm: str = "hiro", learner: str = "", task: str = "") -> TrainConfig[Any]:
    """A preset of an algorithm by name, or the one named after the task, or its first.

    With a learner, of those that are for this one.

    Raises:
        HrlError: one of them does not exist; lists those that do.
    """
    known = presets(algorithm)
    if learner:
        whose = {name: getattr(config.agent, "learner", "") for name, config in known.items()}
        known = {name: config for name, config in known.items() if whose[name] == learner}
        if not known:
            learners = tuple(dict.fromkeys(one for one in whose.values() if isinstance(one, str) and one))
            choose = f"choose one of {', '.join(learners)}" if learners else f"{algorithm} has no choice of learners"
            raise HrlError(f"unknown learner '{learner}'{did_you_mean(learner, learners)}: {choose}")
    return chosen("preset", name or (task if task in known else next(iter(known))), known)


def stored_config(values: Mapping[str, Any]) -> TrainConfig[Any]:
    """The configuration that ``as_dict`` gave as plain data.

    Raises:
        HrlError: unknown algorithm or switch.
    """
    algorithm = str(values.get("algorithm", "hiro"))
    return preset(algorithm=algorithm, learner=_learner(values)).changed(values)


def with_products_of(config: TrainConfig[Any], run: TrainConfig[Any]) -> TrainConfig[Any]:
    """The configuration with the products that a run has chosen, where a level names none itself."""
    ours, theirs = (
        {field.name: getattr(one.agent, field.name) for field in dataclasses.fields(one.agent)} for one in (config, run)
    )
    chosen_by_run = {
        name: {"products": list(theirs[name].products)}
        for name, level in ours.items()
        if isinstance(level, TD3Config) and level.products == TD3Config.products
        if isinstance(theirs.get(name), TD3Config)
    }
    return config.changed(chosen_by_run)


def read_config(text: str, algorithm: str = "hiro", learner: str = "") -> TrainConfig[Any]:
    """A preset of an algorithm (and learner) by name, or a .json file of switches as in config.json.

    Such a file names the preset that the switches change under ``preset``, another algorithm under ``algorithm``.

    Raises:
        HrlError: unknown algorithm, preset or switch, or the file cannot be read.
    """
    if not text.endswith(".json"):
        return preset(text, algorithm, learner)
    try:
        values = json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise HrlError(f"training switches {text}: {error}") from None
    if not isinstance(values, dict):
        raise HrlError(f"training switches {text}: needs an object of switches, got {type(values).__name__}")
    base = preset(str(values.pop("preset", "")), str(values.get("algorithm", algorithm)), _learner(values))
    return base.changed(values)


def _learner(values: Mapping[str, Any]) -> str:
    """The learner that switches name; elsewhere the word may stand for a table of switches."""
    learner = values.get("learner", "")
    return learner if isinstance(learner, str) else ""
