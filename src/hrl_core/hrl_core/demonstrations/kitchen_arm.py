"""The kitchen's arm as its expert sees it: where the hand is, and what joints do to bring it elsewhere."""

import math
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from hrl_core.kitchen_model import ARM, END_EFFECTOR, FULL_SPEED, OBJECTS, load_kitchen
from hrl_core.messages import Vector

Matrix = npt.NDArray[np.float64]
JOINTS = 7
_GAIN, _TURN_GAIN = 10.0, 8.0
"""Rate per distance [1/s], of a way and of a turn."""
_MOST_TURN = 3.0
"""Greatest turn [rad/s]."""
_TURN_WEIGHT = 0.3
"""Worth of a turn beside a way [m/rad]."""
_DAMPING = 1e-3
_HOMING = 2.0
"""Rate per distance [1/s] at which joints go home, as far as the hand does not mind."""
_HOME = np.array([0.15, -1.2, 1.8, -2.4, 0.3, 0.7, 1.6])
"""Where that is: the start, with the shoulder off its limit [rad]."""
_MARGIN = 0.02
"""Distance from a joint's limit that counts as at it [rad]."""
OPEN, CLOSED = 1.0, -1.0
FREELY = 1.2
"""Speed of a hand that is at nothing [m/s]."""
_AHEAD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Hand that points along y, its fingers beside each other along x; columns are the axes of the end effector."""


def facing(yaw: float = 0.0, pitch: float = 0.0) -> Matrix:
    """Orientation (3, 3) of a hand that points along y, lowered, turned left [rad]."""
    c, s = math.cos(yaw), math.sin(yaw)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    c, s = math.cos(pitch), math.sin(pitch)
    lower = np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])
    return turn @ lower @ _AHEAD


@dataclass(frozen=True)
class Move:
    """Where the hand is to go."""

    place: Vector
    """Of the end effector [m], shape (3,)."""
    facing: Matrix
    """Orientation, shape (3, 3)."""
    fingers: float = CLOSED
    speed: float = FREELY
    """Greatest [m/s]."""


class KitchenArm:
    """A copy of the kitchen, set to what is observed."""

    def __init__(self) -> None:
        """Compile the model."""
        self.model = load_kitchen(gravity_compensation=True)
        self._data = mujoco.MjData(self.model)
        self._site = self.model.site(END_EFFECTOR).id
        self._jacobian = np.zeros((6, self.model.nv))
        low, high = self.model.jnt_range[:JOINTS].T
        self._limits = low + _MARGIN, high - _MARGIN

    def see(self, state: Vector) -> None:
        """Set the copy to a state (62,)."""
        self._data.qpos[:ARM] = state[:ARM]
        self._data.qpos[ARM:] = state[2 * ARM : 2 * ARM + OBJECTS]
        mujoco.mj_kinematics(self.model, self._data)
        mujoco.mj_comPos(self.model, self._data)

    @property
    def hand(self) -> Vector:
        """Place of the end effector [m], shape (3,)."""
        return self._data.site_xpos[self._site].copy()

    @property
    def facing(self) -> Matrix:
        """Its orientation, shape (3, 3): its last column is where the hand points."""
        return self._data.site_xmat[self._site].reshape(3, 3).copy()

    def turn_to(self, face: Matrix) -> float:
        """Angle [rad] from its orientation to another."""
        return float(np.linalg.norm(_turn_between(self.facing, face)))

    @property
    def opening(self) -> float:
        """How far the closer finger is from the middle [m]."""
        return float(self._data.qpos[JOINTS:ARM].max())

    def site(self, name: str) -> Vector:
        """Place of a site of the scene [m], shape (3,)."""
        return self._data.site(name).xpos.copy()

    def turned(self, name: str, joint: str, angle: float) -> Vector:
        """Where a site would be if the door it is on were turned on about its vertical hinge by an angle [rad]."""
        hinge = self._data.xanchor[self.model.joint(joint).id]
        c, s = math.cos(angle), math.sin(angle)
        way = self.site(name) - hinge
        return hinge + np.array([c * way[0] - s * way[1], s * way[0] + c * way[1], way[2]])

    def action(self, move: Move) -> Vector:
        """Action (9,) of a move, by damped least squares (Wampler 1986).

        dq = J^T (J J^T + damping)^-1 v   and, where J lets it, towards home

        without the joints that this would drive into their limits.
        """
        velocity = _limited(_GAIN * (move.place - self.hand), move.speed)
        turn = _limited(_TURN_GAIN * _turn_between(self.facing, move.facing), _MOST_TURN)
        wanted = np.concatenate((velocity, _TURN_WEIGHT * turn))
        mujoco.mj_jacSite(self.model, self._data, self._jacobian[:3], self._jacobian[3:], self._site)
        jacobian = self._jacobian[:, :JOINTS].copy()
        jacobian[3:] *= _TURN_WEIGHT
        now = self._data.qpos[:JOINTS]
        low, high = self._limits
        home = _HOMING * (_HOME - now)
        for _ in range(3):
            inverse = jacobian.T @ np.linalg.inv(jacobian @ jacobian.T + _DAMPING * np.eye(6))
            rates = inverse @ wanted + home - np.linalg.pinv(jacobian) @ (jacobian @ home)
            stuck = ((now < low) & (rates < 0)) | ((now > high) & (rates > 0))
            if not stuck.any():
                break
            jacobian[:, stuck], home[stuck] = 0.0, 0.0
        # All joints slower rather than one, which would lead elsewhere.
        rates /= max(FULL_SPEED, float(np.abs(rates).max()))
        return np.append(rates, (move.fingers, move.fingers))


def _turn_between(now: Matrix, wanted: Matrix) -> Vector:
    """Rotation vector (3,) [rad] in the world from one orientation to another."""
    quaternion, turn = np.zeros(4), np.zeros(3)
    mujoco.mju_mat2Quat(quaternion, np.ascontiguousarray(wanted @ now.T).ravel())
    mujoco.mju_quat2Vel(turn, quaternion, 1.0)
    return turn


def _limited(vector: Vector, most: float) -> Vector:
    return vector * min(1.0, most / max(float(np.linalg.norm(vector)), 1e-9))
