"""Configurations by name, and those that files hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hrl_core.algorithms import presets
from hrl_core.errors import HrlError, did_you_mean
from hrl_core.training.config import TrainConfig


def preset(name: str = "", algorithm: str = "hiro") -> TrainConfig[Any]:
    """A preset of an algorithm by name; without one, the algorithm's first.

    Raises:
        HrlError: one of them does not exist; lists those that do.
    """
    known = presets(algorithm)
    name = name or next(iter(known))
    if name not in known:
        raise HrlError(f"unknown preset '{name}'{did_you_mean(name, known)}: choose one of {', '.join(known)}")
    return known[name]


def stored_config(values: Mapping[str, Any]) -> TrainConfig[Any]:
    """The configuration that ``as_dict`` gave as plain data.

    Raises:
        HrlError: unknown algorithm or switch.
    """
    algorithm = str(values.get("algorithm", "hiro"))
    return preset(algorithm=algorithm).changed(values)


def read_config(text: str, algorithm: str = "hiro") -> TrainConfig[Any]:
    """A preset of an algorithm by name, or a .json file of switches as in config.json.

    Such a file names the preset that the switches change under ``preset``, another algorithm under ``algorithm``.

    Raises:
        HrlError: unknown algorithm, preset or switch, or the file cannot be read.
    """
    if not text.endswith(".json"):
        return preset(text, algorithm)
    try:
        values = json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise HrlError(f"training switches {text}: {error}") from None
    if not isinstance(values, dict):
        raise HrlError(f"training switches {text}: needs an object of switches, got {type(values).__name__}")
    base = preset(str(values.pop("preset", "")), str(values.get("algorithm", algorithm)))
    return base.changed(values)
