"""ROS parameters from frozen dataclasses: one declaration gives type, default, description and allowed values."""

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from hrl_core.errors import HrlError

P = TypeVar("P", bound="NodeParameters")


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


@dataclass(frozen=True)
class NodeParameters:
    """What every node takes."""

    autostart: bool = parameter(True, "configure and activate at start; false leaves it to a lifecycle manager")
    wait_report: float = parameter(
        5.0, "seconds of silence of a lock-step peer before the node says whom it waits for", low=0.1
    )
    wait_limit: float = parameter(60.0, "seconds of silence after which the node gives up; 0: never", low=0.0)
    heartbeat: float = parameter(0.0, "seconds between heartbeats for the supervisor; 0: none", low=0.0)


def declare(node: Node, kind: type[NodeParameters]) -> None:
    """Declare every field as a read-only ROS parameter, so that a change is refused by name instead of ignored."""
    for field in dataclasses.fields(kind):
        node.declare_parameter(field.name, field.default, _descriptor(field))


def read(node: Node, kind: type[P]) -> P:
    """Read the declared parameters into the dataclass.

    Raises:
        HrlError: a value is not among the allowed ones; the message lists them.
    """
    values: dict[str, Any] = {field.name: node.get_parameter(field.name).value for field in dataclasses.fields(kind)}
    for field in dataclasses.fields(kind):
        choices = field.metadata["choices"]
        if choices and values[field.name] not in choices:
            got = values[field.name]
            raise HrlError(f"parameter {field.name}: got '{got}', allowed are {', '.join(choices)}")
    return kind(**values)


def _descriptor(field: dataclasses.Field[Any]) -> ParameterDescriptor:
    meta = field.metadata
    descriptor = ParameterDescriptor(description=meta["description"], read_only=True)
    if meta["choices"]:
        descriptor.additional_constraints = f"one of {', '.join(meta['choices'])}"
    if meta["low"] is not None and isinstance(field.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=meta["low"], to_value=meta["high"])]
    elif meta["low"] is not None:
        high = min(int(meta["high"]), 2**62)
        descriptor.integer_range = [IntegerRange(from_value=int(meta["low"]), to_value=high, step=1)]
    return descriptor
