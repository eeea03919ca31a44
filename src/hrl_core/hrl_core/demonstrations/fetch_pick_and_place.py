"""How the arm of FetchPickAndPlace brings its block to a goal in the air: over it, down, close, and there."""

import numpy as np

from hrl_core.demonstrations.intention import Intention
from hrl_core.messages import Vector

_STRIDE = 0.05
"""What an action of 1 moves the gripper by [m]."""
_GAIN = 2.0
"""Strides asked for a stride to go: the arm lags behind what it is told."""
_OVER = 0.08
"""Height above the block at which the gripper moves freely [m]."""
_ALIGNED = 0.015
"""Distance beside the block within which the gripper goes down [m]."""
_BETWEEN = 0.012
"""Distance from the block's middle within which the fingers close [m]."""
_HELD = 0.03
"""Opening of a finger that holds the block, at most [m]."""
_OPEN, _CLOSE = 1.0, -1.0


def intention(state: Vector, goal: Vector) -> Intention:
    """What the expert does in state (25,) for a block's goal (3,): action (4,) between -1 and 1."""
    grip, block, fingers = state[:3], state[3:6], state[9:11]
    beside, over = float(np.linalg.norm(grip[:2] - block[:2])), float(grip[2] - block[2])
    if beside < 2 * _BETWEEN and abs(over) < 2 * _BETWEEN and fingers.max() < _HELD:
        return Intention(_moved(goal - block, _CLOSE))
    if beside < _BETWEEN and abs(over) < _BETWEEN:
        return Intention(_moved(np.zeros(3), _CLOSE))
    target = block.copy()
    if beside > _ALIGNED:
        target[2] += _OVER
        if over < 0.5 * _OVER:
            # Straight up first: what lies beside is the block.
            target[:2] = grip[:2]
    return Intention(_moved(target - grip, _OPEN))


def _moved(way: Vector, fingers: float) -> Vector:
    step = _GAIN * way / _STRIDE
    return np.array([*(step / max(float(np.abs(step).max()), 1.0)), fingers])
