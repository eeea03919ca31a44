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
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from hrl_core.errors import InvalidDataError
from hrl_core.messages import Vector, frozen
from hrl_core.task.given_commands import ObservedCommand, observed_commands
from hrl_core.task.success import SuccessRule
from hrl_core.typed_fields import (
    Count,
    FieldError,
    Finite,
    Must,
    Name,
    NonEmpty,
    require_different,
    require_fields,
)
from hrl_core.yaml_text import yaml_text

_NOT_AGREED = frozenset({"goal_spaces", "earlier"})
"""Fields that may differ between those who share a task."""


def _is_plain(data: object) -> bool:
    try:
        return bool(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError):
        return False


_Period = Annotated[float, Must(lambda seconds: 1e-6 <= seconds <= 3600, "a number of seconds from 1e-6 to 3600")]
Ranges = Annotated[Mapping[Name, tuple[Finite, Finite]], Must(bool, "a table with at least one element")]
"""Observation element -> (low, high) of a subgoal relative to the present state, unit of the element."""
PlainData = Annotated[Any, Must(_is_plain, "text, finite decimal numbers, true, false, or lists and tables of them")]
"""What an environment may be made with."""


def require_rising(where: str | tuple[str | int, ...], low: float, high: float) -> None:
    """Raise ``FieldError`` at ``where`` unless ``low`` is below ``high``."""
    if not low < high:
        path = (where,) if isinstance(where, str) else where
        raise FieldError(path, f"the lower limit must be below the upper one, got {low:g} and {high:g}")


@dataclass(frozen=True)
class Element:
    """One element of an observation or goal vector."""

    name: Name
    unit: Name
    """SI unit, ``1`` for pure numbers."""
    frame: Name
    """Coordinate frame, ``-`` where none applies."""


@dataclass(frozen=True)
class Actuator:
    """One element of the action vector."""

    name: Name
    """Joint (or task) name."""
    unit: Name
    low: Finite
    high: Finite
    choices: tuple[Name, ...] = ()
    """Names of the actions to choose from, by number, of which the element holds one; none: all within the limits."""

    def __post_init__(self) -> None:
        """Refuse limits that leave nothing between them, and choices that they do not number."""
        require_fields(self)
        require_rising("low", self.low, self.high)
        require_different(self.choices, "choices")
        count = len(self.choices)
        if self.choices and (self.low, self.high) != (0, count - 1):
            raise FieldError(("choices",), f"{count} choices are numbered 0 to {count - 1}, as low and high must be")


@dataclass(frozen=True)
class EarlierSubgoals:
    """What the first definitions said of subgoals, when they were the task's."""

    sha256: str
    """Hash of the task with them in it."""
    space: str
    elements: Mapping[str, tuple[float, float]]
    period: int
    """Environment steps per subgoal."""
    kind: str
    cadence: str


@dataclass(frozen=True)
class TaskSpec:
    """Everything that environment, policies and recordings must agree on."""

    name: Name
    env_id: Name
    """Gymnasium id, ``module:Id`` to import a module that registers it, one installed or beside the task file."""
    env_kwargs: Mapping[str, PlainData]
    max_episode_steps: Count
    control_period: _Period
    """Environment time per step [s]."""
    frame: Name
    """Frame of world positions, prefixed with the robot's namespace in messages."""
    observation: Annotated[tuple[Element, ...], NonEmpty]
    """What the environment tells, then commands given before, if any (``given_commands``)."""
    action: Annotated[tuple[Actuator, ...], NonEmpty]
    goal: tuple[Element, ...]
    """Layout of achieved_goal and desired_goal."""
    success: SuccessRule
    evaluation_goals: tuple[tuple[Finite, ...], ...] = field(default=())
    """Task goals of the evaluation protocol, the first is the headline; empty: the environment's own choice."""
    goal_spaces: Mapping[Name, Ranges] = field(default_factory=dict, compare=False)
    """Spaces for subgoals, by name, offered to who trains: no part of what all agree on, and of no hash."""
    earlier: "EarlierSubgoals | None" = field(default=None, init=False, compare=False, repr=False)
    """What the first definitions held, if this is read from them."""

    def __post_init__(self) -> None:
        """Refuse a specification that contradicts itself."""
        require_fields(self)
        require_different(self._observation_names, "observation")
        require_different(self._action_names, "action")
        require_different(self._goal_names, "goal")
        if len(self.action) > 1 and any(actuator.choices for actuator in self.action):
            raise FieldError(("action",), "must be a single element where it has choices")
        if self.observed_commands and self.choices:
            raise FieldError(("observation",), "commands given before are no quantities where actions are choices")
        for space, ranges in self.goal_spaces.items():
            self._require_space(ranges, "goal_spaces", space)
        if len(self.success.tolerance) not in (0, len(self.goal)):
            problem = f"must be a list of {len(self.goal)}, as goal has"
            raise FieldError(("success", "tolerance"), problem, self.success.tolerance)
        self.success.require_elements(self._goal_names)
        for i, goal in enumerate(self.evaluation_goals):
            if len(goal) != len(self.goal):
                raise FieldError(("evaluation_goals", i), f"must be a list of {len(self.goal)}, as goal has", goal)

    def _require_space(self, ranges: Mapping[str, tuple[float, float]], *path: str) -> None:
        """Raise ``FieldError`` unless every element is one of the observation and leaves something to choose."""
        for name, (low, high) in ranges.items():
            if name not in self._observation_names:
                known = ", ".join(self._observation_names)
                raise FieldError((*path, name), f"is no element of the observation, which has {known}")
            require_rising((*path, name), low, high)

    @cached_property
    def action_low(self) -> Vector:
        """Lower action bounds, shape (action_dim,)."""
        return frozen([a.low for a in self.action])

    @cached_property
    def action_high(self) -> Vector:
        """Upper action bounds, shape (action_dim,)."""
        return frozen([a.high for a in self.action])

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the discrete actions, of which an action vector (1,) holds the number; none: actions are vectors."""
        return self.action[0].choices

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
    def observed_commands(self) -> tuple[ObservedCommand, ...]:
        """The commands at the end of the observation, which are remembered and not told by the environment."""
        return observed_commands(self._observation_names, self._action_names)

    @property
    def told_by_environment(self) -> int:
        """Elements of the observation before them."""
        return len(self.observation) - len(self.observed_commands)

    @cached_property
    def observed_goal(self) -> dict[str, int]:
        """Element of the goal -> its index in the observation; without those that nobody observes."""
        seen = self._observation_names
        return {name: seen.index(name) for name in self._goal_names if name in seen}

    @cached_property
    def unobserved_goal(self) -> tuple[str, ...]:
        """Elements of the goal that the observation does not hold."""
        return tuple(name for name in self._goal_names if name not in self.observed_goal)

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical form, 64 hexadecimal digits."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def hash64(self) -> int:
        """First 64 bits of the hash: what every observation carries."""
        return int(self.sha256[:16], 16)

    @property
    def hashes(self) -> tuple[str, ...]:
        """All hashes that it goes by: its own, and the one of the first definitions if it is read from them."""
        return (self.sha256,) if self.earlier is None else (self.sha256, self.earlier.sha256)

    @property
    def own_success(self) -> bool:
        """Whether success is the environment's own word."""
        return self.success.radius == 0

    def as_dict(self) -> dict[str, Any]:
        """What all agree on as plain data, with tuples as lists."""
        agreed = {name: value for name, value in dataclasses.asdict(self).items() if name not in _NOT_AGREED}
        actions = [{k: v for k, v in actuator.items() if k != "choices" or v} for actuator in agreed["action"]]
        return json.loads(json.dumps(agreed | {"action": actions, "success": self.success.as_dict()}))

    def to_yaml(self) -> str:
        """The specification as YAML; ``parse_task`` of it gives an equal object."""
        offered = {space: {n: list(r) for n, r in ranges.items()} for space, ranges in self.goal_spaces.items()}
        said = self.as_dict() | ({"goal_spaces": offered} if offered else {})
        return yaml_text(said)

    def check_state(self, state: Vector, what: str = "observation") -> None:
        """Raise ``InvalidDataError`` unless ``state`` has the right size and is finite."""
        check_vector(state, self._observation_names, what, self.name)

    def check_action(self, action: Vector, what: str = "action") -> None:
        """Raise ``InvalidDataError`` unless ``action`` has the right size and is finite, and is one of the choices."""
        check_vector(action, self._action_names, what, self.name)
        if self.choices and float(action[0]) not in range(len(self.choices)):
            numbered = ", ".join(f"{number} ({name})" for number, name in enumerate(self.choices))
            raise InvalidDataError(f"{what}: task '{self.name}' has the choices {numbered}, got {action[0]:g}")

    def check_goal(self, goal: Vector, what: str = "goal") -> None:
        """Raise ``InvalidDataError`` unless ``goal`` has the right size and is finite."""
        if goal.size and not self.goal:
            raise InvalidDataError(f"{what}: task '{self.name}' has none")
        check_vector(goal, self._goal_names, what, self.name)

    def distance(self, achieved_goal: Vector, desired_goal: Vector) -> float:
        """Euclidean distance to the task goal, unit of the goal."""
        left = achieved_goal - desired_goal
        return math.sqrt(left.dot(left))

    def way_left(self, achieved_goal: Vector, desired_goal: Vector) -> str:
        """What is left to do, in words: the distance to a goal, or how many of the groups are out of place."""
        if self.success.groups:
            return f"{self.out_of_place(achieved_goal, desired_goal)} out of place"
        units = {element.unit for element in self.goal}
        unit = f" {units.pop()}" if len(units) == 1 and units != {"1"} else ""
        return f"to goal {self.distance(achieved_goal, desired_goal):.1f}{unit}"

    def succeeded(self, achieved_goal: Vector, desired_goal: Vector) -> bool:
        """Whether the success rule holds at this step."""
        if self.success.groups or self.success.norm != "l2":
            return bool(self.success_holds(achieved_goal, desired_goal))
        if self.success.tolerance:
            return bool(np.all(np.abs(achieved_goal - desired_goal) <= self.success.tolerance))
        return self.distance(achieved_goal, desired_goal) <= self.success.radius

    def success_holds(self, achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray[np.bool_]:
        """Whether the success rule holds for goals (..., goal_dim) each, (...,); never where the environment says."""
        return self.success.holds(achieved, desired, self._goal_names)

    def groups_within(self, achieved: npt.NDArray, desired: npt.NDArray) -> dict[str, npt.NDArray[np.bool_]]:
        """Which groups of ``success`` are in place, for goals (..., goal_dim) each: name -> (...,)."""
        return self.success.within(achieved, desired, self._goal_names)

    def out_of_place(self, achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray[np.int64]:
        """How many of these groups are not, for goals (..., goal_dim) each, (...,)."""
        return np.sum([~np.asarray(there) for there in self.groups_within(achieved, desired).values()], axis=0)


def check_vector(vector: Vector, names: Sequence[str], what: str, task: str) -> None:
    """Raise ``InvalidDataError`` unless ``vector`` has one finite number for each of ``names``."""
    if vector.shape != (len(names),):
        raise InvalidDataError(f"{what}: task '{task}' needs {len(names)} numbers, got shape {vector.shape}")
    # The dot product is one fast pass: it is finite unless an element is not (or the square overflows).
    if not math.isfinite(vector.dot(vector)):
        bad = [f"{name}={x}" for name, x in zip(names, vector.tolist(), strict=True) if not math.isfinite(x)]
        raise InvalidDataError(f"{what}: non-finite {', '.join(bad) or 'magnitude'} (task '{task}')")
