"""How far from its goal an episode was, as the task's own rule of success measures it."""

from collections.abc import Iterable

import numpy as np

from hrl_core.bags.episodes import BagEpisode, Float64
from hrl_core.task.spec import Element, TaskSpec
from hrl_core.task.success import NORMS


def way_to_goal(spec: TaskSpec, episode: BagEpisode) -> Float64:
    """At each observation the way left, or how many groups are out of place, (T + 1,)."""
    achieved, desired = episode.achieved_goals, episode.desired_goals
    if spec.success.groups:
        return np.asarray(spec.out_of_place(achieved, desired), np.float64)
    return NORMS[spec.success.norm](achieved - desired)


def success_line(spec: TaskSpec) -> float | None:
    """At most how far that is in a success; None: success is no matter of it."""
    if spec.success.groups:
        return 0.0
    return spec.success.radius if spec.success.radius > 0 else None


def way_name(spec: TaskSpec) -> str:
    """What ``way_to_goal`` is, for people."""
    if spec.success.groups:
        return "groups out of place"
    along = ", sum along its elements" if spec.success.norm == "l1" else ""
    return f"distance to goal{along} [{common_unit(spec.goal)}]"


def common_unit(elements: Iterable[Element]) -> str:
    """The unit that all of them have, or that they have several."""
    units = {element.unit for element in elements}
    return units.pop() if len(units) == 1 else "mixed units"
