"""Which elements of a task's observation tell where each joint of a MuJoCo model is, found by their names."""

from collections.abc import Sequence
from typing import NamedTuple

import mujoco
import numpy as np
import numpy.typing as npt

from hrl_core.kitchen_model import ARM_JOINTS, FIXTURES
from hrl_core.messages import Vector

_ROOT = ("x", "y", "z", "qw", "qx", "qy", "qz")
_OF_KITCHEN = {joint: element for element, joint in {**ARM_JOINTS, **FIXTURES}.items()}
_ALIASES = {"ballx": "x", "bally": "y", "rot": "heading", **_OF_KITCHEN}
"""Joint of a shipped model -> observation element that is its position, where the names differ."""
_COSINE_AND_SINE = 2
"""Elements that tell an angle so."""


class JointSource(NamedTuple):
    """What tells the position of one joint."""

    joint: str
    address: int
    """Of its position in qpos."""
    elements: tuple[int, ...]
    """Of the observation: one for each number of the position, or cosine and sine of an angle; none: not observed."""

    def put(self, state: Vector, qpos: npt.NDArray[np.float64]) -> None:
        """Write the joint's position in ``state`` into ``qpos``; nothing where it is not observed."""
        told = state[list(self.elements)]
        if len(told) == _COSINE_AND_SINE:
            told = np.arctan2(told[1:], told[:1])
        qpos[self.address : self.address + len(told)] = told


def joint_sources(model: mujoco.MjModel, names: Sequence[str]) -> list[JointSource]:
    """What tells each joint among the ``names`` of an observation; a free joint that is not told is left out."""
    sources: list[JointSource] = []
    rooted = False
    for joint in range(model.njnt):
        name, address = model.joint(joint).name, int(model.jnt_qposadr[joint])
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
            own = [f"{model.body(model.jnt_bodyid[joint]).name}_{part}" for part in _ROOT]
            if found := _found(own, names):
                sources.append(JointSource(name, address, found))
            elif not rooted and (found := _found(_ROOT, names)):
                sources.append(JointSource(name, address, found))
                rooted = True
            continue
        told = _found([name], names) or _found([_ALIASES.get(name, "")], names)
        turn = _found([f"cos_{name}", f"sin_{name}"], names)
        sources.append(JointSource(name, address, told or turn))
    return sources


def _found(wanted: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Where they stand among ``names``; nothing unless all of them do."""
    return tuple(names.index(name) for name in wanted) if all(name in names for name in wanted) else ()
