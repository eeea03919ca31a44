"""How the kitchen's arm brings things where they are wanted: one after the other, each by its handle.

All is decided from the state alone: which thing is next, whether the hand is at it, whether it holds it. Things are
done in a fixed order, so that no open door is in the way of what comes later.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from hrl_core.demonstrations.kitchen_arm import CLOSED, OPEN, KitchenArm, Matrix, Move, facing
from hrl_core.kitchen_model import ARM, GROUPS, OBJECTS, REST, asked_of
from hrl_core.messages import Vector

_BACK = 0.12
"""How far before a handle the hand lines up [m]."""
_LINED_UP = 0.02
"""Distance from the line to a handle within which the hand goes for it [m]."""
_AT = 0.025
"""Distance from a handle at which fingers close on it, and as long as they hold it [m]."""
_DEEP = 0.015
"""Distance from where a thing is gripped within which fingers begin to close [m]."""
_OPENED = 0.0375
"""Opening of fingers that hold nothing, at least [m]."""
_SLOW, _NEAR, _PULL, _PUSH = 0.5, 0.8, 0.6, 0.6
"""Speeds at a thing, on the way to it, with it in the hand, and against it [m/s]; an arm lags behind what it is told."""


def intended_action(state: Vector, goal: Vector) -> Vector:
    """What the expert does in state (62,) for a goal (21,) of the objects: action (9,) between -1 and 1."""
    arm = _arm()
    arm.see(state)
    objects = state[2 * ARM : 2 * ARM + OBJECTS]
    for thing in asked_of(goal):
        move = _SKILLS[thing](arm, objects[list(GROUPS[thing])])
        if move is not None:
            return arm.action(move)
    return arm.action(Move(arm.hand, arm.facing))


@lru_cache(maxsize=1)
def _arm() -> KitchenArm:
    return KitchenArm()


def _approach(arm: KitchenArm, place: Vector, face: Matrix, fingers: float) -> Move:
    """Line up before a place, then go there straight; who is beside it already backs off first."""
    ahead = face[:, 2]
    way = place - arm.hand
    along = float(way @ ahead)
    aside = way - along * ahead
    off = float(np.linalg.norm(aside))
    turned = float(np.trace(face.T @ arm.facing)) < 1 + 2 * np.cos(0.2)
    if off < _LINED_UP + 0.1 * max(along, 0.0) and not turned:
        return Move(place, face, fingers, _SLOW if along < 0.04 else _NEAR)
    if along < 0.5 * _BACK and off > _LINED_UP:
        return Move(arm.hand - _BACK * ahead + 0.3 * aside, face, fingers)
    return Move(place - _BACK * ahead, face, fingers)


def _gripped(
    arm: KitchenArm, place: Vector, face: Matrix, then: Vector | None, done: bool, held: float
) -> Move | None:
    """Grip what is at ``place`` and bring the hand to ``then``; None: let go of it and back off until clear."""
    ahead = face[:, 2]
    way = place - arm.hand
    along = float(way @ ahead)
    off = float(np.linalg.norm(way - along * ahead))
    near = off < 2 * _AT and abs(along) < _AT
    if then is None:
        if off < 0.08 and -0.06 < along < 0.10:
            if arm.opening < _OPENED and near:
                return Move(arm.hand, face, OPEN)
            return Move(arm.hand - _BACK * ahead, face, OPEN)
        if done:
            return None
    elif near:
        if arm.opening < held:
            return Move(then, face, CLOSED, _PULL)
        if arm.opening < _OPENED or way @ way < _DEEP**2:
            return Move(place, face, CLOSED, _SLOW)
    return _approach(arm, place, face, OPEN)


_MICROWAVE_FACE = facing(yaw=0.4, pitch=0.5)


def _microwave(arm: KitchenArm, positions: Vector) -> Move | None:
    angle = float(positions[0])
    handle = arm.site("microhandle_site") - 0.02 * _MICROWAVE_FACE[:, 2]
    then = arm.turned("microhandle_site", "microwave", -0.2) - 0.02 * _MICROWAVE_FACE[:, 2]
    return _gripped(arm, handle, _MICROWAVE_FACE, then if angle > -0.82 else None, angle < -0.6, 0.03)


_KETTLE_FACE = facing(pitch=1.2)
_KETTLE_ALONG, _KETTLE_PLACE = -0.25, 0.62
"""Line along which it is pushed, and how far: x, y [m]."""
_BEHIND = np.array([0.0, -0.165, 0.07])
"""From the middle of its bottom to a hand behind it, whose fingers point down: higher up it would tip [m]."""


def _kettle(arm: KitchenArm, positions: Vector) -> Move | None:
    """Pushed from behind, low."""
    behind = positions[:3] + _BEHIND
    way = behind - arm.hand
    if positions[1] > _KETTLE_PLACE:
        if np.linalg.norm(way) < 0.12:
            return Move(arm.hand - _BACK * _KETTLE_FACE[:, 2], _KETTLE_FACE, OPEN)
        return None
    if abs(way[0]) < 0.03 and abs(way[1]) < 0.04 and abs(way[2]) < 0.03:
        return Move(behind + (_KETTLE_ALONG - positions[0], 0.1, 0.0), _KETTLE_FACE, OPEN, _PUSH)
    if positions[1] > _KETTLE_PLACE - 0.1 and np.linalg.norm(way) > 0.1:
        return None
    return _approach(arm, behind, _KETTLE_FACE, OPEN)


_FRONT_FACE = facing(pitch=0.15)


def _pushed(arm: KitchenArm, side: Vector, along: Vector, finished: bool, done: bool) -> Move | None:
    """Push from ``side`` (3,) of a thing along a direction (3,), until it is finished; then back off."""
    ahead = _FRONT_FACE[:, 2]
    way = side - arm.hand
    if finished:
        if float(way @ ahead) < 0.08 and np.linalg.norm(way) < 0.2:
            return Move(arm.hand - _BACK * ahead, _FRONT_FACE)
        if done:
            return None
    behind = -float((arm.hand - side) @ along)
    beside = (arm.hand - side) + behind * along
    if -0.06 < behind < 0.04 and np.linalg.norm(beside) < 0.04:
        return Move(side + 0.08 * along, _FRONT_FACE, CLOSED, _PUSH)
    return _approach(arm, side - 0.02 * along, _FRONT_FACE, CLOSED)


def _light_switch(arm: KitchenArm, positions: Vector) -> Move | None:
    angle = float(positions[0])
    side = arm.site("light_site") + (0.045, -0.01, 0.0)
    return _pushed(arm, side, np.array([-1.0, 0.0, 0.0]), angle < -0.6, angle < -0.5)


def _slide_cabinet(arm: KitchenArm, positions: Vector) -> Move | None:
    way = float(positions[0])
    side = arm.site("slide_site") + (-0.045, -0.01, 0.0)
    return _pushed(arm, side, np.array([1.0, 0.0, 0.0]), way > 0.36, way > 0.2)


_HINGE_LEAD = 0.5
_HINGE_FACE = facing(pitch=0.2)


def _hinge_cabinet(arm: KitchenArm, positions: Vector) -> Move | None:
    angle = float(positions[1])
    handle = arm.site("hinge_site2") - 0.02 * _HINGE_FACE[:, 2]
    then = arm.turned("hinge_site2", "right_hinge_cabinet", _HINGE_LEAD) - 0.02 * _HINGE_FACE[:, 2]
    return _gripped(arm, handle, _HINGE_FACE, then if angle < 1.35 else None, angle > 1.2, 0.034)


_SKILLS: Mapping[str, Callable[[KitchenArm, Vector], Move | None]] = {
    "microwave": _microwave,
    "kettle": _kettle,
    "light_switch": _light_switch,
    "slide_cabinet": _slide_cabinet,
    "hinge_cabinet": _hinge_cabinet,
}
