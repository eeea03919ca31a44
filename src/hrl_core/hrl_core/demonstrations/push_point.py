"""How a block is pushed to its goal: behind it first, round it where it is in the way, then straight on."""

import numpy as np

from hrl_core.demonstrations.intention import Intention
from hrl_core.messages import Vector

CONTACT = 0.65
"""Distance of the centres of two discs that touch [m]."""
STRIDE = 0.1
"""Greatest way of a step along each axis [m]."""
_GAP = 0.12
"""Distance kept from the block while walking round it [m]."""
_ASIDE = 0.18
"""How far beside the line through block and goal a push may begin [m]."""
_BEHIND = 0.4
_FAR = 1.2
"""Distance from the block from which it is not in the way [m]."""
_THERE = 0.1
"""Distance of the block from its goal at which nothing is left to do [m]."""


def intention(state: Vector, goal: Vector) -> Intention:
    """What the expert does in state (8,) for a block's goal (2,): action (2,) between -1 and 1."""
    point, block = state[:2], state[4:6]
    left = float(np.linalg.norm(goal - block))
    if left < _THERE:
        return Intention(np.zeros(2))
    ahead, beside = (goal - block) / left, point - block
    along = float(beside @ ahead)
    aside = beside - along * ahead
    distance = float(np.linalg.norm(beside))
    if along < -_BEHIND and np.linalg.norm(aside) < _ASIDE:
        step = min(1.0, left / STRIDE) * ahead - 4 * aside
    elif along > -0.5 and 0 < distance <= _FAR:
        # Along a circle round the block, the shorter way.
        tangent = np.array([-beside[1], beside[0]]) / distance
        behind = block - (CONTACT + _GAP) * ahead
        sense = 1.0 if tangent @ (behind - point) >= 0 else -1.0
        step = sense * tangent + 4 * (CONTACT + _GAP - distance) * beside / distance
    else:
        step = (block - (CONTACT + _GAP) * ahead - point) / STRIDE
    return Intention(step / max(float(np.abs(step).max()), 1.0))
