"""The launch arguments: one typed table per launch file, read by ``hrl launch`` and by ``ros2 launch`` alike."""

import dataclasses
import difflib
import functools
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from hrl_core.algorithms import ALGORITHMS
from hrl_core.bags.remote import is_uri
from hrl_core.errors import HrlError
from hrl_core.randomness import MOST_SEED

Value = bool | int | float | str
T = TypeVar("T", bool, int, float, str)
A = TypeVar("A", bound="Arguments")
DEFAULT_OUT = "runs/{time}"
_MOST_INTEGER = 2**63 - 1
"""Of ROS parameters."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_NAMESPACE = re.compile(r"/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?")
_KIND = {bool: "true or false", int: "an integer", float: "a number", str: "text"}


class LaunchArgumentError(HrlError):
    """A launch argument is unknown, ill-typed or out of range; the message says in one line what is allowed."""


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


FACTOR = Rule("between 0.001 and 1000", lambda value: 0.001 <= value <= 1000)
COUNT = Rule("0 or more", lambda value: value >= 0 and math.isfinite(value))
PORT = Rule("between 1 and 65535", lambda value: 1 <= value <= 65535)
SEED = Rule(f"between 0 and {MOST_SEED}", lambda value: 0 <= value <= MOST_SEED)
VECTOR = Rule("finite numbers separated by commas, such as 0,16", _is_vector)
NAME = Rule("a ROS namespace, such as robot_1", lambda value: _NAMESPACE.fullmatch(value) is not None)


def _uri(example: str) -> Rule:
    return Rule(f"a URI, such as {example}", lambda value: value == "" or is_uri(value))


STORE, DATA_BASE = _uri("s3://BUCKET/FOLDER"), _uri("postgresql+psycopg://USER@HOST/NAME")
NOT_EMPTY = Rule("given", lambda value: value != "")
NETWORK = (
    "Who may take part: host (this machine only) or subnet (other machines, too, as for a robot's own computer).",
    ("host", "subnet"),
)
"""Description and choices of the argument ``network``."""


def require_namespace(text: str) -> str:
    """A namespace as commands take it, without the slashes around it; raises ``HrlError`` where it is none."""
    if not NAME.holds(text.rstrip("/")):
        raise HrlError(f"--namespace {text}: must be {NAME.text}")
    return text.strip("/")


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
class LaunchArguments(Arguments):
    """The arguments of a graph with one robot."""

    task: str = argument(
        "auto",
        "Task: a shipped name such as AntMaze, a .yaml task specification, or auto for the policy's own task.",
        rule=NOT_EMPTY,
    )
    policy: str = argument(
        "auto",
        "Policy: a checkpoint folder, a shipped name, or auto for the best shipped one of the task (hiro_ant_maze).",
        rule=NOT_EMPTY,
    )
    mode: str = argument(
        "lockstep",
        "Clock: lockstep (deterministic, as fast as the machine allows) or realtime (wall clock times rtf).",
        ("lockstep", "realtime"),
    )
    rtf: float = argument(
        1.0, "Real-time factor, simulated seconds per wall second; with mode:=realtime only.", rule=FACTOR
    )
    episodes: int = argument(0, "Number of episodes, 0 for ever.", rule=COUNT)
    seed: int = argument(0, "Seed from which resets and exploration noise are drawn.", rule=SEED)
    goal: str = argument("", "Task goal as x,y in the units of the task; empty for the task's own.", rule=VECTOR)
    randomise: str = argument(
        "", "How simulated episodes differ, as hrl train --randomise: delay=0:0.06,loss=0.05; empty: not at all."
    )
    explore: bool = argument(False, "Run training episodes: the policies add exploration noise.")
    record: bool = argument(True, "Record a rosbag2 directory (MCAP) of all topics of the stack in OUT/bag.")
    split_episodes: int = argument(
        0,
        "Begin a new bag after so many episodes; OUT/bag is then a folder of bags. 0: one bag; where a run is learned "
        "from, a new one after 2.",
        rule=COUNT,
    )
    split_mb: float = argument(
        0.0, "Begin a new bag with the episode after the one that fills it to so many MB, 0: however big.", rule=COUNT
    )
    upload: str = argument(
        "",
        "URI that closed bags are copied to, s3://BUCKET/FOLDER; of several robots in robot_1, ...; empty: nowhere.",
        rule=STORE,
    )
    catalogue: str = argument(
        "",
        "Data base with a row of each closed bag, postgresql+psycopg://USER@HOST/NAME; empty: a file beside them.",
        rule=DATA_BASE,
    )
    learn: bool = argument(
        False,
        "Learn while running: a trainer follows the recording and announces policies, with relabel:=from-relabelled "
        "after a relabeler; implies explore.",
    )
    algorithm: str = argument("hiro", "With learn: algorithm, unless a file of switches names it.", tuple(ALGORITHMS))
    training: str = argument(
        "fast", "With learn: preset (paper, fast) or .json file of training switches.", rule=NOT_EMPTY
    )
    relabel: str = argument(
        "off",
        "With learn: where subgoals are relabelled.",
        ("off", "at-sampling", "from-relabelled"),
    )
    policy_updates: int = argument(1000, "With learn: worker updates between announced policies.", rule=COUNT)
    out: str = argument(
        DEFAULT_OUT,
        "Folder of the results (bag, summary.json); {time} becomes the start time.",
        rule=NOT_EMPTY,
    )
    viewer: bool = argument(False, "Show the run in the web viewer.")
    viewer_port: int = argument(8080, "Port of the web viewer; the next free one if it is taken.", rule=PORT)
    viewer_host: str = argument(
        "127.0.0.1", "Address the web viewer listens at; 0.0.0.0 opens it to other machines.", rule=NOT_EMPTY
    )
    markers: bool = argument(False, "Publish visualization_msgs markers; viewer and rviz need no asking.")
    rviz: bool = argument(False, "Show the run in rviz2.")
    namespace: str = argument("", "Namespace of every node and topic; also the robot's name.", rule=NAME)
    robot: str = argument(
        "sim", "What closes the loop: sim (MuJoCo) or real (a robot; always in real time).", ("sim", "real")
    )
    robot_config: str = argument(
        "fake_ant",
        "With robot:=real: shipped name or .yaml file that maps the robot's joints; fake_ant starts a fake robot.",
        rule=NOT_EMPTY,
    )
    supervise: str = argument(
        "auto",
        "Bring the nodes up in order, watch their heartbeats, make the robot safe when the bridge dies; auto: with "
        "robot:=real.",
        ("auto", "true", "false"),
    )
    respawn: bool = argument(
        False, "Restart a manager or worker that dies, up to 3 times in 60 s; supervised nodes always are."
    )
    autostart: bool = argument(True, "Configure and activate the nodes; false leaves that to a lifecycle manager.")
    share_core: bool = argument(
        True, "In lock-step, keep simulator and worker, who take turns, on one core; false: anywhere."
    )
    wait_limit: float = argument(
        60.0, "Seconds of silence of a lock-step peer after which a node gives up, 0: never.", rule=COUNT
    )
    network: str = argument("host", *NETWORK)
    peers: str = argument("", "With network:=subnet, addresses of other machines that multicast does not reach: A,B.")
    discovery_server: str = argument(
        "",
        "With network:=subnet, HOST:PORT of a server (hrl discovery) by which nodes find each other; else multicast.",
    )
    nodes: str = argument(
        "", "Start these nodes only (simulator,worker,manager,recorder,...); others run on other machines; empty: all."
    )
    log_level: str = argument("info", "Least severe log messages shown.", ("debug", "info", "warn", "error"))

    def check(self) -> None:
        """Refuse what contradicts itself."""
        if self.takes_turns and self.rtf != 1.0:
            raise self.refuse(f"rtf:={self.rtf} has no meaning in lock-step; add mode:=realtime")
        if (self.peers or self.nodes or self.discovery_server) and self.network != "subnet":
            raise self.refuse(
                "nodes:=, peers:= and discovery_server:= are for graphs of several machines; add network:=subnet"
            )
        if self.peers and self.discovery_server:
            raise self.refuse("nodes find each other by peers:= or by discovery_server:=; give one")
        if (self.upload or self.catalogue) and not (self.learn or self.split_episodes or self.split_mb):
            raise self.refuse("upload:= and catalogue:= are of closed bags; add split_episodes:=2")
        if self.learn and not self.record:
            raise self.refuse("learn:=true learns from the recording; leave record:=true")

    @property
    def supervised(self) -> bool:
        """Whether a supervisor takes part."""
        return self.supervise == "true" or (self.supervise == "auto" and self.robot == "real")

    @property
    def restarts(self) -> bool:
        """Whether a worker or manager that dies is started again."""
        return self.respawn or self.supervised

    @property
    def takes_turns(self) -> bool:
        """Whether simulator and worker wait for each other at every step."""
        return self.mode == "lockstep" and self.robot == "sim"

    @property
    def goal_vector(self) -> tuple[float, ...]:
        """The task goal, empty for the task's own."""
        return tuple(float(part) for part in self.goal.split(",")) if self.goal else ()


@dataclass(frozen=True)
class PolicyArguments(LaunchArguments):
    """The same for any policy: who takes part follows from it, and nothing is chosen for who names nothing."""

    policy: str = argument(
        "",
        "Policy: a checkpoint folder, a training run, a shipped name, or auto for the best shipped one of task:=.",
    )

    def check(self) -> None:
        """Refuse a run of nothing in particular."""
        super().check()
        if self.policy == "" or (self.policy == "auto" and self.task == "auto"):
            raise self.refuse(
                "name the policy to run, policy:=FOLDER or a shipped name such as policy:=hiro_ant_maze, or a "
                "task with its best shipped one, task:=AntMaze policy:=auto"
            )


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


ARGUMENTS = arguments_of(LaunchArguments)


def unknown_names(names: Sequence[str], kind: type[Arguments] = LaunchArguments) -> list[str]:
    """Return those of ``names`` that are no launch arguments."""
    valid = {row.name for row in arguments_of(kind)}
    return [name for name in names if name not in valid]


def parse_values(values: Mapping[str, str], kind: type[A] = LaunchArguments) -> A:
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


def parse_arguments(words: Sequence[str], kind: type[A] = LaunchArguments) -> A:
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


def describe_arguments(kind: type[Arguments] = LaunchArguments) -> str:
    """Return the manual of the arguments, laid out as ``ros2 launch --show-args`` does."""
    rows = [
        f"    '{a.name}':\n        {a.explanation}\n        (default: '{a.shown_default}')" for a in arguments_of(kind)
    ]
    return "\n\n".join(["Arguments (pass arguments as '<name>:=<value>'):", *rows])
