"""The fake robots' wiring, written down apart from the robots' files, so that an error in either shows."""

from typing import NamedTuple


class Motor(NamedTuple):
    """One joint as the robot's maker has wired it."""

    name: str
    joint: str
    """Joint of the MuJoCo model."""
    sign: float
    zero: float
    """What the robot's encoder shows where the model's joint is at 0 [rad]."""


class Wiring(NamedTuple):
    """All of them."""

    motors: tuple[Motor, ...]
    """In the order of the joint states."""
    commands: tuple[str, ...]
    """Order of the controller's array."""
    extra: str
    """A joint that no policy knows."""


ANT = Wiring(
    motors=(
        Motor("br_hip", "hip_3", 1.0, 0.3),
        Motor("fl_ankle", "ankle_1", -1.0, 0.4),
        Motor("fr_hip", "hip_4", -1.0, 0.0),
        Motor("bl_ankle", "ankle_2", 1.0, 0.0),
        Motor("bl_hip", "hip_2", -1.0, -0.2),
        Motor("fr_ankle", "ankle_4", -1.0, 0.2),
        Motor("br_ankle", "ankle_3", 1.0, -0.3),
        Motor("fl_hip", "hip_1", 1.0, 0.1),
    ),
    commands=("fr_ankle", "bl_hip", "fl_hip", "br_ankle", "fl_ankle", "br_hip", "bl_ankle", "fr_hip"),
    extra="neck",
)
FRANKA = Wiring(
    motors=(
        Motor("fr3_finger_joint1", "robot:panda0_finger_joint1", 1.0, 0.0),
        Motor("fr3_joint4", "robot:panda0_joint4", 1.0, 0.0),
        Motor("fr3_joint1", "robot:panda0_joint1", -1.0, 0.5),
        Motor("fr3_joint6", "robot:panda0_joint6", 1.0, 1.5),
        Motor("fr3_joint2", "robot:panda0_joint2", 1.0, 0.0),
        Motor("fr3_joint7", "robot:panda0_joint7", -1.0, 0.0),
        Motor("fr3_joint3", "robot:panda0_joint3", 1.0, -0.2),
        Motor("fr3_joint5", "robot:panda0_joint5", 1.0, 0.0),
        Motor("fr3_finger_joint2", "robot:panda0_finger_joint2", 1.0, 0.0),
    ),
    commands=tuple(f"fr3_joint{number}" for number in (2, 1, 3, 4, 5, 7, 6)),
    extra="fr3_lamp",
)
