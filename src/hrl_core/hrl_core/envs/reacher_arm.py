"""Reacher Arm: three joints with torque motors that have to come near given angles, after the UR5 reacher of HAC."""

from typing import ClassVar

import mujoco
import numpy as np

from hrl_core.envs.control_env import Float64
from hrl_core.envs.mujoco_control_env import MujocoControlEnv

FRAME_SKIP = 5
JOINTS = ("pan", "lift", "elbow")
MOTORS = (6.0, 20.0, 5.0)
"""Greatest torques [N m]."""
GOAL_LOW, GOAL_HIGH = (-2.0, -0.8, -1.2), (2.0, 0.8, 1.2)
"""Angles of starts and goals [rad]; 0: stretched out along x; positive lift and elbow: down."""
RADIUS = 0.2
"""Of the goal, as the task has it: how far all angles together may be off [rad]."""
_LIMITS = (3.0, 1.5, 2.5)
_UPPER, _FORE = 0.45, 0.40
"""Lengths of the links [m]."""
_SHOULDER = 0.6
"""Height of the shoulder [m]."""


class ReacherArmEnv(MujocoControlEnv):
    """An arm on a column under gravity; the goal is its three angles.

    | index | meaning | unit |
    |---|---|---|
    | 0-2 | angles of pan, lift, elbow | rad |
    | 3-5 | their rates | rad/s |

    Action: torques [-1, 1] in units of 6, 20 and 5 N m, held for 0.025 s.
    """

    observation_dim: ClassVar[int] = 6
    goal_dim: ClassVar[int] = 3

    def __init__(self, render_mode: str | None = None) -> None:
        """Compile the model."""
        super().__init__(_build_model(), FRAME_SKIP, (GOAL_LOW, GOAL_HIGH), (RADIUS,) * 3, render_mode)

    def compute_reward(self, achieved_goal: Float64, desired_goal: Float64, info: object) -> Float64:
        """0 within the radius of the goal, else -1; batches along leading axes."""
        return -1.0 + (np.linalg.norm(achieved_goal - desired_goal, axis=-1) <= RADIUS)

    def _draw_joints(self) -> None:
        self.data.qpos[:] = self.np_random.uniform(GOAL_LOW, GOAL_HIGH)

    def _state(self) -> Float64:
        return np.concatenate((self.data.qpos, self.data.qvel))


def _build_model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.005
    world = spec.worldbody
    world.add_light(name="sun", pos=(0, 0, 3))
    world.add_camera(name="side", pos=(0, -2.2, 1.4), xyaxes=(1, 0, 0, 0, 0.4, 1))
    _add_link(world, "column", (0, 0, _SHOULDER), 0.06, 0.0, (0.4, 0.4, 0.4, 1))
    upper = world.add_body(name="upper", pos=(0, 0, _SHOULDER))
    _add_link(upper, "upper", (_UPPER, 0, 0), 0.05, 1.5, (0.2, 0.4, 0.8, 1))
    fore = upper.add_body(name="fore", pos=(_UPPER, 0, 0))
    _add_link(fore, "fore", (_FORE, 0, 0), 0.04, 1.0, (0.8, 0.5, 0.2, 1))
    axes = ((upper, (0, 0, 1)), (upper, (0, 1, 0)), (fore, (0, 1, 0)))
    for name, (body, axis), limit, torque in zip(JOINTS, axes, _LIMITS, MOTORS, strict=True):
        body.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=axis,
            damping=[1.0, 0, 0],
            limited=True,
            range=(-limit, limit),
        )
        motor = spec.add_actuator(name=name, trntype=mujoco.mjtTrn.mjTRN_JOINT, target=name, ctrlrange=(-1, 1))
        motor.gear[0] = torque
    spec.compiler.degree = False
    return spec.compile()


def _add_link(
    body: mujoco.MjsBody,
    name: str,
    end: tuple[float, float, float],
    radius: float,
    mass: float,
    rgba: tuple[float, float, float, float],
) -> None:
    """A rod [m, kg] from the body's origin to ``end`` that touches nothing."""
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        fromto=(0, 0, 0, *end),
        size=(radius, 0, 0),
        mass=mass,
        rgba=rgba,
        contype=0,
        conaffinity=0,
    )


def make_reacher_arm(render_mode: str | None = None) -> ReacherArmEnv:
    """Entry point of ``hrl/ReacherArm-v0``."""
    return ReacherArmEnv(render_mode)
