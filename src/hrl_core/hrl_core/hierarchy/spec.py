"""What the levels above a worker choose, where and how often: the policy's affair, not the task's.

Its hash travels beside the task's in every run, recording and checkpoint, and a mismatch is refused by naming the field
that differs.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import yaml

from hrl_core.errors import TaskError
from hrl_core.messages import WORKER_LEVEL, HorizonUnit, SubgoalKind, Vector, frozen
from hrl_core.task.spec import TaskSpec, check_vector, require_rising
from hrl_core.typed_fields import Count, FieldError, Finite, Index, Name, NotNegative, one_of, require_fields

KINDS = {
    "relative": SubgoalKind.RELATIVE,
    "absolute": SubgoalKind.ABSOLUTE,
    "direction": SubgoalKind.DIRECTION,
    "skill": SubgoalKind.SKILL,
}
CADENCES = ("on_result", "every_step")
FIRST, SMALLEST = "first", "smallest"
"""Goal spaces of a task by their place among its others."""
HORIZON = 10
"""Environment steps per subgoal, c of HIRO (arXiv 1805.08296, C.1)."""
UNITS = {"steps": HorizonUnit.STEPS, "attempts": HorizonUnit.ATTEMPTS}


@dataclass(frozen=True)
class LevelSpec:
    """One layer of decisions above the worker."""

    space: Name
    """Name of the goal space."""
    kind: Annotated[str, one_of(tuple(KINDS))] = "relative"
    """``relative`` (offset from the state it was chosen at), ``absolute``, ``direction`` or ``skill`` (a number)."""
    elements: Mapping[Name, tuple[Finite, Finite]] = field(default_factory=dict)
    """Observation element -> (low, high) of the subgoal value along it, unit of the element; empty for skills and
    directions in a space of the policy's own."""
    size: Index = 0
    """Length of a direction without elements."""
    skills: tuple[Name, ...] = ()
    """Names of the skills, by number."""
    horizon: Count = HORIZON
    """Steps, or attempts of the level below, for which a subgoal stands; c of HIRO."""
    unit: Annotated[str, one_of(tuple(UNITS))] = "steps"
    """What the horizon counts: ``steps``, or ``attempts`` of the level below."""
    cadence: Annotated[str, one_of(CADENCES)] = "on_result"
    """``on_result`` (one subgoal per segment) or ``every_step`` (CONTINUE in between)."""
    tolerance: tuple[NotNegative, ...] = ()
    """Distance along each element within which the subgoal counts as achieved; empty: it never does."""
    end_when_achieved: bool = False
    """Whether a segment ends when its subgoal is achieved."""
    worker_may_terminate: bool = False
    """Whether the worker may end a segment by itself."""
    sees_goal: bool = True
    """Whether who chooses sees what the level above, or the task, asks for."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        require_fields(self)
        for name, (low, high) in self.elements.items():
            require_rising(("elements", name), low, high)
        if self.kind == "skill" and not self.skills:
            raise FieldError(("skills",), "must name at least one skill where kind is skill")
        if self.kind != "skill" and not self.dim:
            raise FieldError(("elements",), "must be a table with at least one element where kind is no skill")
        if self.tolerance and len(self.tolerance) != len(self.elements):
            raise FieldError(("tolerance",), f"must be a list of {len(self.elements)}, as elements has", self.tolerance)

    @property
    def dim(self) -> int:
        """Length of a subgoal's value; 0 for skills."""
        return len(self.elements) or self.size


@dataclass(frozen=True)
class HierarchySpec:
    """All layers of a policy above its worker."""

    levels: tuple[LevelSpec, ...] = ()
    """The first one feeds the worker, the last one sees the task goal; none: a flat policy."""
    path: bool = False
    """Whether they are a tree: depth varies, and where its leaf ends the whole path ends."""

    def __post_init__(self) -> None:
        """Refuse fields that are none."""
        require_fields(self)

    @cached_property
    def parties(self) -> tuple[str, ...]:
        """Process names of everybody who acts, from the worker upwards."""
        return ("worker", *(manager_name(level) for level in range(len(self.levels))))

    def pursued(self, level: int, task: TaskSpec) -> int:
        """Length of what a level, or the worker (-1), is asked for: a subgoal of the level above, or the task goal."""
        return self.levels[level + 1].dim if level + 1 < len(self.levels) else len(task.goal)

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``FieldError`` unless every element of a goal space is one of the task's observation."""
        known = [element.name for element in task.observation]
        for i, level in enumerate(self.levels):
            for name in level.elements:
                if name not in known:
                    problem = f"is no element of the observation of task '{task.name}', which has {', '.join(known)}"
                    raise FieldError(("levels", i, "elements", name), problem)

    @cached_property
    def sha256(self) -> str:
        """Hash of the canonical form, 64 hexadecimal digits."""
        canonical = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with tuples as lists."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def to_yaml(self) -> str:
        """The specification as YAML; ``parse_hierarchy`` of it gives an equal object."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False, default_flow_style=None, width=110)


FLAT = HierarchySpec()
"""No level above the worker."""


class GoalSpace:
    """The subgoals of a level within the observations of a task."""

    def __init__(self, task: TaskSpec, level: LevelSpec) -> None:
        """Find the elements; the level fits the task (``HierarchySpec.require_task``)."""
        self.task, self.level = task, level
        self.names = tuple(level.elements)
        names = [element.name for element in task.observation]
        self.indices = np.array([names.index(name) for name in self.names])
        """Observation index of each element, shape (subgoal_dim,)."""
        self.low: Vector = frozen([low for low, _ in level.elements.values()])
        """Lower bounds of the subgoal value, shape (subgoal_dim,)."""
        self.high: Vector = frozen([high for _, high in level.elements.values()])
        """Upper bounds of the subgoal value, shape (subgoal_dim,)."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.names)

    def check(self, vector: Vector, what: str = "subgoal") -> None:
        """Raise ``InvalidDataError`` unless ``vector`` has the subgoal's size and is finite."""
        check_vector(vector, self.names, what, self.task.name)


def manager_name(level: int) -> str:
    """Process name of the manager that chooses the subgoals of a level: ``manager``, ``manager_2``, ..."""
    return "manager" if level == WORKER_LEVEL else f"manager_{level + 1}"


def hierarchy_of(task: TaskSpec, goal_space: str = FIRST, horizon: int = HORIZON) -> HierarchySpec:
    """One manager above the worker, whose subgoals lie in a goal space of the task; flat where it offers none.

    Args:
        task: offers goal spaces.
        goal_space: ``first``, ``smallest`` (fewest elements), or the name of one.
        horizon: environment steps per subgoal, c of HIRO.

    Raises:
        TaskError: there is no goal space of that name.
    """
    offered = task.goal_spaces
    if not offered:
        return FLAT
    name = {FIRST: next(iter(offered)), SMALLEST: min(offered, key=lambda space: len(offered[space]))}.get(
        goal_space, goal_space
    )
    if name not in offered:
        raise TaskError(
            f"goal_space: '{goal_space}' is none of task '{task.name}': choose {FIRST}, {SMALLEST} or one of "
            f"{', '.join(offered)}"
        )
    return HierarchySpec((LevelSpec(name, elements=offered[name], horizon=horizon),))


def earlier_hierarchy(task: TaskSpec) -> HierarchySpec:
    """What a policy or a run chooses that does not say it: as its task did once, else as ``hierarchy_of`` has it."""
    own = task.earlier
    if own is None:
        return hierarchy_of(task)
    return HierarchySpec((LevelSpec(own.space, own.kind, own.elements, horizon=own.period, cadence=own.cadence),))
