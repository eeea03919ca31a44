"""A pre-specified tree of skills: which node may choose among which, where each may start and when it is done.

Inner nodes, composites, choose one of their children; leaves act. Where a node may start, and where a leaf is done, are
regions of the observation, so that a tree is data, of whatever task.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
import numpy.typing as npt

from hrl_core.documents import read_yaml
from hrl_core.task.spec import TaskSpec, require_rising
from hrl_core.typed_fields import (
    Count,
    FieldError,
    FileName,
    Finite,
    Must,
    Name,
    NonEmpty,
    read_fields,
    require_different,
    require_fields,
)

COMMIT = 4
"""Steps for which a leaf keeps control, unless its node says otherwise."""
Region = Annotated[Mapping[Name, tuple[Finite, Finite]], Must(bool, "a table with at least one element")]
"""Observation element -> (lowest, highest), unit of the element; all of them have to hold."""


@dataclass(frozen=True)
class NodeSpec:
    """One node of a tree."""

    name: FileName
    """Files of a checkpoint are named after it."""
    children: tuple[Name, ...] = ()
    """What it chooses from, in the order of its network's outputs; none: a leaf, whose network says actions."""
    sees: tuple[Name, ...] = ()
    """Observation elements that its network sees; empty: all."""
    start: tuple[Region, ...] = ()
    """Its initiation set: one of these regions has to hold for it to be chosen; empty: anywhere."""
    commit: Count = COMMIT
    """Of a leaf: most steps for which it keeps control; then a new path is chosen from the root."""
    done: tuple[Region, ...] = ()
    """Of a leaf: it gives up control before where one of these regions holds; empty: nowhere."""

    def __post_init__(self) -> None:
        """Refuse what only leaves can have, and regions that hold nothing."""
        require_fields(self)
        require_different(self.children, "children")
        require_different(self.sees, "sees")
        for where in ("start", "done"):
            for i, region in enumerate(getattr(self, where)):
                for element, (low, high) in region.items():
                    require_rising((where, i, element), low, high)
        if self.children and (self.done or self.commit != COMMIT):
            raise FieldError(("done" if self.done else "commit",), f"is for leaves, and '{self.name}' has children")


@dataclass(frozen=True)
class Tree:
    """Nodes, the root first; a leaf may have several parents, and is one set of weights under all of them."""

    nodes: Annotated[tuple[NodeSpec, ...], NonEmpty]

    def __post_init__(self) -> None:
        """Refuse what is no tree, naming the node."""
        require_fields(self)
        require_different([node.name for node in self.nodes], "nodes")
        if not self.nodes[0].children:
            raise FieldError(("nodes", 0, "children"), f"must be there: the first node, '{self.root}', is the root")
        names = [node.name for node in self.nodes]
        parents: dict[str, list[str]] = {name: [] for name in names}
        for i, node in enumerate(self.nodes):
            for k, child in enumerate(node.children):
                if child not in parents:
                    known = ", ".join(names)
                    raise FieldError(("nodes", i, "children", k), f"'{child}' of '{node.name}' is no node: {known}")
                parents[child].append(node.name)
            if node.children and all(self[child].start for child in node.children):
                problem = f"of '{node.name}' need one that may start anywhere, for where the others may not"
                raise FieldError(("nodes", i, "children"), problem)
        self._require_no_cycle()
        for i, node in enumerate(self.nodes[1:], 1):
            above = parents[node.name]
            if not above:
                raise FieldError(("nodes", i), f"'{node.name}' is no child of any node")
            if node.children and len(above) > 1:
                problem = f"'{node.name}' is a child of {' and '.join(above)}; only leaves can have several parents"
                raise FieldError(("nodes", i), problem)

    def __getitem__(self, name: str) -> NodeSpec:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    @property
    def root(self) -> str:
        """Name of the node that every path begins with."""
        return self.nodes[0].name

    @property
    def leaves(self) -> tuple[str, ...]:
        """Names of those that act, by the numbers that a subgoal calls them by."""
        return tuple(node.name for node in self.nodes if not node.children)

    @property
    def composites(self) -> tuple[str, ...]:
        """Names of those that choose, the root left out, by the numbers that a subgoal calls them by."""
        return tuple(node.name for node in self.nodes[1:] if node.children)

    @property
    def depth(self) -> int:
        """Composites on the longest path."""
        return self._height(self.root)

    def path(self, composite: str) -> tuple[str, ...]:
        """The composites from the root down to one."""
        above = next((node.name for node in self.nodes if composite in node.children), None)
        return (composite,) if above is None else (*self.path(above), composite)

    def bottom_up(self, name: str = "") -> tuple[str, ...]:
        """Nodes below one (none: the root) and itself, every child before its parent: the order of training."""
        node = self[name or self.root]
        below = [one for child in node.children for one in self.bottom_up(child)]
        return tuple(dict.fromkeys([*below, node.name]))

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``FieldError``, naming the node, unless all it speaks of is an element of the task's observation."""
        known = [element.name for element in task.observation]
        for i, node in enumerate(self.nodes):
            regions = [element for region in (*node.start, *node.done) for element in region]
            for element in (*node.sees, *regions):
                if element not in known:
                    problem = f"'{node.name}': {element} is no element of the observation of task '{task.name}'"
                    raise FieldError(("nodes", i), f"{problem}, which has {', '.join(known)}")

    def _height(self, name: str) -> int:
        return 1 + max(map(self._height, self[name].children)) if self[name].children else 0

    def _require_no_cycle(self) -> None:
        def descend(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise FieldError(("nodes",), f"'{name}' comes round to itself: {' -> '.join((*above, name))}")
            for child in self[name].children:
                descend(child, (*above, name))

        for node in self.nodes:
            descend(node.name, ())


class Regions:
    """The regions of a node within observation vectors: whether one of them holds."""

    def __init__(self, regions: Sequence[Mapping[str, tuple[float, float]]], task: TaskSpec) -> None:
        """Find the elements; they are the task's (``Tree.require_task``)."""
        names = [element.name for element in task.observation]
        self._regions = [[(names.index(name), *limits) for name, limits in region.items()] for region in regions]

    def hold(self, states: npt.NDArray) -> npt.NDArray[np.bool_]:
        """At observations (..., observation_dim): one or many."""
        held = np.zeros(states.shape[:-1], np.bool_)
        for region in self._regions:
            inside = np.ones_like(held)
            for i, low, high in region:
                inside &= (low <= states[..., i]) & (states[..., i] <= high)
            held |= inside
        return held


@lru_cache(maxsize=16)
def parse_tree(text: str, source: str) -> Tree:
    """Read a tree from YAML text.

    Raises:
        FileError: names the source, line, node, what was got and what is allowed.
    """
    return read_fields(Tree, read_yaml(text, source))
