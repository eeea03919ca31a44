"""The same work for each of many things: in this process, or handed to others by whoever knows some."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Each(Protocol):
    """Calls a function for each item."""

    def __call__(self, function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
        """Results of ``function(item, *shared)``, in the order of ``items``; what it raises."""
        ...


def in_turn(function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
    """One after the other, here."""
    return [function(item, *shared) for item in items]
