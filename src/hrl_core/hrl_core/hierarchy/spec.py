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
from hrl_core.hierarchy.tree import Tree
from hrl_core.messages import WORKER_LEVEL, HorizonUnit, SubgoalKind, Vector, frozen
from hrl_core.task.spec import TaskSpec, check_vector, require_rising
from hrl_core.typed_fields import FieldError, Finite, Index, Name, NotNegative, one_of, require_fields

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
EMBEDDING = "embedding"
"""Network that says where a state lies in a goal space that was learned."""
TERMINATION = "termination"
"""Network that says whether a worker ends its segment."""
UNITS = {"steps": HorizonUnit.STEPS, "attempts": HorizonUnit.ATTEMPTS}


@dataclass(frozen=True)
class LevelSpec:
    """One layer of decisions above the worker."""

    space: Name
    """Name of the goal space."""
    kind: Annotated[str, one_of(tuple(KINDS))] = "relative"
    """``relative`` (offset from the state it was chosen at), ``absolute``, ``direction`` or ``skill`` (a number)."""
    elements: Mapping[Name, tuple[Finite, Finite]] = field(default_factory=dict)
    """Observation element -> (low, high) of the subgoal value along it, unit of the element; empty for skills, and for
    directions and offsets in a space of the policy's own."""
    size: Index = 0
    """Length of a direction or an offset without elements."""
    skills: tuple[Name, ...] = ()
    """Names of the skills, by number."""
    horizon: Index = HORIZON
    """Steps, or attempts of the level below, for which a subgoal stands; c of HIRO. 0: until the worker ends it."""
    unit: Annotated[str, one_of(tuple(UNITS))] = "steps"
    """What the horizon counts: ``steps``, or ``attempts`` of the level below."""
    cadence: Annotated[str, one_of(CADENCES)] = "on_result"
    """``on_result`` (one subgoal per segment) or ``every_step`` (CONTINUE in between), of the topmost level alone."""
    tolerance: tuple[NotNegative, ...] = ()
    """Distance along each element within which the subgoal counts as achieved; empty: it never does."""
    end_when_achieved: bool = False
    """Whether a segment ends when its subgoal is achieved."""
    worker_may_terminate: bool = False
    """Whether the worker may end a segment of the level that feeds it by itself."""
    sees_goal: bool = True
    """Whether who chooses sees what the level above, or the task, asks for."""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        require_fields(self)
        for name, (low, high) in self.elements.items():
            require_rising(("elements", name), low, high)
        self._require_kind()
        if self.tolerance and len(self.tolerance) != len(self.elements):
            raise FieldError(("tolerance",), f"must be a list of {len(self.elements)}, as elements has", self.tolerance)
        if not self.horizon and (self.cadence == "every_step" or not self.worker_may_terminate):
            raise FieldError(("horizon",), "must be 1 or more unless the worker may end a segment by itself")

    def _require_kind(self) -> None:
        """Refuse a goal space that is none of the kind's."""
        if self.kind == "skill":
            if not self.skills or len(set(self.skills)) < len(self.skills):
                raise FieldError(("skills",), "must name at least one skill, and each once, where kind is skill")
            if self.elements or self.size:
                raise FieldError(("elements" if self.elements else "size",), "must be empty where kind is skill")
            return
        if self.skills:
            raise FieldError(("skills",), "must be empty where kind is no skill")
        if self.size and (self.elements or self.kind == "absolute"):
            raise FieldError(("size",), "is for directions and relative subgoals without elements")
        if not self.dim:
            raise FieldError(("elements",), "must be a table with at least one element where kind is no skill")
        if self.tolerance and not self.has_target:
            raise FieldError(("tolerance",), "must be empty: a direction has no target to come near to")

    @property
    def dim(self) -> int:
        """Length of a subgoal's value; 0 for skills."""
        return len(self.elements) or self.size

    @property
    def shown(self) -> int:
        """Length of what a network sees of a subgoal: its value, or one of the skills as a one-hot vector."""
        return len(self.skills) or self.dim

    @property
    def embedded(self) -> bool:
        """Whether subgoals are offsets in a space that was learned, between states as a network sees them."""
        return self.kind == "relative" and self.size > 0

    @property
    def has_target(self) -> bool:
        """Whether a subgoal names a state to reach; skills and directions do not."""
        return self.kind in ("relative", "absolute")

    @property
    def reports_each(self) -> bool:
        """Whether every segment's end is said; of a direction that is spoken at every step only the episode's is."""
        return not (self.kind == "direction" and self.cadence == "every_step")


@dataclass(frozen=True)
class HierarchySpec:
    """All layers of a policy above its worker."""

    levels: tuple[LevelSpec, ...] = ()
    """The first one feeds the worker, the last one sees the task goal; none: a flat policy."""
    path: bool = False
    """Whether they are a tree: depth varies, and where its leaf ends the whole path ends."""
    tree: Tree | None = None
    """Its nodes; None: there is no tree (``hierarchy_of_tree`` makes levels of one)."""

    def __post_init__(self) -> None:
        """Refuse fields that are none, and what only one level can have."""
        require_fields(self)
        if self.path != (self.tree is not None):
            raise FieldError(("path",), "must be true where there is a tree, and only there")
        for i, level in enumerate(self.levels):
            if level.worker_may_terminate and i > 0:
                raise FieldError(
                    ("levels", i, "worker_may_terminate"), "is for the first level, which the worker follows"
                )
            if level.embedded and len(self.levels) > 1:
                raise FieldError(("levels", i, "size"), "is for a single level where subgoals are relative")
            if level.cadence == "every_step" and i + 1 < len(self.levels):
                raise FieldError(
                    ("levels", i, "cadence"), "must be on_result below another level, whose word it awaits"
                )

    @property
    def parties(self) -> tuple[str, ...]:
        """Process names of everybody who acts, from the worker upwards; one manager has all composites of a tree."""
        if self.path:
            return ("worker", manager_name(WORKER_LEVEL))
        return ("worker", *(manager_name(level) for level in range(len(self.levels))))

    @property
    def worker_may_terminate(self) -> bool:
        """Whether the worker may end segments of the level that feeds it."""
        return bool(self.levels) and self.levels[0].worker_may_terminate

    def party_of(self, name: str) -> str:
        """Whose affair a policy for ``name`` is: of a node of a tree that of the process which has it."""
        if self.tree is None or name not in self.networks:
            return name
        return self.parties[0 if name in self.tree.leaves else 1]

    @property
    def awaited(self) -> int:
        """Levels, from the lowest on, whose last results say that all has been said of an episode."""
        return 1 if self.path else len(self.levels)

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of what a policy is made of: one for each party, and what ends a worker's segments where it may.

        Of a tree: one for each node.
        """
        if self.tree is not None:
            return tuple(node.name for node in self.tree.nodes)
        termination = (TERMINATION,) if self.worker_may_terminate else ()
        return (*self.parties, *termination, *((EMBEDDING,) if self.embedded else ()))

    @property
    def embedded(self) -> bool:
        """Whether its subgoals are offsets in a space that was learned."""
        return bool(self.levels) and self.levels[0].embedded

    def sees_goal(self, level: int) -> bool:
        """Whether a level, or the worker (-1), is shown what it is asked for; a worker always is."""
        return level < 0 or self.levels[level].sees_goal

    @property
    def by_clock(self) -> bool:
        """Whether the step alone says when subgoals are chosen."""
        early = any(level.end_when_achieved or level.worker_may_terminate for level in self.levels)
        return len(self.levels) <= 1 and not early

    def pursued(self, level: int, task: TaskSpec) -> int:
        """Length of what the network of a level, or of the worker (-1), sees of what it is asked for.

        That is a subgoal of the level above, or the task goal; nothing where it is hidden.
        """
        if not self.sees_goal(level):
            return 0
        return self.levels[level + 1].shown if level + 1 < len(self.levels) else len(task.goal)

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``FieldError`` unless every element of a goal space is one of the task's observation."""
        if self.tree is not None:
            self.tree.require_task(task)
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
        """Plain data, with tuples as lists; a tree that is not there is left out, as before there were any."""
        plain = {name: value for name, value in dataclasses.asdict(self).items() if name != "tree" or value}
        return json.loads(json.dumps(plain))

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
        """Observation elements that it is made of: none for skills and for directions in a space of their own."""
        self.parts = self.names or tuple(f"{level.space}[{i}]" for i in range(level.size))
        """Names of the numbers of a subgoal's value, (subgoal_dim,)."""
        names = [element.name for element in task.observation]
        self.indices = np.array([names.index(name) for name in self.names], np.int64)
        """Observation index of each element."""
        ranges = list(level.elements.values()) or [(-1.0, 1.0)] * level.size
        self.low: Vector = frozen([low for low, _ in ranges])
        """Lower bounds of the subgoal value, shape (subgoal_dim,)."""
        self.high: Vector = frozen([high for _, high in ranges])
        """Upper bounds of the subgoal value, shape (subgoal_dim,)."""

    @property
    def size(self) -> int:
        """Length of a subgoal's value."""
        return len(self.parts)

    def check(self, vector: Vector, what: str = "subgoal") -> None:
        """Raise ``InvalidDataError`` unless ``vector`` has the subgoal's size and is finite."""
        check_vector(vector, self.parts, what, self.task.name)

    def check_position(self, vector: Vector, what: str) -> None:
        """Raise ``InvalidDataError`` unless ``vector`` has a finite number for each observation element.

        In a learned space: for each of its own numbers.
        """
        check_vector(vector, self.parts if self.level.embedded else self.names, what, self.task.name)


def manager_name(level: int) -> str:
    """Process name of the manager that chooses the subgoals of a level: ``manager``, ``manager_2``, ..."""
    return "manager" if level == WORKER_LEVEL else f"manager_{level + 1}"


def hierarchy_of(
    task: TaskSpec, goal_space: str = FIRST, horizon: int = HORIZON, subgoal_range: float = 1.0
) -> HierarchySpec:
    """One manager above the worker, whose subgoals lie in a goal space of the task; flat where it offers none.

    Args:
        task: offers goal spaces.
        goal_space: ``first``, ``smallest`` (fewest elements), or the name of one.
        horizon: environment steps per subgoal, c of HIRO.
        subgoal_range: factor on the ranges of the goal space.

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
    ranges = {element: (subgoal_range * low, subgoal_range * high) for element, (low, high) in offered[name].items()}
    return HierarchySpec((LevelSpec(name, elements=ranges, horizon=horizon),))


def hierarchy_of_tree(tree: Tree) -> HierarchySpec:
    """The levels of a tree: its leaves are what the lowest one chooses, its composites what those above do."""
    longest = max(tree[leaf].commit for leaf in tree.leaves)
    lowest = LevelSpec("tree", "skill", skills=tree.leaves, horizon=longest, worker_may_terminate=True)
    above = LevelSpec("tree", "skill", skills=tree.composites or (tree.root,), horizon=longest)
    return HierarchySpec((lowest, *[above] * (tree.depth - 1)), path=True, tree=tree)


def earlier_hierarchy(task: TaskSpec) -> HierarchySpec:
    """What a policy or a run chooses that does not say it: as its task did once, else as ``hierarchy_of`` has it."""
    own = task.earlier
    if own is None:
        return hierarchy_of(task)
    return HierarchySpec((LevelSpec(own.space, own.kind, own.elements, horizon=own.period, cadence=own.cadence),))
