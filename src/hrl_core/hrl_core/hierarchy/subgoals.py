"""What a subgoal means between two decisions: how it is carried, how it is rewarded, when it is achieved."""

import math

import numpy as np
import numpy.typing as npt

from hrl_core.errors import InvalidDataError
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.messages import Observation, Subgoal, SubgoalKind, SubgoalRequest, Vector

Float32Vector = npt.NDArray[np.float32]


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


def intrinsic_reward(subgoal: Subgoal, position: Vector) -> float:
    """Minus the distance left after the step, r = -||s + g - s'||_2 (arXiv 1805.08296, equation 3)."""
    left = subgoal_target(subgoal) - position
    return -math.sqrt(left.dot(left))


def same_goal(one: Vector, other: Vector) -> bool:
    """Whether two task goals are the same numbers, bit for bit (a tenth of the cost of ``np.array_equal``)."""
    return one.tobytes() == other.tobytes()


def request_for(level: int, observation: Observation) -> SubgoalRequest:
    """Ask for the subgoal of a level that was chosen before one was there to hear it."""
    return SubgoalRequest(
        stamp=observation.stamp,
        frame=observation.frame,
        run=observation.run,
        robot=observation.robot,
        episode=observation.episode,
        level=level,
        step=observation.step,
    )


def check_number(seq: int, step: int, what: str) -> None:
    """Raise ``InvalidDataError`` unless ``seq`` can be the number of a subgoal of ``step`` or before.

    At most one is chosen a step, from step 0 on.
    """
    if seq > step:
        raise InvalidDataError(f"{what}: number {seq} at step {step}; there is at most one subgoal a step")


def check_subgoal(space: GoalSpace, subgoal: Subgoal) -> None:
    """Raise ``InvalidDataError`` unless a worker can follow the subgoal of that space."""
    check_number(subgoal.seq, subgoal.step, "subgoal")
    if subgoal.kind == SubgoalKind.CONTINUE:
        return
    if subgoal.kind not in (SubgoalKind.RELATIVE, SubgoalKind.ABSOLUTE):
        raise InvalidDataError(f"subgoal: kind {subgoal.kind}; followed are 1 (relative), 2 (absolute), 5 (continue)")
    space.check(subgoal.value, "subgoal value")
    space.check(subgoal.anchor, "subgoal anchor")
    if subgoal.tolerance.size:
        space.check(subgoal.tolerance, "subgoal tolerance")


def achieved(subgoal: Subgoal, position: Vector) -> bool:
    """Whether every element is within its tolerance of the target; never without a tolerance."""
    if not subgoal.tolerance.size:
        return False
    return bool(np.all(np.abs(subgoal_target(subgoal) - position) <= subgoal.tolerance))
