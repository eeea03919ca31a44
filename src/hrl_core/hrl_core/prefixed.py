"""Tables whose names are made of a part's and its own: ``worker.layers.0.weight``."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def below(prefix: str, table: Mapping[str, T]) -> dict[str, T]:
    """The entries whose names begin with ``prefix``, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in table.items() if name.startswith(prefix)}


def prefixed(prefix: str, table: Mapping[str, T]) -> dict[str, T]:
    """The entries of a part, by names that begin with ``prefix``."""
    return {f"{prefix}{name}": value for name, value in table.items()}
