"""How the arm of FetchPush brings its block to a goal: over the table behind it, down, then straight on."""

import numpy as np

from hrl_core.demonstrations.intention import Intention
from hrl_core.messages import Vector

_STRIDE = 0.05
"""What an action of 1 moves the gripper by [m]."""
_GAIN = 2.0
"""Strides asked for a stride to go: the arm lags behind what it is told."""
_PUSH = 0.6
"""Greatest action while pushing: what is pushed faster slides on."""
_BRAKE = 6.0
"""Action per metre that the block still has to go."""
_BACK = 0.09
"""Distance behind the block at which the gripper goes down [m]."""
_OVER = 0.09
"""Height above the block at which it moves freely [m]."""
_ASIDE = 0.03
"""How far beside the line through block and goal a push may go on [m]."""
_THERE = 0.035
"""Distance of the block from its goal at which nothing is left to do [m]."""


def intention(state: Vector, goal: Vector) -> Intention:
    """What the expert does in state (25,) for a block's goal (3,): action (4,) between -1 and 1."""
    grip, block = state[:3], state[3:6]
    left = float(np.linalg.norm(goal[:2] - block[:2]))
    if left < _THERE:
        return Intention(np.zeros(4))
    ahead, beside = (goal[:2] - block[:2]) / left, grip[:2] - block[:2]
    along = float(beside @ ahead)
    aside = beside - along * ahead
    low = grip[2] < block[2] + 0.03
    behind = along < -0.02 and float(np.linalg.norm(aside)) < (_ASIDE if low else 0.5 * _ASIDE)
    if behind and low:
        push = min(_PUSH, _BRAKE * left) * ahead - _GAIN * aside / _STRIDE
        return Intention(np.array([*np.clip(push, -1, 1), np.clip((block[2] - grip[2]) / _STRIDE, -1, 1), 0.0]))
    if behind and along < -0.75 * _BACK:
        target = np.array([*grip[:2], block[2]])
    else:
        target = np.array([*(block[:2] - _BACK * ahead), block[2] + _OVER])
        if low:
            # Straight up first: what lies beside is the block.
            target[:2] = grip[:2]
    step = _GAIN * (target - grip) / _STRIDE
    return Intention(np.array([*(step / max(float(np.abs(step).max()), 1.0)), 0.0]))
