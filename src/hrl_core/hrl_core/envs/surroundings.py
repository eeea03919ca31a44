"""Where the things of a scene are that the task does not observe: joints by name, movable bodies, listed objects."""

from typing import Any

import gymnasium
import mujoco

from hrl_core.envs.abilities import find_simulation, nothing

Position = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
Poses = dict[str, tuple[Position, Quaternion]]
_UPRIGHT = (1.0, 0.0, 0.0, 0.0)
_SCALAR = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_SLIDE)


class Surroundings:
    """Reads a running environment's MuJoCo data; without MuJoCo there are no joints and bodies."""

    def __init__(self, env: gymnasium.Env) -> None:
        """Find joints and bodies once.

        Args:
            env: the environment; ``present_objects()``, where it has it, lists further things by position.
        """
        self._env: Any = env.unwrapped
        model, self._data = find_simulation(env) or nothing()
        scalar = [joint for joint in range(model.njnt) if model.jnt_type[joint] in _SCALAR]
        self._joints = [(model.joint(joint).name, int(model.jnt_qposadr[joint])) for joint in scalar]
        self._bodies = movable_bodies(model)
        self._listed = hasattr(self._env, "present_objects")

    @property
    def has_objects(self) -> bool:
        """Whether there can be anything beside the robot."""
        return bool(self._bodies) or self._listed

    def joints(self) -> dict[str, float]:
        """Positions [rad or m] of all joints with one degree of freedom."""
        return {name: float(self._data.qpos[address]) for name, address in self._joints}

    def objects(self) -> Poses:
        """Positions [m] and unit quaternions (w first), in the world frame, of what is there now beside the robot."""
        poses: Poses = {}
        for name in self._bodies:
            body = self._data.body(name)
            poses[name] = (tuple(body.xpos.tolist()), tuple(body.xquat.tolist()))
        if self._listed:
            poses |= {name: (position, _UPRIGHT) for name, position in self._env.present_objects().items()}
        return poses


def movable_bodies(model: mujoco.MjModel) -> list[str]:
    """Names of the top-level bodies with joints, but for the robot's, which owns the first actuated or first joint."""
    if not model.njnt:
        return []
    robot = int(model.jnt_bodyid[model.actuator_trnid[0, 0] if model.nu and model.actuator_trnid[0, 0] >= 0 else 0])
    roots = dict.fromkeys(int(model.body_rootid[body]) for body in model.jnt_bodyid)
    return [model.body(root).name for root in roots if root != model.body_rootid[robot]]
