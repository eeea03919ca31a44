"""Scripted experts: who shows how a task is done where nobody has recorded a human."""

import importlib
from collections.abc import Callable, Mapping

from hrl_core.demonstrations.intention import Intention
from hrl_core.errors import HrlError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec

Expert = Callable[[Vector, Vector], Intention]
"""What is to be done in a state (observation_dim,) for a task goal (goal_dim,)."""
EXPERTS: Mapping[str, str] = {
    "push_point": "hrl_core.demonstrations.push_point",
    "fetch_push": "hrl_core.demonstrations.fetch_push",
    "fetch_pick_and_place": "hrl_core.demonstrations.fetch_pick_and_place",
    "kitchen": "hrl_core.demonstrations.kitchen",
}
"""Task -> module whose ``intention`` is its expert."""


def expert_of(task: TaskSpec) -> Expert:
    """The expert of a task; raises ``HrlError`` where there is none."""
    if task.name not in EXPERTS:
        raise HrlError(f"task '{task.name}' has no scripted expert; those that have are: {', '.join(EXPERTS)}")
    return importlib.import_module(EXPERTS[task.name]).intention
