"""The goal-space switch: the same environment with all positional elements as subgoals, or x, y (, z) only."""

from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task, shipped_tasks

AUTO, POSITION, XY = "auto", "position", "xy"
GOAL_SPACES = (AUTO, POSITION, XY)
NARROW_SUFFIXES = ("_xy", "_xyz")
NARROW_PRESETS = frozenset({"fast"})
"""Presets made for the narrow goal space."""


def task_variant(task: str, goal_space: str, preset: str) -> TaskSpec:
    """Load the variant of a task whose subgoals live in ``goal_space``.

    ``auto`` is what the preset was made for, where the task has it. A file, or a variant named in full
    (``ant_maze_xy``), is taken as it is.

    Raises:
        HrlError: unknown goal space, or the task has no such variant.
    """
    if goal_space not in GOAL_SPACES:
        raise HrlError(f"--goal_space '{goal_space}' is none of {', '.join(GOAL_SPACES)}")
    spec = load_task(task)
    shipped = shipped_tasks()
    narrow = [f"{spec.name}{suffix}" for suffix in NARROW_SUFFIXES if f"{spec.name}{suffix}" in shipped]
    wide_wanted = goal_space == POSITION or (goal_space == AUTO and preset not in NARROW_PRESETS)
    if spec.name.endswith(NARROW_SUFFIXES) and goal_space == POSITION:
        raise HrlError(f"--goal_space position contradicts --task {task}; leave one of them out")
    if wide_wanted or spec != _shipped(spec.name, shipped):
        return spec
    if not narrow and goal_space == XY and not spec.name.endswith(NARROW_SUFFIXES):
        raise HrlError(f"--goal_space xy: task '{spec.name}' has no variant with x, y subgoals; leave the switch out")
    return load_task(narrow[0]) if narrow else spec


def _shipped(name: str, shipped: list[str]) -> TaskSpec | None:
    return load_task(name) if name in shipped else None
