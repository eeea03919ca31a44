"""Hierarchies as text: what runs and recordings carry, and where two of them differ."""

from functools import lru_cache
from typing import Any

from hrl_core.documents import read_yaml
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec, earlier_hierarchy
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import first_differences
from hrl_core.typed_fields import read_fields


@lru_cache(maxsize=16)
def parse_hierarchy(text: str, source: str) -> HierarchySpec:
    """Read a hierarchy from YAML text.

    Raises:
        FileError: names the source, line, field, what was got and what is allowed.
    """
    return read_fields(HierarchySpec, read_yaml(text, source))


def announced_hierarchy(text: str, task: TaskSpec, source: str) -> HierarchySpec:
    """The hierarchy of a run: what it says of it, or, where it says nothing, ``earlier_hierarchy``.

    Raises:
        FileError: it cannot be read, or does not fit the task.
    """
    hierarchy = parse_hierarchy(text, source) if text else earlier_hierarchy(task)
    hierarchy.require_task(task)
    return hierarchy


def hierarchy_in_words(hierarchy: HierarchySpec) -> str:
    """Who acts, the topmost first, and what each manager chooses; of a tree its composites and their children."""
    if hierarchy.tree is not None:
        return "; ".join(f"{n.name}: {', '.join(n.children)}" for n in hierarchy.tree.nodes if n.children)
    chosen = [f"{level.kind}: {', '.join(level.skills) or level.space}" for level in hierarchy.levels]
    managers = [f"{party} ({what})" for party, what in zip(hierarchy.parties[1:], chosen, strict=True)]
    return ", ".join([*reversed(managers), "worker"])


def meaning_difference(ours: LevelSpec, theirs: LevelSpec) -> str:
    """Name in what the subgoals of two levels speak of different things, ``field: ours != theirs``; empty: in nothing.

    However far they may lie from where they are chosen: that is no matter of what they mean.
    """
    return first_differences(*map(_meaning, (ours, theirs)))


def _meaning(level: LevelSpec) -> dict[str, Any]:
    told = {"kind": level.kind, "elements": list(level.elements), "size": level.size, "skills": list(level.skills)}
    return {**told, "horizon": level.horizon, "unit": level.unit, "tolerance": list(level.tolerance)}


def hierarchy_difference(ours: HierarchySpec, theirs: HierarchySpec) -> str:
    """Name the first fields in which two hierarchies differ, ``field: ours != theirs``; empty when equal."""
    if len(ours.levels) != len(theirs.levels):
        return f"levels above the worker: {len(ours.levels)} != {len(theirs.levels)}"
    return first_differences(ours.as_dict(), theirs.as_dict())
