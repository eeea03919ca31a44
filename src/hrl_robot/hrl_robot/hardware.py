"""The fake robot's wiring, written down apart from the robot's file, so that an error in either shows."""

from typing import NamedTuple

import numpy as np


class Motor(NamedTuple):
    """One joint as the robot's maker has wired it."""

    name: str
    joint: str
    """Joint of the MuJoCo model."""
    sign: float
    zero: float
    """What the robot's encoder shows where the model's joint is at 0 [rad]."""


MOTORS = (
    Motor("br_hip", "hip_3", 1.0, 0.3),
    Motor("fl_ankle", "ankle_1", -1.0, 0.4),
    Motor("fr_hip", "hip_4", -1.0, 0.0),
    Motor("bl_ankle", "ankle_2", 1.0, 0.0),
    Motor("bl_hip", "hip_2", -1.0, -0.2),
    Motor("fr_ankle", "ankle_4", -1.0, 0.2),
    Motor("br_ankle", "ankle_3", 1.0, -0.3),
    Motor("fl_hip", "hip_1", 1.0, 0.1),
)
"""In the order of the joint states."""
EXTRA = "neck"
"""A joint that no policy knows."""
COMMANDS = ("fr_ankle", "bl_hip", "fl_hip", "br_ankle", "fl_ankle", "br_hip", "bl_ankle", "fr_hip")
"""Order of the controller's array."""
SIGN = np.array([motor.sign for motor in MOTORS])
ZERO = np.array([motor.zero for motor in MOTORS])
