"""Whether a task has what the switches of an agent need, asked before anything is built."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hrl_core.algorithms.hiro.actor_shapes import POSE, TIME
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.adjacency import CELL
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.task.spec import TaskSpec

_JOINTS = tuple(f"{kind}_{leg}" for kind in ("hip", "ankle") for leg in range(1, 5))
_COMMAND = re.compile(r"(?:hip|ankle)_[1-4](_command_\d+)")
"""Of what is observed, turned as the joints are."""


class _Lack(NamedTuple):
    switch: str
    off: str
    """Value that does without."""
    elements: tuple[str, ...]
    """Observation elements that are missing."""


def require_fit(space: GoalSpace, config: HiroConfig) -> None:
    """Refuse switches that the task of a subgoal space does not fit.

    Raises:
        TaskError: as ``require_elements``.
        HrlError: as ``require_bounds``; or the manager would be paid for not succeeding, or its subgoals are too short
            for the adjacency penalty.
    """
    require_elements(space.task, config)
    require_bounds(space, config)
    _require_offset(space.task, config)
    _require_cells(space, config)


def require_elements(spec: TaskSpec, config: HiroConfig) -> None:
    """Refuse switches that name observation elements which the task lacks, or goals where it has none.

    Raises:
        TaskError: there are such; names switch, elements, the task's own ones and the value to set.
    """
    if config.relabels_goals:
        _require_goals(spec)
    lacks = list(_lacks(spec, config))
    if not lacks:
        return
    needs = "; ".join(f"{lack.switch} needs the observation elements {', '.join(lack.elements)}" for lack in lacks)
    values = " and ".join(f"{lack.switch} to {lack.off}" for lack in lacks)
    words = " ".join(f"--no_{k.switch}" if k.off == "false" else f"--{k.switch} {k.off}" for k in lacks)
    names = ", ".join(element.name for element in spec.observation)
    raise TaskError(
        f"switches that do not fit task '{spec.name}': {needs}, which this task does not have; "
        f"its observation elements are: {names}; set {values} (hrl train: {words})"
    )


def _require_goals(spec: TaskSpec) -> None:
    """Refuse to relabel task goals where there are none, or none in the observation."""
    needs = "a task goal, which this task does not have; set both to 0"
    if spec.unobserved_goal:
        lacks = ", ".join(spec.unobserved_goal)
        needs = f"the goal's elements in the observation, which lacks {lacks}; set both to 0, or list them "
        needs += "behind the observation's"
    if spec.unobserved_goal or not spec.goal:
        raise TaskError(
            f"switches that do not fit task '{spec.name}': relabel_goals_uniform and relabel_goals_future need {needs}"
        )
    if spec.success.ends_episode and spec.own_success:
        raise TaskError(
            f"switches that do not fit task '{spec.name}': its episodes end with a success that only the environment "
            "can tell, so that nobody knows where another goal would have ended them; set relabel_goals_uniform and "
            "relabel_goals_future to 0, or give the task a success.radius"
        )


def require_bounds(space: GoalSpace, config: HiroConfig) -> None:
    """Refuse bounds of the worker's reward that standing still breaks, where that is the distance left.

    Raises:
        HrlError: names the bound that would do.
    """
    bounds, farthest = config.worker.reward_bounds, float(np.linalg.norm((space.high - space.low) / 2))
    if config.worker_reward == "distance" and bounds is not None and bounds[0] > -farthest:
        low = -math.ceil(100 * farthest) / 100
        raise HrlError(
            f"worker.reward_bounds {bounds[0]:g} {bounds[1]:g}: with worker_reward distance a worker that stands "
            f"still earns down to {-farthest:.4g}, whose values would be clipped; set --worker.reward_bounds {low:g} 0,"
            " or None"
        )


def _require_offset(spec: TaskSpec, config: HiroConfig) -> None:
    """Refuse to pay for every segment where success ends them, or where there is no goal to be paid for."""
    if config.manager_reward_offset > 0 and (spec.success.ends_episode or not spec.goal):
        why = "its episodes end with success, which would cost all that is still to come"
        why = why if spec.goal else "it has no goal, and staying alive would be worth more than what is paid for"
        raise TaskError(
            f"manager_reward_offset {config.manager_reward_offset:g} is paid for every segment; task '{spec.name}': "
            f"{why}; set it to 0 (hrl train: --manager_reward_offset 0)"
        )


def _require_cells(space: GoalSpace, config: HiroConfig) -> None:
    """Refuse an adjacency penalty whose cells no subgoal leaves."""
    farthest = float((space.high - space.low).max()) / 2
    if config.adjacency_weight and farthest < CELL:
        raise TaskError(
            f"adjacency_weight: subgoals of task '{space.task.name}' lie within {farthest:g}, and its places are told "
            f"apart by {CELL:g} [units of the goal space]: nothing would be learned; set it to 0"
        )


def _lacks(spec: TaskSpec, config: HiroConfig) -> Iterator[_Lack]:
    names = [element.name for element in spec.observation]
    needed = []
    if config.tilt_penalty:
        needed.append(_Lack("tilt_penalty", "0", ("qx", "qy")))
    if config.four_fold_symmetry:
        # Of the ant; a robot without these joints would be turned as if nothing of it had a direction.
        kinds = {match[1] for match in map(_COMMAND.fullmatch, names) if match}
        turned = [joint + kind for kind in ("", *sorted(kinds)) for joint in _JOINTS]
        needed.append(_Lack("four_fold_symmetry", "false", tuple(turned)))
    for lack in needed:
        missing = tuple(name for name in lack.elements if name not in names)
        if missing:
            yield lack._replace(elements=missing)
    if config.manager_sees_time and TIME not in names:
        yield _Lack("manager_sees_time", "false", (TIME,))
    if config.manager_sees_pose_only and not any(POSE.fullmatch(name) for name in names):
        yield _Lack("manager_sees_pose_only", "false", ("x", "y"))
