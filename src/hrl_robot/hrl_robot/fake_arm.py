"""The fake Franka arm: the kitchen's model behind velocity commands, a gripper, and eyes for what stands about."""

from collections.abc import Mapping

import mujoco
import numpy as np

from hrl_core.kitchen_model import CONTROL_PERIOD, END_EFFECTOR, FIXTURES, HIGHEST, LOWEST
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.fake_body import FakeBody, Fixtures, FreeBody
from hrl_robot.hardware import FRANKA

_FINGERS = slice(7, 9)


class FakeArm(FakeBody):
    """Seven joints that are told velocities, two fingers that are told how far to open.

    Its velocity controller moves the set point of a joint by what a velocity makes of it in a control period, from
    where the joint is; without a new command it stays there. A real one has limits of its own (docs/real_robot.md).
    """

    wiring = FRANKA
    steps_per_look = 5

    def __init__(self, task: TaskSpec) -> None:
        """Make the task's model; raises ``TaskError`` when it has no such arm."""
        super().__init__(task)
        joints = [self._model.joint(name) for name in FIXTURES.values()]
        self._fixed = np.array([joint.qposadr[0] for joint in joints]), np.array([joint.dofadr[0] for joint in joints])
        kettle = self._model.joint("kettle")
        self._kettle = int(kettle.qposadr[0]), int(kettle.dofadr[0])
        self._site = self._model.site(END_EFFECTOR).id

    def rest(self) -> None:
        """Stay where it is."""
        arm = self._model.nu
        self._data.ctrl[:] = np.clip(self._data.qpos[:arm], LOWEST, HIGHEST)

    def command(self, values: Vector) -> None:
        """Move the set points [rad/s]."""
        wired = self._sign[self._commanded] * values
        told = self._data.qpos[self._qpos[self._commanded]] + wired * CONTROL_PERIOD
        self._data.ctrl[self._actuator] = np.clip(told, LOWEST[self._actuator], HIGHEST[self._actuator])

    def grip(self, opening: float) -> None:
        """Open fingers that far [m]."""
        self._data.ctrl[_FINGERS] = np.clip(opening, LOWEST[_FINGERS], HIGHEST[_FINGERS])

    def things(self) -> Mapping[str, FreeBody | Fixtures]:
        """Doors and switches, the kettle, and where the hand is (a real one's driver publishes that)."""
        position, velocity = self._fixed
        # Places of sites are otherwise those before the last physics step; nothing that stepping depends on changes.
        mujoco.mj_kinematics(self._model, self._data)
        turn = np.zeros(4)
        mujoco.mju_mat2Quat(turn, self._data.site_xmat[self._site])
        return {
            "fixtures": Fixtures(tuple(FIXTURES), self._data.qpos[position].copy(), self._data.qvel[velocity].copy()),
            "kettle": self._free(*self._kettle),
            "end_effector": FreeBody(np.append(self._data.site_xpos[self._site], turn)),
        }
