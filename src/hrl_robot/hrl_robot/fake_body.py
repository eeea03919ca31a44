"""The body of a fake robot: the task's MuJoCo model, told what its controllers are told and read like encoders."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import mujoco
import numpy as np

import hrl_core.envs  # noqa: F401 - registers the Gymnasium ids
from hrl_core.envs.abilities import find_simulation
from hrl_core.envs.making import make_env
from hrl_core.errors import TaskError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.hardware import ANT, Wiring


class FreeBody(NamedTuple):
    """Something that moves about, as MuJoCo tells of it."""

    pose: Vector
    """x, y, z [m], qw, qx, qy, qz; the real part not negative, as estimators have it."""
    velocity: Vector | None = None
    """Linear in the world [m/s], angular in the body [rad/s]; None: nobody measures it."""


class Fixtures(NamedTuple):
    """Joints that are not the robot's."""

    names: tuple[str, ...]
    position: Vector
    velocity: Vector


class FakeBody(ABC):
    """Physics that nobody waits for."""

    wiring: ClassVar[Wiring]
    steps_per_look: ClassVar[int] = 1
    """Physics time steps from one state that is shown to the next."""

    def __init__(self, task: TaskSpec) -> None:
        """Make the task's model; raises ``TaskError`` when it is none of this robot."""
        self._env = make_env(task)
        simulation = find_simulation(self._env)
        known = set() if simulation is None else {simulation.model.joint(k).name for k in range(simulation.model.njnt)}
        lacking = [motor.joint for motor in self.wiring.motors if motor.joint not in known]
        if simulation is None or lacking:
            self._env.close()
            raise TaskError(f"the model of {task.env_id} has no joints {', '.join(lacking)}")
        self._model, self._data = simulation
        motors = self.wiring.motors
        joints = [self._model.joint(motor.joint) for motor in motors]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._sign, self._zero = np.array([m.sign for m in motors]), np.array([m.zero for m in motors])
        names = [motor.name for motor in motors]
        driven = {int(self._model.actuator_trnid[i, 0]): i for i in range(self._model.nu)}
        self._commanded = np.array([names.index(name) for name in self.wiring.commands])
        """Place of each entry of the controller's array among the motors."""
        self._actuator = np.array([driven[joints[motor].id] for motor in self._commanded])

    @property
    def period(self) -> float:
        """Physics time step [s]."""
        return float(self._model.opt.timestep)

    def place(self, seed: int) -> None:
        """Put the robot at its start, at rest but for the reset's noise."""
        self._env.reset(seed=seed)
        self.rest()

    @abstractmethod
    def rest(self) -> None:
        """Have all motors do as little as they can."""

    @abstractmethod
    def command(self, values: Vector) -> None:
        """Do what the controller is told, order of its array."""

    @abstractmethod
    def things(self) -> Mapping[str, FreeBody | Fixtures]:
        """What else is seen, by topic."""

    @abstractmethod
    def grip(self, opening: float) -> None:
        """Do what the gripper is told, if there is one."""

    def advance(self) -> None:
        """Let one physics time step pass."""
        mujoco.mj_step(self._model, self._data)

    def encoders(self) -> tuple[Vector, Vector]:
        """Positions and velocities, order of the wiring's motors, as the robot shows them."""
        return self._sign * self._data.qpos[self._qpos] + self._zero, self._sign * self._data.qvel[self._qvel]

    def close(self) -> None:
        """Free the model."""
        self._env.close()

    def _free(self, position: int, velocity: int) -> FreeBody:
        """The body of a free joint whose numbers begin there."""
        pose = self._data.qpos[position : position + 7].copy()
        if pose[3] < 0:
            pose[3:] *= -1.0
        return FreeBody(pose, self._data.qvel[velocity : velocity + 6].copy())


class FakeAnt(FakeBody):
    """Eight motors that are told efforts."""

    wiring = ANT

    def __init__(self, task: TaskSpec) -> None:
        """Make the task's model; raises ``TaskError`` when it is none of an ant."""
        super().__init__(task)
        self.limit = float(self._model.actuator_ctrlrange[:, 1].min())
        """Greatest effort of every motor [N m]."""

    def rest(self) -> None:
        """No efforts."""
        self._data.ctrl[:] = 0.0

    def command(self, values: Vector) -> None:
        """Set the efforts; the motors give no more than their limit."""
        wired = self._sign[self._commanded] * values
        self._data.ctrl[self._actuator] = np.clip(wired, -self.limit, self.limit)

    def grip(self, opening: float) -> None:
        """It has none."""

    def things(self) -> Mapping[str, FreeBody]:
        """Its own odometry."""
        return {"odom": self._free(0, 0)}
