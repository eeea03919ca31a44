"""The one contract: what a task observes, accepts, pursues and calls success.

Simulator, robot bridge, manager, worker, recorder, relabeller and trainer all read the same file; its hash travels in
every bag and checkpoint, and a mismatch is refused by naming the field that differs.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hrl_core.errors import InvalidDataError, TaskError, did_you_mean
from hrl_core.types import Vector, frozen

CADENCES = ("on_result", "every_step")
SUBGOAL_KINDS = ("relative", "absolute")
_TASKS = resources.files("hrl_core") / "tasks"


@dataclass(frozen=True)
class Element:
    """One element of an observation or goal vector."""

    name: str
    unit: str
    """SI unit, ``1`` for pure numbers."""
    frame: str
    """Coordinate frame, ``-`` where none applies."""


@dataclass(frozen=True)
class Actuator:
    """One element of the action vector."""

    name: str
    """Joint (or task) name."""
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class SubgoalSpec:
    """Where subgoals live and how often they are chosen."""

    space: str
    """Name of the goal space."""
    elements: Mapping[str, tuple[float, float]]
    """Observation element -> (low, high) of the subgoal value along it, unit of the element."""
    period: int
    """Environment steps per subgoal, c of HIRO."""
    kind: str = "relative"
    """``relative`` (offset from the state it was chosen at) or ``absolute``."""
    cadence: str = "on_result"
    """``on_result`` (one subgoal per segment) or ``every_step`` (CONTINUE in between)."""


@dataclass(frozen=True)
class SuccessRule:
    """Success: the achieved goal lies within ``radius`` of the desired goal at the last step."""

    radius: float
    unit: str


@dataclass(frozen=True)
class TaskSpec:
    """Everything that environment, policies and recordings must agree on."""

    name: str
    env_id: str
    """Gymnasium id, ``module:Id`` to import a module that registers it."""
    env_kwargs: Mapping[str, Any]
    max_episode_steps: int
    control_period: float
    """Environment time per step [s]."""
    frame: str
    """Frame of world positions, prefixed with the robot's namespace in messages."""
    observation: tuple[Element, ...]
    action: tuple[Actuator, ...]
    goal: tuple[Element, ...]
    """Layout of achieved_goal and desired_goal."""
    subgoal: SubgoalSpec
    success: SuccessRule
    evaluation_goals: tuple[tuple[float, ...], ...] = field(default=())
    """Task goals of the evaluation protocol, the first is the headline; empty: the environment's own choice."""

    def __post_init__(self) -> None:
        """Refuse a specification that contradicts itself."""
        names = [element.name for element in self.observation]
        checks = (
            (len(set(names)) == len(names), "observation: element names must be unique"),
            (self.control_period > 0, "control_period: must be positive"),
            (self.max_episode_steps > 0, "max_episode_steps: must be positive"),
            (self.subgoal.period > 0, "subgoal.period: must be positive"),
            (self.subgoal.cadence in CADENCES, f"subgoal.cadence: must be one of {', '.join(CADENCES)}"),
            (self.subgoal.kind in SUBGOAL_KINDS, f"subgoal.kind: must be one of {', '.join(SUBGOAL_KINDS)}"),
            (all(a.low < a.high for a in self.action), "action: every low must be below its high"),
            (all(low < high for low, high in self.subgoal.elements.values()), "subgoal.elements: low < high"),
            (all(len(g) == len(self.goal) for g in self.evaluation_goals), "evaluation_goals: size of goal"),
        )
        for holds, rule in checks:
            if not holds:
                raise TaskError(f"task '{self.name}': {rule}")
        unknown = [name for name in self.subgoal.elements if name not in names]
        if unknown:
            raise TaskError(
                f"task '{self.name}': subgoal.elements names {unknown}; observation has: {', '.join(names)}"
            )

    @cached_property
    def subgoal_indices(self) -> np.ndarray:
        """Observation index of each subgoal element, shape (subgoal_dim,)."""
        return np.array([self._observation_names.index(name) for name in self.subgoal.elements])

    @cached_property
    def subgoal_low(self) -> Vector:
        """Lower bounds of the subgoal value, shape (subgoal_dim,)."""
        return frozen([low for low, _ in self.subgoal.elements.values()])

    @cached_property
    def subgoal_high(self) -> Vector:
        """Upper bounds of the subgoal value, shape (subgoal_dim,)."""
        return frozen([high for _, high in self.subgoal.elements.values()])

    @cached_property
    def action_low(self) -> Vector:
        """Lower action bounds, shape (action_dim,)."""
        return frozen([a.low for a in self.action])

    @cached_property
    def action_high(self) -> Vector:
        """Upper action bounds, shape (action_dim,)."""
        return frozen([a.high for a in self.action])

    @cached_property
    def _observation_names(self) -> tuple[str, ...]:
        return tuple(element.name for element in self.observation)

    @cached_property
    def _action_names(self) -> tuple[str, ...]:
        return tuple(actuator.name for actuator in self.action)

    @cached_property
    def _goal_names(self) -> tuple[str, ...]:
        return tuple(element.name for element in self.goal)

    @cached_property
    def _subgoal_names(self) -> tuple[str, ...]:
        return tuple(self.subgoal.elements)

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical form, 64 hexadecimal digits."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def hash64(self) -> int:
        """First 64 bits of the hash: what every observation carries."""
        return int(self.sha256[:16], 16)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with tuples as lists."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def to_yaml(self) -> str:
        """The specification as YAML; ``parse_task`` of it gives an equal object."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False, default_flow_style=None, width=110)

    def check_state(self, state: Vector, what: str = "observation") -> None:
        """Raise ``InvalidDataError`` unless ``state`` has the right size and is finite."""
        check_vector(state, self._observation_names, what, self.name)

    def check_action(self, action: Vector, what: str = "action") -> None:
        """Raise ``InvalidDataError`` unless ``action`` has the right size and is finite."""
        check_vector(action, self._action_names, what, self.name)

    def check_goal(self, goal: Vector, what: str = "goal") -> None:
        """Raise ``InvalidDataError`` unless ``goal`` has the right size and is finite."""
        check_vector(goal, self._goal_names, what, self.name)

    def check_subgoal(self, vector: Vector, what: str = "subgoal") -> None:
        """Raise ``InvalidDataError`` unless ``vector`` has the subgoal's size and is finite."""
        check_vector(vector, self._subgoal_names, what, self.name)

    def distance(self, achieved_goal: Vector, desired_goal: Vector) -> float:
        """Euclidean distance to the task goal, unit of the goal."""
        left = achieved_goal - desired_goal
        return math.sqrt(left.dot(left))

    def succeeded(self, achieved_goal: Vector, desired_goal: Vector) -> bool:
        """Whether the success rule holds at this step."""
        return self.distance(achieved_goal, desired_goal) <= self.success.radius


def check_vector(vector: Vector, names: Sequence[str], what: str, task: str) -> None:
    """Raise ``InvalidDataError`` unless ``vector`` has one finite number for each of ``names``."""
    if vector.shape != (len(names),):
        raise InvalidDataError(f"{what}: task '{task}' needs {len(names)} numbers, got shape {vector.shape}")
    # The dot product is one fast pass: it is finite unless an element is not (or the square overflows).
    if not math.isfinite(vector.dot(vector)):
        bad = [f"{name}={x}" for name, x in zip(names, vector.tolist(), strict=True) if not math.isfinite(x)]
        raise InvalidDataError(f"{what}: non-finite {', '.join(bad) or 'magnitude'} (task '{task}')")


def parse_task(text: str, source: str = "task specification") -> TaskSpec:
    """Read a specification from YAML text.

    Raises:
        TaskError: names the source, the field and what is allowed.
    """
    try:
        return _build(_load_yaml(text))
    except TaskError as error:
        raise TaskError(f"{source}: {error}") from None
    except yaml.YAMLError as error:
        raise TaskError(f"{source}: not valid YAML: {error}") from None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise TaskError(f"{source}: malformed field: {error}") from None


@lru_cache(maxsize=16)
def _load_yaml(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    """Parsed once: every bag of a recording repeats the specification. Not to be changed by the caller."""
    return yaml.safe_load(text)


def _build(data: object) -> TaskSpec:
    if not isinstance(data, dict):
        raise TaskError(f"expected a mapping of fields, got {type(data).__name__}")
    allowed = {f.name: f for f in dataclasses.fields(TaskSpec)}
    unknown = sorted(set(data) - set(allowed))
    missing = sorted(n for n in allowed if n not in data and n != "evaluation_goals")
    if unknown or missing:
        raise TaskError(f"unknown fields {unknown}, missing fields {missing}; fields are: {', '.join(allowed)}")
    subgoal = dict(data["subgoal"])
    subgoal["elements"] = {n: (float(low), float(high)) for n, (low, high) in subgoal["elements"].items()}
    return TaskSpec(
        name=str(data["name"]),
        env_id=str(data["env_id"]),
        env_kwargs=dict(data["env_kwargs"] or {}),
        max_episode_steps=int(data["max_episode_steps"]),
        control_period=float(data["control_period"]),
        frame=str(data["frame"]),
        observation=tuple(_element(row) for row in data["observation"]),
        action=tuple(_actuator(row) for row in data["action"]),
        goal=tuple(_element(row) for row in data["goal"]),
        subgoal=SubgoalSpec(**subgoal),
        success=SuccessRule(radius=float(data["success"]["radius"]), unit=str(data["success"]["unit"])),
        evaluation_goals=tuple(tuple(float(x) for x in g) for g in data.get("evaluation_goals") or ()),
    )


def _element(row: Mapping[str, Any]) -> Element:
    return Element(name=str(row["name"]), unit=str(row["unit"]), frame=str(row["frame"]))


def _actuator(row: Mapping[str, Any]) -> Actuator:
    return Actuator(str(row["name"]), str(row["unit"]), float(row["low"]), float(row["high"]))


def shipped_tasks() -> list[str]:
    """Names of the task specifications that come with the project."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _TASKS.iterdir() if entry.name.endswith(".yaml"))


def load_task(task: str | Path) -> TaskSpec:
    """Load a specification by shipped name (``ant_maze``, any case, ``AntMaze``) or by path.

    Raises:
        TaskError: the name is unknown (the message lists the valid ones) or the file is malformed.
    """
    path = Path(task)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise TaskError(f"task file {path} does not exist; shipped tasks are: {', '.join(shipped_tasks())}")
        return parse_task(path.read_text(), str(path))
    for name in shipped_tasks():
        spec_text = (_TASKS / f"{name}.yaml").read_text()
        spec = parse_task(spec_text, f"shipped task {name}")
        if str(task).lower() in (name, name.replace("_", ""), spec.env_id.lower(), spec.env_id.split(":")[-1].lower()):
            return spec
    raise TaskError(
        f"unknown task '{task}'{did_you_mean(str(task), shipped_tasks())}: give a path to a .yaml task specification "
        f"or one of {', '.join(shipped_tasks())}"
    )


def task_difference(ours: TaskSpec, theirs: TaskSpec) -> str:
    """Name the first fields in which two specifications differ, ``field: ours != theirs``; empty when equal."""
    return "; ".join(_differences("", ours.as_dict(), theirs.as_dict())[:3])


def _differences(path: str, ours: object, theirs: object) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = dict.fromkeys([*ours, *theirs])
        return [d for key in keys for d in _differences(f"{path}.{key}", ours.get(key), theirs.get(key))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [d for i, (a, b) in pairs for d in _differences(f"{path}[{i}]", a, b)]
    return [] if ours == theirs else [f"{path.lstrip('.')}: {ours!r} != {theirs!r}"]
