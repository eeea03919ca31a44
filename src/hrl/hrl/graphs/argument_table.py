"""Tables of launch arguments, typed and checked, which ``hrl launch`` and ``ros2 launch`` read alike."""

import dataclasses
import difflib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from hrl_core.errors import HrlError

Value = bool | int | float | str
T = TypeVar("T", bool, int, float, str)
A = TypeVar("A", bound="Arguments")
_MOST_INTEGER = 2**63 - 1
"""Of ROS parameters."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_KIND = {bool: "true or false", int: "an integer", float: "a number", str: "text"}


class LaunchArgumentError(HrlError):
    """A launch argument is unknown, ill-typed or out of range; the message says in one line what is allowed."""


class Rule(NamedTuple):
    """What a value must obey beyond its type."""

    text: str
    """Completes "must be ..."."""
    holds: Callable[[Any], bool]


def argument(default: T, description: str, choices: Sequence[str] = (), rule: Rule | None = None) -> T:
    """Declare one launch argument, a field of a subclass of ``Arguments``."""
    metadata = {"description": description, "choices": tuple(choices), "rule": rule}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Arguments:
    """Values of the arguments of one launch file; each field's description is what ``--show-args`` prints."""

    def __post_init__(self) -> None:
        """Raise ``LaunchArgumentError`` unless every value is allowed."""
        for row in arguments_of(type(self)):
            row.check(getattr(self, row.name))
        self.check()

    def check(self) -> None:
        """Raise what ``refuse`` returns when the values do not go together."""

    def refuse(self, problem: str) -> LaunchArgumentError:
        """The refusal."""
        return LaunchArgumentError(problem)


@dataclass(frozen=True)
class Argument:
    """One row of the table."""

    name: str
    type: type
    default: Value
    description: str
    choices: tuple[str, ...]
    rule: Rule | None

    @property
    def shown_default(self) -> str:
        """The default as one would type it."""
        return str(self.default).lower() if self.type is bool else str(self.default)

    @property
    def explanation(self) -> str:
        """Description with the choices, if any."""
        return f"{self.description} One of: {', '.join(self.choices)}." if self.choices else self.description

    def parse(self, text: str) -> Value:
        """Convert ``text`` to the argument's type; raises ``LaunchArgumentError`` when that is impossible."""
        if text.startswith("~/"):
            # No shell has done it behind ":=".
            return os.path.expanduser(text)
        try:
            return _TRUTH[text.lower()] if self.type is bool else self.type(text)
        except (ValueError, KeyError):
            raise self._refuse(text, f"is not {_KIND[self.type]}") from None

    def check(self, value: Value) -> None:
        """Raise ``LaunchArgumentError`` unless the choices and the rule allow ``value``."""
        if self.choices and value not in self.choices:
            raise self._refuse(value, f"is not one of {', '.join(self.choices)}")
        if self.rule is not None and not self.rule.holds(value):
            raise self._refuse(value, f"must be {self.rule.text}")
        if not isinstance(value, str) and not -_MOST_INTEGER <= value <= _MOST_INTEGER:
            raise self._refuse(value, "is no number that a node could be given")

    def _refuse(self, value: Value, problem: str) -> LaunchArgumentError:
        return LaunchArgumentError(f"{self.name}:={value} {problem} ({self.name}: {_without_dot(self.description)})")


def _without_dot(sentence: str) -> str:
    """The sentence to be put in brackets; three dots stay."""
    return sentence if sentence.endswith("...") else sentence.removesuffix(".")


@functools.cache
def arguments_of(kind: type[Arguments]) -> tuple[Argument, ...]:
    """The rows of a table."""
    return tuple(
        Argument(f.name, type(f.default), cast(Value, f.default), **f.metadata) for f in dataclasses.fields(kind)
    )


def unknown_names(names: Sequence[str], kind: type[Arguments]) -> list[str]:
    """Return those of ``names`` that are no launch arguments."""
    valid = {row.name for row in arguments_of(kind)}
    return [name for name in names if name not in valid]


def parse_values(values: Mapping[str, str], kind: type[A]) -> A:
    """Read arguments from name -> text.

    Raises:
        LaunchArgumentError: an argument is unknown, ill-typed or not allowed.
    """
    rows = arguments_of(kind)
    for name in unknown_names(list(values), kind):
        close = difflib.get_close_matches(name, [row.name for row in rows], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise LaunchArgumentError(f"unknown argument '{name}'{hint}; --show-args lists all of them")
    parsed = {row.name: row.parse(values[row.name]) for row in rows if row.name in values}
    return kind(**parsed)


def parse_arguments(words: Sequence[str], kind: type[A]) -> A:
    """Read arguments from ``name:=value`` words; of a name given twice the last counts.

    Raises:
        LaunchArgumentError: a word has another form, or an argument is unknown, ill-typed or not allowed.
    """
    values: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise LaunchArgumentError(f"'{word}' is not of the form name:=value; --show-args lists all arguments")
        values[name] = value
    return parse_values(values, kind)


def describe_arguments(kind: type[Arguments]) -> str:
    """Return the manual of the arguments, laid out as ``ros2 launch --show-args`` does."""
    rows = [
        f"    '{a.name}':\n        {a.explanation}\n        (default: '{a.shown_default}')" for a in arguments_of(kind)
    ]
    return "\n\n".join(["Arguments (pass arguments as '<name>:=<value>'):", *rows])
