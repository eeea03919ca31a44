"""The YAML file of a robot: which joint is which, where its data come from, how it is made safe."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hrl_core.errors import HrlError, did_you_mean
from hrl_core.safety import BEHAVIOURS, JointSafety
from hrl_core.task import TaskSpec

ALIGNMENTS = ("hold", "as_of", "drop")
INTERFACES = ("effort", "velocity", "position")
STARTS = ("automatic", "service")
_ROBOTS = resources.files("hrl_robot") / "robots"
T = TypeVar("T")


class RobotConfigError(HrlError):
    """The robot's file is malformed or does not fit the task or the robot."""


@dataclass(frozen=True)
class JointConfig:
    """One joint of the task and what it is on the robot."""

    name: str
    """The robot's name of it."""
    position: tuple[float, float]
    """Limits of a plausible position, task units [rad]."""
    sign: float = 1.0
    offset: float = 0.0
    """Robot position where the task's is 0 [rad]."""
    scale: float = 1.0
    """Robot position per task position; efforts scale by the inverse."""
    effort: float = math.inf
    """Greatest magnitude of the command in task units, if that is less than the task's."""
    rate: float = math.inf
    """Greatest change of the command per second, task units."""
    safe: str = "zero"
    damping: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        rules = (
            (self.sign in (1, -1), f"sign must be 1 or -1, got {self.sign}"),
            (self.scale > 0, f"scale must be positive, got {self.scale}"),
            (self.effort > 0, f"effort must be positive, got {self.effort}"),
            (self.rate > 0, f"rate must be positive, got {self.rate}"),
            (self.safe in BEHAVIOURS, f"safe must be one of {', '.join(BEHAVIOURS)}, got '{self.safe}'"),
            (self.damping >= 0, f"damping must not be negative, got {self.damping}"),
            (len(self.position) == 2 and self.position[0] < self.position[1], "position must be [low, high]"),
        )
        _require(rules)


@dataclass(frozen=True)
class StreamConfig:
    """One stream of the robot's state and how its samples stand for the instants of the control period."""

    topic: str
    alignment: str = "hold"
    """``hold``: the newest sample; ``as_of``: the newest stamped no later than the instant; ``drop``: only a sample
    that is new since the last instant, else the observation is left out."""
    tolerance: float = 0.2
    """Greatest age [s, wall time] of a sample."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _require(
            (
                (self.alignment in ALIGNMENTS, f"alignment must be one of {', '.join(ALIGNMENTS)}"),
                (self.tolerance > 0, f"tolerance must be positive, got {self.tolerance}"),
            )
        )


@dataclass(frozen=True)
class CommandConfig:
    """Where commands go."""

    controller: str
    order: tuple[str, ...]
    """The robot's joint names in the order of the controller's array."""
    interface: str = "effort"
    stamped: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _require(((self.interface in INTERFACES, f"interface must be one of {', '.join(INTERFACES)}"),))

    @property
    def topic(self) -> str:
        """Topic of the controller."""
        return f"{self.controller}/commands"


@dataclass(frozen=True)
class OperatorConfig:
    """How an episode comes about."""

    place_service: str = ""
    start: str = "automatic"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        _require(((self.start in STARTS, f"start must be one of {', '.join(STARTS)}"),))


@dataclass(frozen=True)
class FakeConfig:
    """Parameters of the fake robot."""

    topics: str = "hardware"
    """Prefix of its topics and its service; empty: the names that ROS drivers use."""
    latency: float = 0.0
    jitter: float = 0.0
    dropout: float = 0.0
    controller_timeout: float = 0.0


@dataclass(frozen=True)
class RobotConfig:
    """Everything the bridge must know of a robot."""

    name: str
    command: CommandConfig
    streams: Mapping[str, StreamConfig]
    """``joint_states`` (required), ``odometry``, and ``object`` (geometry_msgs/PoseStamped)."""
    joints: Mapping[str, JointConfig]
    """Task joint -> joint of the robot."""
    ignore: tuple[str, ...] = ()
    elements: Mapping[str, str] = field(default_factory=dict)
    """Observation element -> source, for names that do not speak for themselves, e.g. ``block_x: object.x``."""
    operator: OperatorConfig = field(default_factory=OperatorConfig)
    fake: FakeConfig | None = None
    """The fake robot is started in the robot's place."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        names = [joint.name for joint in self.joints.values()]
        doubled = sorted({name for name in names if names.count(name) > 1})
        order = self.command.order
        known = ("joint_states", "odometry", "object")
        unknown = [name for name in self.streams if name not in known]
        _require(
            (
                (not doubled, f"joints: {doubled} named for more than one task joint"),
                ("joint_states" in self.streams, "streams: joint_states is required"),
                (not unknown, f"streams: unknown {unknown}; known are {', '.join(known)}"),
                (
                    sorted(order) == sorted(names),
                    f"command.order must name each robot joint once; it has {list(order)}, joints have {names}",
                ),
            )
        )

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``RobotConfigError`` unless every action of the task has a joint and every joint an action."""
        wanted, given = {actuator.name for actuator in task.action}, set(self.joints)
        if wanted != given:
            raise RobotConfigError(
                f"robot '{self.name}' and task '{task.name}': joints missing from the robot's file: "
                f"{sorted(wanted - given)}, joints the task does not have: {sorted(given - wanted)}"
            )

    def safety(self, task: TaskSpec) -> list[JointSafety]:
        """Limits and safe action of each action element, in the task's order and units."""
        rows = []
        for actuator in task.action:
            joint = self.joints[actuator.name]
            low, high = max(actuator.low, -joint.effort), min(actuator.high, joint.effort)
            rows.append(JointSafety(low, high, joint.rate, joint.safe, joint.damping))
        return rows


def shipped_robots() -> list[str]:
    """Names of the robot files that come with the project."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _ROBOTS.iterdir() if entry.name.endswith(".yaml"))


def load_robot(robot: str) -> RobotConfig:
    """Load a robot's file by shipped name or path.

    Raises:
        RobotConfigError: it does not exist, or names the field that is wrong and what is allowed.
    """
    path = Path(robot)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise RobotConfigError(f"robot file {path} does not exist; shipped are: {', '.join(shipped_robots())}")
        return parse_robot(path.read_text(), str(path))
    if robot not in shipped_robots():
        raise RobotConfigError(
            f"unknown robot '{robot}'{did_you_mean(robot, shipped_robots())}: give a path to a .yaml file or one of "
            f"{', '.join(shipped_robots())}"
        )
    return parse_robot((_ROBOTS / f"{robot}.yaml").read_text(), f"shipped robot {robot}")


def parse_robot(text: str, source: str) -> RobotConfig:
    """Read a robot's file from YAML text; raises ``RobotConfigError`` naming ``source``, field and what is allowed."""
    try:
        return _build(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RobotConfigError(f"{source}: not valid YAML: {error}") from None
    except RobotConfigError as error:
        raise RobotConfigError(f"{source}: {error}") from None


def _build(data: object) -> RobotConfig:
    values = _fields(RobotConfig, data, "the file")
    values["command"] = _make(CommandConfig, values["command"], "command")
    values["streams"] = _table(StreamConfig, values["streams"], "streams")
    values["joints"] = _table(JointConfig, values["joints"], "joints")
    if "operator" in values:
        values["operator"] = _make(OperatorConfig, values["operator"], "operator")
    if values.get("fake") is not None:
        values["fake"] = _make(FakeConfig, values["fake"], "fake")
    values["ignore"] = tuple(values.get("ignore") or ())
    values["elements"] = dict(values.get("elements") or {})
    return RobotConfig(**values)


def _table(kind: type[T], data: object, where: str) -> dict[str, T]:
    if not isinstance(data, Mapping):
        raise RobotConfigError(f"{where}: expected a mapping, got {data!r}")
    return {str(name): _make(kind, row, f"{where}.{name}") for name, row in data.items()}


def _make(kind: type[T], data: object, where: str) -> T:
    try:
        return kind(**_fields(kind, data, where))
    except RobotConfigError as error:
        raise RobotConfigError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
    except TypeError as error:
        raise RobotConfigError(f"{where}: malformed: {error}") from None


def _fields(kind: type, data: object, where: str) -> dict[str, Any]:
    """The values of a dataclass, checked by name and type."""
    if not isinstance(data, Mapping):
        raise RobotConfigError(f"{where}: expected a mapping of fields, got {data!r}")
    known = {row.name: row for row in dataclasses.fields(kind)}
    for name in data:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise RobotConfigError(f"{where}: unknown field '{name}'{hint}; fields are: {', '.join(known)}")
    required = [n for n, row in known.items() if _required(row) and n not in data]
    if required:
        raise RobotConfigError(f"{where}: missing {', '.join(required)}")
    return {str(name): _typed(known[name], value, f"{where}: {name}") for name, value in data.items()}


def _required(row: dataclasses.Field[Any]) -> bool:
    return row.default is dataclasses.MISSING and row.default_factory is dataclasses.MISSING


def _typed(row: dataclasses.Field[Any], value: Any, where: str) -> Any:  # noqa: ANN401 - plain YAML data
    if row.type is float and (isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value)):
        raise RobotConfigError(f"{where} must be a number, got {value!r}")
    if row.type is str and not isinstance(value, str):
        raise RobotConfigError(f"{where} must be text, got {value!r}")
    if row.type is bool and not isinstance(value, bool):
        raise RobotConfigError(f"{where} must be true or false, got {value!r}")
    return tuple(value) if isinstance(value, list) else value


def _require(rules: tuple[tuple[bool, str], ...]) -> None:
    for holds, rule in rules:
        if not holds:
            raise RobotConfigError(rule)
