"""ROS parameters from frozen dataclasses: one declaration gives type, default, description and allowed values.

What a parameter file or ``-p`` gives is checked against the declaration when the node is configured: an unknown name, a
wrong type or a value that is not allowed is refused with one message that lists the valid parameters.
"""

import math
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from hrl_core.errors import HrlError, did_you_mean
from hrl_ros.affinity import ANY
from hrl_ros.parameter_fields import Leaf, build, leaves, parameter
from hrl_ros.thresholds import Thresholds

__all__ = ["NodeParameters", "declare", "parameter", "read"]

P = TypeVar("P", bound="NodeParameters")
_KINDS = {
    bool: "true or false",
    int: "an integer",
    float: "a number with a decimal point",
    str: "text (in quotes where it looks like a number)",
}
_QOS_OVERRIDES = "qos_overrides."
"""Prefix of parameters that rclpy declares by itself when they are asked for."""


@dataclass(frozen=True)
class NodeParameters:
    """What every node takes."""

    autostart: bool = parameter(True, "configure and activate at start; false leaves it to a lifecycle manager")
    wait_report: float = parameter(
        5.0, "seconds of silence of a lock-step peer before the node says whom it waits for", low=0.1
    )
    wait_limit: float = parameter(60.0, "seconds of silence after which the node gives up; 0: never", low=0.0)
    heartbeat: float = parameter(0.0, "seconds between heartbeats for the supervisor; 0: none", low=0.0)
    core: int = parameter(ANY, "core that all threads of the node stay on; -1: any", low=ANY)
    diagnostics: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class FollowerParameters(NodeParameters):
    """What nodes take that take part in a run as long as simulator or bridge do."""

    ends_with_run: bool = parameter(
        False, "end by itself once the last episode has ended, where simulator or bridge run on another machine"
    )


def declare(node: Node, kind: type[NodeParameters]) -> None:
    """Declare every field as a read-only ROS parameter, so that a change is refused by name instead of ignored.

    What was given and cannot be used is left out here and refused by ``read``: a constructor has nobody to tell.
    """
    for leaf in leaves(kind):
        unusable = leaf.name in _given(node) and bool(_problem(leaf, _given(node)[leaf.name]))
        node.declare_parameter(leaf.name, leaf.default, _descriptor(leaf), ignore_override=unusable)


def read(node: Node, kind: type[P]) -> P:
    """Read the declared parameters into the dataclass.

    Raises:
        HrlError: what was given is unknown, of the wrong type or not allowed; the message lists what is valid.
    """
    problems = _problems(node, kind)
    if problems:
        valid = "\n".join(f"  {leaf.name} = {_shown(leaf.default)}: {_meaning(leaf)}" for leaf in leaves(kind))
        raise HrlError(f"{node.get_name()}: {'; '.join(problems)}\nvalid parameters, with defaults:\n{valid}")
    values = {leaf.name: node.get_parameter(leaf.name).value for leaf in leaves(kind)}
    return build(kind, values)


def _given(node: Node) -> dict[str, Any]:
    """Values from the command line and parameter files, by name; rclpy offers no public way to them."""
    return {name: given.value for name, given in node._parameter_overrides.items()}


def _problems(node: Node, kind: type[NodeParameters]) -> list[str]:
    known = {leaf.name: leaf for leaf in leaves(kind)}
    problems = []
    for name, value in _given(node).items():
        if name in known:
            problem = _problem(known[name], value)
            if problem:
                problems.append(f"parameter {name}: got {_shown(value)}, {problem}")
        elif not (node.has_parameter(name) or name.startswith(_QOS_OVERRIDES)):
            problems.append(f"unknown parameter '{name}'{did_you_mean(name, known)}")
    return problems


def _problem(leaf: Leaf, value: Any) -> str:  # noqa: ANN401 - whatever was given
    """What is wrong with a value; empty: nothing."""
    kind: type = type(leaf.default)
    if type(value) is not kind:
        hint = f": write {float(value)}" if kind is float and type(value) is int else ""
        return f"must be {_KINDS[kind]}{hint}"
    if leaf.choices and value not in leaf.choices:
        return f"allowed are {', '.join(leaf.choices)}"
    if kind is float and not math.isfinite(value):
        return "must be finite"
    if leaf.low is not None and not leaf.low <= value <= leaf.high:
        return f"must be {_range(leaf)}"
    return ""


def _meaning(leaf: Leaf) -> str:
    limits = f" (one of {', '.join(leaf.choices)})" if leaf.choices else f" ({_range(leaf)})" if _range(leaf) else ""
    return leaf.description + limits


def _range(leaf: Leaf) -> str:
    if leaf.low is None:
        return ""
    return f"at least {leaf.low:g}" if leaf.high >= 1e18 else f"between {leaf.low:g} and {leaf.high:g}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _descriptor(leaf: Leaf) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=leaf.description, read_only=True)
    if leaf.choices:
        descriptor.additional_constraints = f"one of {', '.join(leaf.choices)}"
    if leaf.low is not None and isinstance(leaf.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(leaf.low), to_value=leaf.high)]
    elif leaf.low is not None:
        high = min(int(leaf.high), 2**62)
        descriptor.integer_range = [IntegerRange(from_value=int(leaf.low), to_value=high, step=1)]
    return descriptor
