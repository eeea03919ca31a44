"""The body of the fake robot: the task's MuJoCo model, moved by efforts and read like encoders."""

import mujoco
import numpy as np

import hrl_core.envs  # noqa: F401 - registers the Gymnasium ids
from hrl_core.envs.abilities import find_simulation
from hrl_core.envs.making import make_env
from hrl_core.errors import TaskError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.hardware import COMMANDS, MOTORS, SIGN, ZERO


class FakePhysics:
    """Physics that nobody waits for."""

    def __init__(self, task: TaskSpec) -> None:
        """Make the task's model; raises ``TaskError`` when there is none."""
        self._env = make_env(task)
        simulation = find_simulation(self._env)
        known = set() if simulation is None else {simulation.model.joint(k).name for k in range(simulation.model.njnt)}
        lacking = [motor.joint for motor in MOTORS if motor.joint not in known]
        if simulation is None or lacking:
            self._env.close()
            raise TaskError(f"the fake robot is an ant: the model of {task.env_id} has no joints {', '.join(lacking)}")
        self._model, self._data = simulation
        joints = [self._model.joint(motor.joint) for motor in MOTORS]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        names = [motor.name for motor in MOTORS]
        driven = {int(self._model.actuator_trnid[i, 0]): i for i in range(self._model.nu)}
        self._actuator = np.array([driven[joints[names.index(name)].id] for name in COMMANDS])
        self._wired = np.array([MOTORS[names.index(name)].sign for name in COMMANDS])
        self.limit = float(self._model.actuator_ctrlrange[:, 1].min())
        """Greatest effort of every motor [N m]."""

    @property
    def period(self) -> float:
        """Physics time step [s]."""
        return float(self._model.opt.timestep)

    def place(self, seed: int) -> None:
        """Put the robot at its start, at rest but for the reset's noise."""
        self._env.reset(seed=seed)
        self._data.ctrl[:] = 0.0

    def command(self, efforts: Vector) -> None:
        """Set the efforts, order of the controller's array; the motors give no more than their limit."""
        self._data.ctrl[self._actuator] = np.clip(self._wired * efforts, -self.limit, self.limit)

    def advance(self) -> None:
        """Let one physics time step pass."""
        mujoco.mj_step(self._model, self._data)

    def encoders(self) -> tuple[Vector, Vector]:
        """Positions and velocities, order of ``MOTORS``, as the robot shows them."""
        return SIGN * self._data.qpos[self._qpos] + ZERO, SIGN * self._data.qvel[self._qvel]

    def base(self) -> tuple[Vector, Vector]:
        """Pose (real part of the quaternion not negative, as estimators have it) and velocity, MuJoCo's layout."""
        pose, velocity = self._data.qpos[:7].copy(), self._data.qvel[:6].copy()
        if pose[3] < 0:
            pose[3:7] *= -1.0
        return pose, velocity

    def close(self) -> None:
        """Free the model."""
        self._env.close()
