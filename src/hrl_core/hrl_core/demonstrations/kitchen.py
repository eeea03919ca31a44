"""How the kitchen's arm brings things where they are wanted: one after the other, each as it is best taken.

All is decided from the state alone: which thing is next, whether the hand is at it, whether it holds it. So what noise
or a slip has undone is done again. Things come in a fixed order, in which no open door is in the way of the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from hrl_core.demonstrations.intention import Intention
from hrl_core.demonstrations.kitchen_arm import CLOSED, FREELY, OPEN, KitchenArm, Matrix, Move, facing
from hrl_core.kitchen_model import ARM, GROUPS, OBJECTS, TARGETS, asked_of
from hrl_core.messages import Vector

_BACK = 0.12
"""How far before a thing the hand lines up, and how far it backs off [m]."""
_LINED_UP, _TURNED = 0.02, 0.2
"""Distance from the line to a thing [m], and turn [rad], within which the hand goes for it."""
_DEEP = 0.015
"""Distance from where a handle is gripped within which fingers begin to close [m]."""
_AT = 0.025
"""The same as long as they hold it, along the hand; twice as much aside [m]."""
_OPENED = 0.0375
"""Opening of fingers that hold nothing, at least [m]."""
_INSET = 0.02
"""From the end effector to a handle that is well within the fingers [m]."""
_SLOW, _NEAR, _FORCED = 0.5, 0.8, 0.6
"""Speeds at a thing, on the way to it, and with it [m/s]; an arm lags behind what it is told."""
_AT_WORK = 0.35
"""Share of a demonstration's noise at a thing: all of it, and handles slip out of the fingers."""


def intention(state: Vector, goal: Vector) -> Intention:
    """What the expert wants in state (62,) for a goal (21,) of the objects: an action (9,) between -1 and 1.

    Raises:
        HrlError: gymnasium-robotics is not installed, of which the scene is part.
    """
    arm = _arm()
    arm.see(state)
    objects = state[2 * ARM : 2 * ARM + OBJECTS]
    for thing in asked_of(goal):
        move = _SKILLS[thing](arm, objects[list(GROUPS[thing])])
        if move is not None:
            return Intention(arm.action(move), 1.0 if move.speed == FREELY else _AT_WORK)
    return Intention(arm.action(Move(arm.hand, arm.facing)))


@lru_cache(maxsize=1)
def _arm() -> KitchenArm:
    return KitchenArm()


def _approach(arm: KitchenArm, place: Vector, face: Matrix, fingers: float) -> Move:
    """Line up before a place, then go there straight; who is beside it already backs off first."""
    ahead = face[:, 2]
    along, aside = _parts(place - arm.hand, ahead)
    off = float(np.linalg.norm(aside))
    if off < _LINED_UP + 0.1 * max(along, 0.0) and arm.turn_to(face) < _TURNED:
        return Move(place, face, fingers, _SLOW if along < 0.04 else _NEAR)
    if along < 0.5 * _BACK and off > _LINED_UP:
        return Move(arm.hand - _BACK * ahead + 0.3 * aside, face, fingers)
    return Move(place - _BACK * ahead, face, fingers)


def _parts(way: Vector, ahead: Vector) -> tuple[float, Vector]:
    """How much of a way lies ahead, and the rest of it."""
    along = float(way @ ahead)
    return along, way - along * ahead


@dataclass(frozen=True)
class _Door:
    """A door on a vertical hinge, gripped by its handle."""

    handle: str
    """Site."""
    hinge: str
    """Joint."""
    face: Matrix
    lead: float
    """How far ahead of the door the hand is told to be [rad], in the sense in which it opens."""
    until: float
    """Angle to which it is opened [rad]."""
    enough: float
    """Angle from which on nothing more is done for it [rad]."""
    held: float
    """Opening of fingers that hold its handle firmly, at most [m]."""


def _open(door: _Door, arm: KitchenArm, angles: Vector) -> Move | None:
    """Grip the handle, lead it along its arc, let go, back off; None: it is open, and the hand clear of it."""
    angle, sense = float(angles[-1]), np.sign(door.lead)
    ahead = door.face[:, 2]
    handle = arm.site(door.handle) - _INSET * ahead
    along, aside = _parts(handle - arm.hand, ahead)
    off = float(np.linalg.norm(aside))
    if sense * angle > sense * door.until:
        if off < 0.08 and -0.06 < along < 0.10:
            held = arm.opening < _OPENED and abs(along) < _AT
            return Move(arm.hand if held else arm.hand - _BACK * ahead, door.face, OPEN)
    elif off < 2 * _AT and abs(along) < _AT:
        if arm.opening < door.held:
            led = arm.turned(door.handle, door.hinge, door.lead) - _INSET * ahead
            return Move(led, door.face, CLOSED, _FORCED)
        if arm.opening < _OPENED or np.hypot(along, off) < _DEEP:
            return Move(handle, door.face, CLOSED, _SLOW)
    if sense * angle > sense * door.enough:
        return None
    return _approach(arm, handle, door.face, OPEN)


@dataclass(frozen=True)
class _Slider:
    """Something that closed fingers push aside, right or left."""

    site: str
    beside: Vector
    """From its site to the fingers that touch it [m], shape (3,)."""
    until: float
    """Position to which it is pushed, away from 0."""


_FRONT = facing(pitch=0.15)


def _push(slider: _Slider, arm: KitchenArm, positions: Vector) -> Move | None:
    """Go beside it, push, back off; None: it is where it is wanted, and the hand clear of it."""
    position, ahead = abs(float(positions[0])), _FRONT[:, 2]
    side, pushing = arm.site(slider.site) + slider.beside, -np.sign(slider.beside[0]) * np.array([1.0, 0.0, 0.0])
    way = side - arm.hand
    if position > slider.until:
        near = way @ ahead < 0.08 and np.linalg.norm(way) < 0.2
        return Move(arm.hand - _BACK * ahead, _FRONT) if near else None
    behind, off = _parts(way, pushing)
    if -0.06 < behind < 0.04 and np.linalg.norm(off) < 0.04:
        return Move(side + 0.08 * pushing, _FRONT, CLOSED, _FORCED)
    return _approach(arm, side - 0.02 * pushing, _FRONT, CLOSED)


_DOWN = facing(pitch=1.2)
_KETTLE_Y, _KETTLE_ENOUGH = 0.62, 0.22
"""How far the kettle is pushed [m], and how far from its wanted pose nothing more is done for it."""
_ASIDE, _STRAIGHTEN = -0.04, 0.3
"""How far aside of its middle it is pushed, towards its spout [m], and for its turn [m/rad]."""
_BEHIND = np.array([0.0, -0.165, 0.07])
"""From the middle of its bottom to a hand behind it, whose fingers point down [m]: pushed higher up it would tip, and
pulled by its handle as well."""


def _push_kettle(arm: KitchenArm, pose: Vector) -> Move | None:
    """Go down behind it, push, back off; None: it is where it is wanted, and the hand clear of it."""
    turn = 2 * np.arctan2(pose[6], pose[3])
    aside = float(np.clip(_ASIDE - _STRAIGHTEN * turn, -0.06, 0.06))
    behind = pose[:3] + _BEHIND + np.array([aside, 0.0, 0.0])
    way = behind - arm.hand
    if pose[1] > _KETTLE_Y:
        near = np.linalg.norm(way) < 0.12
        return Move(arm.hand - _BACK * _DOWN[:, 2], _DOWN, OPEN) if near else None
    if np.all(np.abs(way) < (0.03, 0.04, 0.03)):
        return Move(behind + np.array([0.0, 0.1, 0.0]), _DOWN, OPEN, _FORCED)
    if np.linalg.norm(pose - TARGETS["kettle"]) < _KETTLE_ENOUGH and np.linalg.norm(way) > 0.1:
        return None
    return _approach(arm, behind, _DOWN, OPEN)


_MICROWAVE = _Door("microhandle_site", "microwave", facing(0.4, 0.5), -0.2, until=-0.82, enough=-0.6, held=0.03)
_LIGHT_SWITCH = _Slider("light_site", np.array([0.045, -0.01, 0.0]), until=0.6)
_SLIDE_CABINET = _Slider("slide_site", np.array([-0.045, -0.01, 0.0]), until=0.36)
_HINGE_CABINET = _Door("hinge_site2", "right_hinge_cabinet", facing(pitch=0.2), 0.5, until=1.35, enough=1.2, held=0.034)
_SKILLS: Mapping[str, Callable[[KitchenArm, Vector], Move | None]] = {
    "microwave": partial(_open, _MICROWAVE),
    "kettle": _push_kettle,
    "light_switch": partial(_push, _LIGHT_SWITCH),
    "slide_cabinet": partial(_push, _SLIDE_CABINET),
    "hinge_cabinet": partial(_open, _HINGE_CABINET),
}
