"""Hill Car: Mountain Car in MuJoCo, a bead on the parabola z = x^2 / 2 with a motor that is too weak to climb it."""

from itertools import pairwise
from typing import ClassVar

import mujoco
import numpy as np

from hrl_core.envs.control_env import Float64
from hrl_core.envs.mujoco_control_env import MujocoControlEnv

FRAME_SKIP = 5
START = 0.1
"""Greatest distance from the bottom at the start [m]."""
GOAL, TOLERANCE = (1.5,), (0.1,)
_MOTOR = 2.0
"""Greatest push [N] on a car of 1 kg: held constant, it comes as far as x = 0.4 m."""
_TRACK_END, _TRACK_PIECES = 2.0, 24
_TRACK_DEPTH = 0.12
"""How far the drawn track lies below the car [m]."""


class HillCarEnv(MujocoControlEnv):
    """A car in a valley; the goal is a place on the slope.

    | index | meaning | unit |
    |---|---|---|
    | 0 | position x | m |
    | 1 | velocity along x | m/s |

    Action: push [-1, 1] in units of 2 N along x, held for 0.05 s.
    """

    observation_dim: ClassVar[int] = 2
    goal_dim: ClassVar[int] = 1

    def __init__(self, render_mode: str | None = None) -> None:
        """Compile the model."""
        super().__init__(_build_model(), FRAME_SKIP, (GOAL, GOAL), TOLERANCE, render_mode)

    def _draw_joints(self) -> None:
        x = self.np_random.uniform(-START, START)
        self.data.qpos[:] = x, x**2 / 2

    def _state(self) -> Float64:
        return np.array([self.data.qpos[0], self.data.qvel[0]])


def _build_model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.01
    world = spec.worldbody
    world.add_light(name="sun", pos=(0, 0, 4))
    world.add_camera(name="side", pos=(0, -5.5, 1.2), xyaxes=(1, 0, 0, 0, 0, 1))
    edges = np.linspace(-_TRACK_END, _TRACK_END, _TRACK_PIECES + 1)
    for k, (a, b) in enumerate(pairwise(edges)):
        ends = (a, 0, a**2 / 2 - _TRACK_DEPTH, b, 0, b**2 / 2 - _TRACK_DEPTH)
        world.add_geom(
            name=f"track_{k}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            fromto=ends,
            size=(0.03, 0, 0),
            rgba=(0.5, 0.5, 0.5, 1),
            contype=0,
            conaffinity=0,
        )
    car = world.add_body(name="car")
    for name, axis in (("x", (1, 0, 0)), ("z", (0, 0, 1))):
        car.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis, damping=[0.05, 0, 0])
    car.add_geom(name="car", size=(0.09, 0, 0), mass=1.0, rgba=(0.8, 0.3, 0.2, 1), contype=0, conaffinity=0)
    # The bead's height is a polynomial of its place.
    spec.add_equality(
        name="slope", type=mujoco.mjtEq.mjEQ_JOINT, name1="z", name2="x", data=[0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0]
    )
    motor = spec.add_actuator(name="motor", trntype=mujoco.mjtTrn.mjTRN_JOINT, target="x", ctrlrange=(-1, 1))
    motor.gear[0] = _MOTOR
    return spec.compile()


def make_hill_car(render_mode: str | None = None) -> HillCarEnv:
    """Entry point of ``hrl/HillCar-v0``."""
    return HillCarEnv(render_mode)
