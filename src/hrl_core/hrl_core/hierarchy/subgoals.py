"""What a subgoal means between two decisions: how it is carried, how it is rewarded, when it is achieved."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.spec import KINDS, GoalSpace
from hrl_core.messages import Subgoal, SubgoalKind, Vector

Float32Vector = npt.NDArray[np.float32]
_NOTHING: Float32Vector = np.empty(0, np.float32)
_LENGTH_TOLERANCE = 1e-6
"""By which the length of a direction may differ from 1."""
_WITH_TARGET = (SubgoalKind.RELATIVE, SubgoalKind.ABSOLUTE)


class Assignment(NamedTuple):
    """What a level is to do, seen from where it stands: a carried subgoal, the task goal, a direction or a skill."""

    vector: Float32Vector = _NOTHING
    """Shape (pursued,); empty for a skill, or where what is asked for is hidden."""
    skill: int = -1
    """Number of the skill to carry out."""


def assignment(subgoal: Subgoal, position: Vector) -> Assignment:
    """What a subgoal asks of who follows it at ``position``, the goal-space part of the observation."""
    if subgoal.kind == SubgoalKind.SKILL:
        return Assignment(skill=subgoal.skill_id)
    if subgoal.kind == SubgoalKind.DIRECTION:
        return Assignment(to_float32(subgoal.value))
    return Assignment(carried_subgoal(subgoal, position))


def to_float32(values: Vector) -> Float32Vector:
    """Cast a float64 vector to the precision of the policies; the one place where this is done."""
    return values.astype(np.float32)


def carried_subgoal(subgoal: Subgoal, position: Vector) -> Float32Vector:
    """Return the subgoal as seen from ``position``, shape (subgoal_dim,).

    A relative subgoal keeps its absolute target: g_i = f32(anchor + g) - f32(s_i), the subgoal transition h of HIRO
    (arXiv 1805.08296, equation 2) computed from the anchor, so that live, replayed and in-process numbers are the same
    bits and a missed observation does no harm. An absolute subgoal is seen as the offset left to go.

    Args:
        subgoal: RELATIVE or ABSOLUTE.
        position: goal-space part of the current observation, units of the goal space.
    """
    return to_float32(subgoal_target(subgoal)) - to_float32(position)


def subgoal_target(subgoal: Subgoal) -> Vector:
    """Absolute target of a subgoal in its goal space, shape (subgoal_dim,)."""
    if subgoal.kind == SubgoalKind.RELATIVE:
        return subgoal.anchor + subgoal.value
    return subgoal.value


def targets_of(
    anchors: npt.NDArray, values: npt.NDArray, relative: bool | npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """``subgoal_target`` of many at once, as policies see them, (batch, subgoal_dim).

    Args:
        anchors: where they were chosen, goal-space part of the observations, (batch, subgoal_dim).
        values: of the subgoals, likewise; added before anything is rounded, as everywhere.
        relative: whether they are RELATIVE: one word for all, or (batch, 1).
    """
    return to_float32(np.where(relative, anchors + values, values))


def has_target(subgoal: Subgoal) -> bool:
    """Whether a subgoal names a state to reach: skills, directions and CONTINUE do not."""
    return subgoal.kind in _WITH_TARGET


def intrinsic_reward(subgoal: Subgoal, position: Vector) -> float:
    """Minus the distance left after the step, r = -||s + g - s'||_2 (arXiv 1805.08296, equation 3).

    Skills and directions have none of their own: what they are worth is the learner's affair.
    """
    if not has_target(subgoal):
        return 0.0
    left = subgoal_target(subgoal) - position
    return -math.sqrt(left.dot(left))


def same_goal(one: Vector, other: Vector) -> bool:
    """Whether two task goals are the same numbers, bit for bit (a tenth of the cost of ``np.array_equal``)."""
    return one.tobytes() == other.tobytes()


def check_number(seq: int, step: int, what: str) -> None:
    """Raise ``InvalidDataError`` unless ``seq`` can be the number of a subgoal of ``step`` or before.

    At most one is chosen a step, from step 0 on.
    """
    if seq > step:
        raise InvalidDataError(f"{what}: number {seq} at step {step}; there is at most one subgoal a step")


def check_subgoal(space: GoalSpace, subgoal: Subgoal) -> None:
    """Raise ``InvalidDataError`` unless it is a subgoal of that space that can be followed."""
    check_number(subgoal.seq, subgoal.step, "subgoal")
    if subgoal.kind == SubgoalKind.CONTINUE:
        return
    level = space.level
    kind = KINDS[level.kind]
    if subgoal.kind != kind:
        raise InvalidDataError(f"subgoal: kind {subgoal.kind}; this level's is {kind.value} ({level.kind})")
    if subgoal.num_skills != len(level.skills):
        raise InvalidDataError(f"subgoal num_skills: {subgoal.num_skills}; this level has {len(level.skills)}")
    check_choice(space, subgoal.value, subgoal.skill_id, "subgoal")
    space.check_position(subgoal.anchor, "subgoal anchor")
    if subgoal.tolerance.size:
        space.check_position(subgoal.tolerance, "subgoal tolerance")


def check_choice(space: GoalSpace, value: Vector, skill: int, what: str) -> None:
    """Raise ``InvalidDataError`` unless value and number of the skill are a subgoal of that space."""
    level = space.level
    space.check(value, f"{what} value")
    if level.kind == "skill" and not 0 <= skill < len(level.skills):
        known = ", ".join(f"{number} ({name})" for number, name in enumerate(level.skills))
        raise InvalidDataError(f"{what} skill_id: {skill}; the skills of this level are {known}")
    if level.kind == "direction" and abs(math.sqrt(value.dot(value)) - 1.0) > _LENGTH_TOLERANCE:
        raise InvalidDataError(f"{what} value: a direction of length {math.sqrt(value.dot(value)):.6g}, it must be 1")


def achieved(subgoal: Subgoal, position: Vector) -> bool:
    """Whether every element is within its tolerance of the target; never without a tolerance or a target."""
    if not subgoal.tolerance.size or not has_target(subgoal):
        return False
    return bool(np.all(np.abs(subgoal_target(subgoal) - position) <= subgoal.tolerance))
