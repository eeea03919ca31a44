"""Refusal of switches that cannot be."""

import math

from hrl_core.errors import HrlError


def require(config: object, *rules: tuple[bool, str]) -> None:
    """Raise ``HrlError`` with the first rule that does not hold for a configuration, or if a number of it is none."""
    for name, value in vars(config).items():
        # Comparisons of several numbers may well hold with such a one among them.
        if isinstance(value, float) and not math.isfinite(value):
            raise HrlError(f"{_title(config)} configuration: {name}: a finite number, got {value}")
        if isinstance(value, tuple) and any(isinstance(x, float) and math.isnan(x) for x in value):
            raise HrlError(f"{_title(config)} configuration: {name}: numbers, got {value}")
    for holds, rule in rules:
        if not holds:
            raise HrlError(f"{_title(config)} configuration: {rule}, got {config}")


def require_least(config: object, least: int, *names: str) -> None:
    """Raise ``HrlError`` with the first of these switches that is below ``least``."""
    for name in names:
        value = getattr(config, name)
        if not least <= value < math.inf:
            raise HrlError(f"training configuration: {name} must be at least {least}, got {value}")


def require_above_0(config: object, *names: str) -> None:
    """Raise ``HrlError`` with the first of these switches that is not above 0."""
    for name in names:
        value = getattr(config, name)
        if not 0 < value < math.inf:
            raise HrlError(f"training configuration: {name} must be above 0, got {value}")


def require_shares(config: object, *names: str) -> None:
    """Raise ``HrlError`` with the first of these switches that lies outside [0, 1]."""
    for name in names:
        value = getattr(config, name)
        if not 0 <= value <= 1:
            raise HrlError(f"training configuration: {name} must lie in [0, 1], got {value}")


def _title(config: object) -> str:
    return type(config).__name__.removesuffix("Config")
