"""Refusal of switches that cannot be."""

from hrl_core.errors import HrlError


def require(config: object, *rules: tuple[bool, str]) -> None:
    """Raise ``HrlError`` with the first rule that does not hold for a configuration."""
    for holds, rule in rules:
        if not holds:
            raise HrlError(f"{type(config).__name__.removesuffix('Config')} configuration: {rule}, got {config}")
