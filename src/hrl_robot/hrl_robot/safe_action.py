"""What a robot is sent that is to be safe, by what it has told of itself."""

import numpy as np

from hrl_core.control.safety import SafetyLayer
from hrl_core.messages import Vector
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_state import JointStates
from hrl_robot.streams import Stream

_STAYS = 0.05
"""Way that a joint may be from where it is to stay before that is taken for a place of its own [rad]."""


class SafeAction:
    """Brakes by a velocity that is known, and stays at a place that is known."""

    def __init__(self, joints: Stream[JointStates], mapping: JointMap, interface: str) -> None:
        """Nothing is known yet.

        Args:
            joints: the robot's, in the order of its file.
            mapping: between these and the action.
            interface: of its commands; ``position``: to stay is to be sent where one is.
        """
        self._joints, self._map, self._by_position = joints, mapping, interface == "position"
        self._held: Vector | None = None
        """Where it was when it was to stay there, task units, in the order of the action."""

    def forget(self) -> None:
        """Somebody has sent the robot elsewhere: where it is to stay next is where it is by then."""
        self._held = None

    def __call__(self, safety: SafetyLayer, now: float) -> Vector | None:
        """The safe action; None: it is to stay, and does not tell where.

        Args:
            safety: what is safe.
            now: steady time [s].
        """
        if not (self._by_position and safety.holds):
            return safety.safe(self._velocity(now))
        place = self._place(now)
        return None if place is None else safety.safe(self._velocity(now), place)

    def _velocity(self, now: float) -> Vector | None:
        """Of the joints in the order of the action; None: silent for too long, it may have any other by now."""
        sample = self._heard(now)
        return None if sample is None else sample.velocity[self._map.actions]

    def _heard(self, now: float) -> JointStates | None:
        """The newest state, unless the joints have been silent for too long."""
        return None if self._joints.silence(now) > self._joints.config.tolerance else self._joints.newest

    def _place(self, now: float) -> Vector | None:
        """The action that stands for the place to stay at; None where the joints are silent.

        A controller of positions stays at its last command by itself: sent to where it was heard last, an arm that has
        moved since, by a command or by hand, would go back there. Were it followed wherever it goes, a sagging arm
        would sink for ever; were it never looked at again, one that others have moved meanwhile would jump back.
        """
        sample = self._heard(now)
        if sample is None:
            return None
        measured = sample.position[self._map.actions]
        before = measured if self._held is None else self._held
        self._held = np.where(np.abs(measured - before) > _STAYS, measured, before)
        return self._held / self._map.unit
