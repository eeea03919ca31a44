"""The YAML file of a robot: which joint is which, where its data come from, how it is made safe."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated

from hrl_core.control.safety import JointSafety
from hrl_core.documents import MOST_YAML, read_limited, read_yaml
from hrl_core.errors import FileError, HrlError, did_you_mean
from hrl_core.task.spec import TaskSpec
from hrl_core.typed_fields import (
    FieldError,
    Finite,
    Fraction,
    Must,
    Name,
    NonEmpty,
    NotNegative,
    Positive,
    one_of,
    read_fields,
    require_different,
    require_fields,
)
from hrl_robot.joint_config import JointConfig

ALIGNMENTS = ("hold", "as_of", "drop")
INTERFACES = ("effort", "velocity", "position")
STARTS = ("automatic", "service")
BODIES = ("ant", "franka")
JOINT_STATES, ODOMETRY = "joint_states", "odometry"
"""Names of the robot's own streams; all others are of things about it."""
POSE, JOINTS = "pose", "joints"
KINDS = (POSE, ODOMETRY, JOINTS)
_ROBOTS = resources.files("hrl_robot") / "robots"
_TOPIC = re.compile(r"(/|~/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
_LEGAL = "a ROS name: letters, digits and _ in parts divided by /, none of them empty or with a digit in front"
Topic = Annotated[str, Must(lambda name: bool(_TOPIC.fullmatch(name)), _LEGAL)]
_NameOrNone = Annotated[str, Must(lambda name: not name or bool(_TOPIC.fullmatch(name)), f"empty, or {_LEGAL}")]
_NO_STAMP = (
    "false, or left out: control_msgs/MultiDOFCommand, which it added on <controller>/reference, has no stamp by which "
    "a controller could judge a command's age; silence is judged by a time-out of the controller or the driver"
)


def commands_of(controller: str) -> str:
    """Topic on which a ros2_control controller takes commands."""
    return f"{controller}/commands"


class RobotConfigError(HrlError):
    """The robot's file is malformed or does not fit the task or the robot."""


@dataclass(frozen=True)
class StreamConfig:
    """One stream of the robot's state and how its samples stand for the instants of the control period."""

    topic: Topic
    alignment: Annotated[str, one_of(ALIGNMENTS)] = "hold"
    """``hold``: the newest sample; ``as_of``: the newest stamped no later than the instant; ``drop``: only a sample
    that is new since the last instant, else the observation is left out."""
    tolerance: Positive = 0.2
    """Greatest age [s, wall time] of a sample."""
    kind: Annotated[str, one_of(KINDS)] = POSE
    """Of a thing: ``pose`` (geometry_msgs/PoseStamped), ``odometry`` (nav_msgs/Odometry), or ``joints`` that are not
    the robot's (sensor_msgs/JointState)."""
    joints: tuple[Name, ...] = ()
    """Of kind ``joints``: names of those that count; there may be others."""
    frame: str = ""
    """Frame id that messages of a pose or odometry must have; empty: the first that is heard must stay."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)
        require_different(self.joints, "joints")
        if bool(self.joints) != (self.kind == JOINTS):
            raise FieldError(("joints",), f"kind {JOINTS} needs names of joints, and no other kind takes them")
        if self.frame and self.kind == JOINTS:
            raise FieldError(("frame",), "joints are in no frame: leave it out", self.frame)


@dataclass(frozen=True)
class CommandConfig:
    """Where commands go."""

    controller: Topic
    order: tuple[Name, ...]
    """The robot's joint names in the order of the controller's array."""
    interface: Annotated[str, one_of(INTERFACES)] = "effort"
    stamped: Annotated[bool, Must(lambda stamped: not stamped, _NO_STAMP)] = False
    """Of earlier files, where ``true`` had commands sent by name as well."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)
        require_different(self.order, "order")

    @property
    def topic(self) -> str:
        """Topic of the controller."""
        return commands_of(self.controller)


@dataclass(frozen=True)
class GripperConfig:
    """Fingers that are told to open or to close, and otherwise hold what they hold."""

    controller: Topic
    """Gets their opening as std_msgs/Float64MultiArray of one number, on ``<controller>/commands``."""
    joints: Annotated[tuple[Name, ...], NonEmpty]
    """Joints of the task whose actions say so, on the average."""
    open: Finite
    """What the controller is told to open."""
    closed: Finite
    """What it is told to close."""
    threshold: Fraction = 0.3
    """An action above opens, one below its negative closes; those between change nothing."""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)
        require_different(self.joints, "joints")

    @property
    def topic(self) -> str:
        """Topic of the controller."""
        return commands_of(self.controller)


@dataclass(frozen=True)
class OperatorConfig:
    """How an episode comes about."""

    place_service: _NameOrNone = ""
    """std_srvs/Trigger that puts the robot at its start; empty: people do."""
    stop_service: _NameOrNone = ""
    """std_srvs/Trigger that stops it on its way there; empty: nobody can."""
    start: Annotated[str, one_of(STARTS)] = "automatic"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)
        if self.stop_service and not self.place_service:
            raise FieldError(("stop_service",), "there is no place_service that it could stop: leave it out")


@dataclass(frozen=True)
class FakeConfig:
    """Parameters of the fake robot."""

    body: Annotated[str, one_of(BODIES)] = "ant"
    """What it is; the task's model must have its joints."""
    topics: _NameOrNone = "hardware"
    """Prefix of its topics and its service; empty: the names that ROS drivers use."""
    latency: NotNegative = 0.0
    jitter: NotNegative = 0.0
    dropout: Fraction = 0.0
    controller_timeout: NotNegative = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)


@dataclass(frozen=True)
class RobotConfig:
    """Everything the bridge must know of a robot."""

    name: Name
    command: CommandConfig
    streams: Mapping[Name, StreamConfig]
    """``joint_states`` (required), ``odometry`` (nav_msgs/Odometry), and things under names of their own."""
    joints: Mapping[Name, JointConfig]
    """Task joint -> joint of the robot."""
    ignore: tuple[Name, ...] = ()
    elements: Mapping[Name, Name] = field(default_factory=dict)
    """Observation element -> source, for names that do not speak for themselves, e.g. ``block_x: object.x``."""
    gripper: GripperConfig | None = None
    """Fingers that have a controller of their own."""
    operator: OperatorConfig = field(default_factory=OperatorConfig)
    fake: FakeConfig | None = None
    """The fake robot is started in the robot's place."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        require_fields(self)
        if JOINT_STATES not in self.streams:
            raise FieldError(("streams",), f"{JOINT_STATES} is required, got {', '.join(self.streams) or 'none'}")
        for name in (JOINT_STATES, ODOMETRY):
            if name in self.streams and self.streams[name].kind != POSE:
                raise FieldError(("streams", name, "kind"), f"{name} is the robot's own: leave kind out")
        if self.streams[JOINT_STATES].frame:
            raise FieldError(("streams", JOINT_STATES, "frame"), "joints are in no frame: leave it out")
        fingers = () if self.gripper is None else self.gripper.joints
        unknown = [joint for joint in fingers if joint not in self.joints]
        if unknown:
            raise FieldError(("gripper", "joints"), f"{unknown} are not under joints")
        taken: dict[str, str] = {}
        for task_joint, joint in self.joints.items():
            other = taken.setdefault(joint.name, task_joint)
            if other != task_joint:
                raise FieldError(("joints", task_joint, "name"), f"'{joint.name}' is the joint of {other} already")
        driven = [name for name, joint in taken.items() if joint not in fingers]
        if sorted(self.command.order) != sorted(driven):
            problem = f"must name each robot joint once, got {list(self.command.order)}, joints have {driven}"
            raise FieldError(("command", "order"), problem)
        self._require_possible_safe_actions()

    def _require_possible_safe_actions(self) -> None:
        """By position, 0 is a place like any other: a joint that is to be safe there goes there, as fast as it can."""
        if self.command.interface != "position":
            return
        for name, joint in self.joints.items():
            allowed = self._default_safe(name)
            if joint.safe not in (None, allowed):
                why = "fingers hold what they hold by it" if allowed == "zero" else "all else sends it to its zero pose"
                problem = f"must be {allowed}, or left out, with interface: position ({why})"
                raise FieldError(("joints", name, "safe"), problem, joint.safe)

    def safe_of(self, joint: str) -> str:
        """The safe action of a joint of the task."""
        return self.joints[joint].safe or self._default_safe(joint)

    def _default_safe(self, joint: str) -> str:
        return "hold" if self.command.interface == "position" and not self._is_finger(joint) else "zero"

    def _is_finger(self, joint: str) -> bool:
        return self.gripper is not None and joint in self.gripper.joints

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
            rows.append(JointSafety(low, high, joint.rate, self.safe_of(actuator.name), joint.damping))
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
        try:
            return parse_robot(read_limited(path, MOST_YAML), str(path))
        except FileError as error:
            raise RobotConfigError(str(error)) from None
    if robot not in shipped_robots():
        raise RobotConfigError(
            f"unknown robot '{robot}'{did_you_mean(robot, shipped_robots())}: give a path to a .yaml file or one of "
            f"{', '.join(shipped_robots())}"
        )
    return parse_robot((_ROBOTS / f"{robot}.yaml").read_text(), f"shipped robot {robot}")


def parse_robot(text: str | bytes, source: str) -> RobotConfig:
    """Read a robot's file from YAML text, or its bytes in UTF-8.

    Raises:
        RobotConfigError: names ``source``, line, field, what was got and what is allowed.
    """
    try:
        return read_fields(RobotConfig, read_yaml(text, source))
    except FileError as error:
        raise RobotConfigError(str(error)) from None
