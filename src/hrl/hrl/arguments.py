"""The launch arguments: one typed table, read by ``hrl launch`` and by ``ros2 launch`` alike."""

import dataclasses
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from hrl_core.errors import HrlError

Value = bool | int | float | str
T = TypeVar("T", bool, int, float, str)
DEFAULT_OUT = "runs/{time}"
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_NAMESPACE = re.compile(r"/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?")
_KIND = {bool: "true or false", int: "an integer", float: "a number", str: "text"}


class LaunchArgumentError(HrlError):
    """A launch argument is unknown, ill-typed or out of range; the message lists all valid ones."""

    def __init__(self, problem: str) -> None:
        """Append the list of valid arguments to ``problem``."""
        rows = "\n".join(f"  {a.name}:={a.shown_default}  {a.explanation}" for a in ARGUMENTS)
        super().__init__(f"{problem}\nvalid arguments (name:=default):\n{rows}")


class Rule(NamedTuple):
    """What a value must obey beyond its type."""

    text: str
    """Completes "must be ..."."""
    holds: Callable[[Any], bool]


def _is_vector(text: str) -> bool:
    try:
        return text == "" or all(math.isfinite(float(part)) for part in text.split(","))
    except ValueError:
        return False


_FACTOR = Rule("between 0.001 and 1000", lambda value: 0.001 <= value <= 1000)
_COUNT = Rule("0 or more", lambda value: value >= 0 and math.isfinite(value))
_PORT = Rule("between 1 and 65535", lambda value: 1 <= value <= 65535)
_SEED = Rule("between 0 and 10^18", lambda value: 0 <= value <= 10**18)
_VECTOR = Rule("finite numbers separated by commas, such as 0,16", _is_vector)
_NAME = Rule("a ROS namespace, such as robot_1", lambda value: _NAMESPACE.fullmatch(value) is not None)
_NOT_EMPTY = Rule("given", lambda value: value != "")


def _argument(default: T, description: str, choices: Sequence[str] = (), rule: Rule | None = None) -> T:
    metadata = {"description": description, "choices": tuple(choices), "rule": rule}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class LaunchArguments:
    """Values of all launch arguments; each field's description is what ``--show-args`` prints."""

    task: str = _argument(
        "auto",
        "Task: a shipped name such as AntMaze, a .yaml task specification, or auto for the policy's own task.",
        rule=_NOT_EMPTY,
    )
    policy: str = _argument(
        "auto",
        "Policy: a checkpoint folder, a shipped name, or auto for the best shipped one of the task (hiro_ant_maze).",
        rule=_NOT_EMPTY,
    )
    mode: str = _argument(
        "lockstep",
        "Clock: lockstep (deterministic, as fast as the machine allows) or realtime (wall clock times rtf).",
        ("lockstep", "realtime"),
    )
    rtf: float = _argument(
        1.0, "Real-time factor, simulated seconds per wall second; with mode:=realtime only.", rule=_FACTOR
    )
    episodes: int = _argument(0, "Number of episodes, 0 for ever.", rule=_COUNT)
    seed: int = _argument(0, "Seed from which resets and exploration noise are drawn.", rule=_SEED)
    goal: str = _argument("", "Task goal as x,y in the units of the task; empty for the task's own.", rule=_VECTOR)
    explore: bool = _argument(False, "Run training episodes: the policies add exploration noise.")
    record: bool = _argument(True, "Record a rosbag2 directory (MCAP) of all topics of the stack in OUT/bag.")
    split_episodes: int = _argument(
        0, "Begin a new bag after so many episodes, 0: one bag; OUT/bag is then a folder of bags.", rule=_COUNT
    )
    split_mb: float = _argument(
        0.0, "Begin a new bag with the episode after the one that fills it to so many MB, 0: one bag.", rule=_COUNT
    )
    out: str = _argument(
        DEFAULT_OUT,
        "Folder of the results (bag, summary.json); {time} becomes the start time.",
        rule=_NOT_EMPTY,
    )
    viewer: bool = _argument(False, "Show the run in the web viewer.")
    viewer_port: int = _argument(8080, "Port of the web viewer; the next free one if it is taken.", rule=_PORT)
    viewer_host: str = _argument(
        "127.0.0.1", "Address the web viewer listens at; 0.0.0.0 opens it to other machines.", rule=_NOT_EMPTY
    )
    markers: bool = _argument(False, "Publish visualization_msgs markers; viewer and rviz need no asking.")
    rviz: bool = _argument(False, "Show the run in rviz2.")
    namespace: str = _argument("", "Namespace of every node and topic; also the robot's name.", rule=_NAME)
    robot: str = _argument("sim", "What closes the loop: sim (MuJoCo) or real (a robot).", ("sim", "real"))
    respawn: bool = _argument(False, "Restart a manager or worker that dies, up to 3 times in 60 s.")
    autostart: bool = _argument(True, "Configure and activate the nodes; false leaves that to a lifecycle manager.")
    wait_limit: float = _argument(
        60.0, "Seconds of silence of a lock-step peer after which a node gives up, 0: never.", rule=_COUNT
    )
    log_level: str = _argument("info", "Least severe log messages shown.", ("debug", "info", "warn", "error"))

    def __post_init__(self) -> None:
        """Raise ``LaunchArgumentError`` unless every value is allowed."""
        for argument in ARGUMENTS:
            argument.check(getattr(self, argument.name))
        if self.mode == "lockstep" and self.rtf != 1.0:
            raise LaunchArgumentError(f"rtf:={self.rtf} has no meaning in lock-step; add mode:=realtime")

    @property
    def goal_vector(self) -> tuple[float, ...]:
        """The task goal, empty for the task's own."""
        return tuple(float(part) for part in self.goal.split(",")) if self.goal else ()


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
        try:
            return _TRUTH[text.lower()] if self.type is bool else self.type(text)
        except (ValueError, KeyError):
            raise LaunchArgumentError(f"{self.name}:={text} is not {_KIND[self.type]}") from None

    def check(self, value: Value) -> None:
        """Raise ``LaunchArgumentError`` unless the choices and the rule allow ``value``."""
        if self.choices and value not in self.choices:
            raise LaunchArgumentError(f"{self.name}:={value} is not one of {', '.join(self.choices)}")
        if self.rule is not None and not self.rule.holds(value):
            raise LaunchArgumentError(f"{self.name}:={value} must be {self.rule.text}")


ARGUMENTS: tuple[Argument, ...] = tuple(
    Argument(f.name, type(f.default), cast(Value, f.default), **f.metadata) for f in dataclasses.fields(LaunchArguments)
)


def unknown_names(names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that are no launch arguments."""
    valid = {argument.name for argument in ARGUMENTS}
    return [name for name in names if name not in valid]


def parse_values(values: Mapping[str, str]) -> LaunchArguments:
    """Read arguments from name -> text.

    Raises:
        LaunchArgumentError: an argument is unknown, ill-typed or not allowed.
    """
    for name in unknown_names(list(values)):
        close = difflib.get_close_matches(name, [argument.name for argument in ARGUMENTS], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise LaunchArgumentError(f"unknown argument '{name}'{hint}")
    parsed = {a.name: a.parse(values[a.name]) for a in ARGUMENTS if a.name in values}
    return LaunchArguments(**parsed)  # pyright: ignore[reportArgumentType]


def parse_arguments(words: Sequence[str]) -> LaunchArguments:
    """Read arguments from ``name:=value`` words; of a name given twice the last counts.

    Raises:
        LaunchArgumentError: a word has another form, or an argument is unknown, ill-typed or not allowed.
    """
    values: dict[str, str] = {}
    for word in words:
        name, separator, value = word.partition(":=")
        if not separator or not name:
            raise LaunchArgumentError(f"'{word}' is not of the form name:=value")
        values[name] = value
    return parse_values(values)


def describe_arguments() -> str:
    """Return the manual of the arguments, laid out as ``ros2 launch --show-args`` does."""
    rows = [f"    '{a.name}':\n        {a.explanation}\n        (default: '{a.shown_default}')" for a in ARGUMENTS]
    return "\n\n".join(["Arguments (pass arguments as '<name>:=<value>'):", *rows])
