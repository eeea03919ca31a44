"""Puts a task's observation vector together from what a robot publishes."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from hrl_core.control.rotation import rotated
from hrl_core.errors import HrlError
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.robot_config import RobotConfig, RobotConfigError

_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
_TWIST = ("vx", "vy", "vz", "wx", "wy", "wz")
_RATE = "_rate"
_STEPS = {"1": 1.0, "step": 1.0, "1000 steps": 1e-3}


class BaseState(NamedTuple):
    """Odometry: pose in the world frame, twist in the robot's."""

    position: Vector
    """Shape (3,) [m]."""
    quaternion: Vector
    """w, x, y, z."""
    linear: Vector
    """Shape (3,), child frame [m/s]."""
    angular: Vector
    """Shape (3,), child frame [rad/s]."""


class JointStates(NamedTuple):
    """Task units, order of the robot's file."""

    position: Vector
    velocity: Vector


class Instant(NamedTuple):
    """What the streams say of one instant."""

    joints: JointStates
    base: BaseState | None
    thing: Vector | None
    """Object pose: x, y, z, qw, qx, qy, qz."""


class StateAssembler:
    """Knows for every element of the observation where its number comes from."""

    def __init__(self, config: RobotConfig, task: TaskSpec, joints: list[str]) -> None:
        """Find the sources by name.

        Args:
            config: the robot's file; its ``elements`` go before names that speak for themselves.
            task: the task.
            joints: task joints in the order of ``JointStates``.

        Raises:
            RobotConfigError: an element has no source, or one whose stream the robot's file does not have.
        """
        self._joints, self._task = joints, task
        self._quaternion: Vector | None = None
        offered = self._offers(config)
        aliases = {element.name: config.elements.get(element.name, element.name) for element in task.observation}
        missing = {name: source for name, source in aliases.items() if source not in offered and source != "time"}
        if missing:
            raise RobotConfigError(
                f"robot '{config.name}': no source for observation elements {list(missing)} of task '{task.name}'; "
                f"name one under elements:; with the streams given there are {', '.join(offered)}, time"
            )
        self._sources: list[Callable[[Mapping[str, float], int], float]] = []
        for element in task.observation:
            self._sources.append(self._source(element.name, aliases[element.name], element.unit))
        if task.unobserved_goal:
            unknown = list(task.unobserved_goal)
            raise RobotConfigError(f"task '{task.name}': goal elements {unknown} are not among the observation's")
        self._achieved = np.array(list(task.observed_goal.values()))

    def begin(self) -> None:
        """A new episode: the quaternion starts with its real part positive again."""
        self._quaternion = None

    def assemble(self, instant: Instant, step: int) -> tuple[Vector, Vector]:
        """Observation vector and achieved goal, layout of the task; raises ``HrlError`` for non-finite numbers."""
        values = self._values(instant)
        state = np.array([source(values, step) for source in self._sources])
        self._task.check_state(state, "robot state")
        return state, state[self._achieved]

    def _offers(self, config: RobotConfig) -> list[str]:
        rows = [*self._joints, *(joint + _RATE for joint in self._joints)]
        if "odometry" in config.streams:
            rows += [*_POSE, *_TWIST]
        if "object" in config.streams:
            rows += [f"object.{name}" for name in _POSE]
        return rows

    @staticmethod
    def _source(element: str, source: str, unit: str) -> Callable[[Mapping[str, float], int], float]:
        if source != "time":
            return lambda values, _step: values[source]
        if unit not in _STEPS:
            raise RobotConfigError(f"element {element}: unit '{unit}' of time; known are {', '.join(_STEPS)}")
        return lambda _values, step: step * _STEPS[unit]

    def _values(self, instant: Instant) -> dict[str, float]:
        values = dict(zip(self._joints, instant.joints.position.tolist(), strict=True))
        rates = (joint + _RATE for joint in self._joints)
        values.update(zip(rates, instant.joints.velocity.tolist(), strict=True))
        if instant.base is not None:
            base = instant.base
            quaternion = self._continuous(base.quaternion)
            world = rotated(quaternion, base.linear)
            pose = (*base.position.tolist(), *quaternion.tolist())
            values.update(zip(_POSE, pose, strict=True))
            values.update(zip(_TWIST, (*world.tolist(), *base.angular.tolist()), strict=True))
        if instant.thing is not None:
            values.update((f"object.{name}", x) for name, x in zip(_POSE, instant.thing.tolist(), strict=True))
        return values

    def _continuous(self, quaternion: Vector) -> Vector:
        """Estimators jump between q and -q, the same rotation; the policy has only seen the smooth one."""
        if not np.isfinite(quaternion).all() or not quaternion.any():
            raise HrlError(f"odometry: {quaternion.tolist()} is no orientation")
        before = self._quaternion
        flip = quaternion[0] < 0 if before is None else before.dot(quaternion) < 0
        self._quaternion = -quaternion if flip else quaternion
        return self._quaternion
