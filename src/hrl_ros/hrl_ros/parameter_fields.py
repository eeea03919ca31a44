"""How a field of a parameter dataclass is declared; knows no ROS.

A field whose ``default_factory`` is another such dataclass is a group: its parameters are named ``field.name``.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple, cast


def parameter(
    default: bool | int | float | str,
    description: str,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float = 1e18,
) -> Any:  # noqa: ANN401 - a dataclass field stands where its value will be
    """Declare one field of a parameter dataclass.

    Args:
        default: default value; its type is the parameter's type.
        description: what it means, with unit.
        choices: allowed strings; empty: any.
        low: least allowed number; None: any.
        high: greatest allowed number, used with ``low``.
    """
    meta = {"description": description, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=meta)


class Leaf(NamedTuple):
    """One parameter."""

    name: str
    """With the groups it is in, separated by dots."""
    default: bool | int | float | str
    description: str
    choices: tuple[str, ...]
    low: float | None
    high: float


def leaves(kind: type, prefix: str = "") -> Iterator[Leaf]:
    """The parameters of a dataclass, those of its groups included."""
    for field in dataclasses.fields(kind):
        if isinstance(field.default_factory, type):
            yield from leaves(field.default_factory, f"{prefix}{field.name}.")
        else:
            yield Leaf(prefix + field.name, cast(bool | int | float | str, field.default), **field.metadata)


def build(kind: type, values: dict[str, Any], prefix: str = "") -> Any:  # noqa: ANN401 - an instance of ``kind``
    """Make the dataclass from the values of its parameters, by full name."""
    return kind(
        **{
            field.name: build(field.default_factory, values, f"{prefix}{field.name}.")
            if isinstance(field.default_factory, type)
            else values[prefix + field.name]
            for field in dataclasses.fields(kind)
        }
    )
