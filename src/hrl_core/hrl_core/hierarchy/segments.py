"""When segments end: what the worker, the one authority for all levels, works out from an observation; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from hrl_core.hierarchy.subgoals import achieved, same_goal
from hrl_core.messages import EPISODE_ENDS, WORKER_LEVEL, HorizonUnit, Observation, SegmentEnd, Subgoal, Vector

_EVERYWHERE = (*EPISODE_ENDS, SegmentEnd.PREEMPTED)
"""Ends that every level sees for itself."""


class OpenSegment(NamedTuple):
    """A subgoal in force, as far as its end is concerned."""

    subgoal: Subgoal
    position: Vector
    """Goal-space part of the observation, (subgoal_dim,)."""
    attempts: int = 0
    """Subgoals of the level below that have ended under it before this observation."""
    terminated: bool = False
    """Whether the worker wants to end it."""


class End(NamedTuple):
    """How a segment ends."""

    reason: SegmentEnd
    level: int
    """Highest level whose segment ends with it."""


def segment_ends(stack: Sequence[OpenSegment | None], observation: Observation) -> dict[int, End]:
    """Which segments end at an observation, by level, and why.

    The highest level that ends takes all below it along. They end with HIGHER_GOAL_REACHED unless they come to an end
    of their own: that one has achieved what it was asked for, or missed it, is said also of the last attempt of the
    level above. What the end of a level's segment means to that one, an attempt less, counts at the same step.

    Args:
        stack: what is in force, by level from the worker's on; None: nothing is, or it has ended before.
        observation: the newest; segments that begin with it do not end at it.
    """
    own: dict[int, SegmentEnd] = {}
    for level, segment in enumerate(stack):
        if segment is None or observation.step <= segment.subgoal.step:
            continue
        reason = segment_end(segment, observation, segment.attempts + (level - 1 in own))
        if reason is not None:
            own[level] = reason
    highest = max(own, default=-1)
    highest_achieved = max((level for level, reason in own.items() if reason == SegmentEnd.ACHIEVED), default=-1)
    end_level = len(stack) - 1 if observation.last else highest
    return {
        level: End(_with_those_above(own.get(level), level < highest_achieved), end_level)
        for level in range(highest + 1)
        if stack[level] is not None
    }


def segment_end(segment: OpenSegment, observation: Observation, attempts: int) -> SegmentEnd | None:
    """Why a segment ends by itself at ``observation``; None: it goes on.

    The end of the episode comes before a change of the task goal, that before achievement, that before the horizon,
    that before the worker's wish. What attempts a worker's subgoal is an action, of which there is one a step.
    """
    subgoal = segment.subgoal
    if observation.terminated:
        return SegmentEnd.TERMINATED
    if observation.truncated:
        return SegmentEnd.TRUNCATED
    if not same_goal(subgoal.task_goal, observation.desired_goal):
        return SegmentEnd.PREEMPTED
    if subgoal.end_when_achieved and achieved(subgoal, segment.position):
        return SegmentEnd.ACHIEVED
    counted = subgoal.horizon_unit == HorizonUnit.ATTEMPTS and subgoal.level > WORKER_LEVEL
    used = attempts if counted else observation.step - subgoal.step
    if 0 < subgoal.horizon <= used:
        return SegmentEnd.HORIZON
    return SegmentEnd.WORKER_TERMINATED if segment.terminated else None


def _with_those_above(own: SegmentEnd | None, achieved_above: bool) -> SegmentEnd:
    """Why a segment ends: what a higher level has achieved counts for more than that its own time is up."""
    if own is None or (achieved_above and own not in (*_EVERYWHERE, SegmentEnd.ACHIEVED)):
        return SegmentEnd.HIGHER_GOAL_REACHED
    return own
