"""Puts a task's observation vector together from what a robot publishes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from hrl_core.control.rotation import rotated
from hrl_core.errors import HrlError
from hrl_core.messages import NO_VECTOR, Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.robot_config import JOINT_STATES, JOINTS, ODOMETRY, RobotConfig, RobotConfigError

_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
_TWIST = ("vx", "vy", "vz", "wx", "wy", "wz")
_RATE = "_rate"
_BY = (".", "_")
"""Between a thing's name and what it is of it: ``kettle.x``, or an element that is called ``kettle_x``."""
_STEPS = {"1": 1.0, "step": 1.0, "1000 steps": 1e-3}


class BodyState(NamedTuple):
    """Odometry: pose in the world frame, twist in the body's."""

    position: Vector
    """Shape (3,) [m]."""
    quaternion: Vector
    """w, x, y, z."""
    linear: Vector = np.zeros(3)
    """Shape (3,), child frame [m/s]."""
    angular: Vector = np.zeros(3)
    """Shape (3,), child frame [rad/s]."""


class JointStates(NamedTuple):
    """Task units, order of the robot's file."""

    position: Vector
    velocity: Vector


class Instant(NamedTuple):
    """What the streams say of one instant."""

    joints: JointStates
    bodies: Mapping[str, BodyState | JointStates] = MappingProxyType({})
    """Every other stream's; ``odometry`` is the robot's own."""


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
        self._streams = {name: stream for name, stream in config.streams.items() if name != JOINT_STATES}
        self._quaternions: dict[str, Vector] = {}
        offered = self._offers()
        # Commands given before are remembered where they are sent.
        told = task.observation[: task.told_by_environment]
        aliases = {element.name: config.elements.get(element.name, element.name) for element in told}
        missing = {name: source for name, source in aliases.items() if source not in offered and source != "time"}
        if missing:
            raise RobotConfigError(
                f"robot '{config.name}': no source for observation elements {list(missing)} of task '{task.name}'; "
                f"name one under elements:; with the streams given there are {', '.join(offered)}, time"
            )
        self._sources: list[Callable[[Mapping[str, float], int], float]] = []
        for element in told:
            self._sources.append(self._source(element.name, aliases[element.name], element.unit))
        if task.unobserved_goal:
            unknown = list(task.unobserved_goal)
            raise RobotConfigError(f"task '{task.name}': goal elements {unknown} are not among the observation's")
        self._achieved = np.array(list(task.observed_goal.values()))

    def begin(self) -> None:
        """A new episode: quaternions start with their real part positive again."""
        self._quaternions.clear()

    def assemble(self, instant: Instant, step: int, commands: Vector = NO_VECTOR) -> tuple[Vector, Vector]:
        """Observation vector and achieved goal, layout of the task; raises ``HrlError`` for non-finite numbers.

        Args:
            instant: what the streams say.
            step: of the episode.
            commands: given before, where the task observes them.
        """
        values = self._values(instant)
        state = np.concatenate(([source(values, step) for source in self._sources], commands))
        self._task.check_state(state, "robot state")
        return state, state[self._achieved]

    def _offers(self) -> list[str]:
        rows = list(_joint_names(self._joints))
        for name, stream in self._streams.items():
            if stream.kind == JOINTS:
                rows += _joint_names(stream.joints)
            elif name == ODOMETRY:
                rows += [*_POSE, *_TWIST]
            else:
                rows += [f"{name}{by}{part}" for by in _BY for part in (_POSE, _POSE + _TWIST)[stream.kind == ODOMETRY]]
        return rows

    @staticmethod
    def _source(element: str, source: str, unit: str) -> Callable[[Mapping[str, float], int], float]:
        if source != "time":
            return lambda values, _step: values[source]
        if unit not in _STEPS:
            raise RobotConfigError(f"element {element}: unit '{unit}' of time; known are {', '.join(_STEPS)}")
        return lambda _values, step: step * _STEPS[unit]

    def _values(self, instant: Instant) -> dict[str, float]:
        values = dict(_numbered(self._joints, instant.joints))
        for name, state in instant.bodies.items():
            if isinstance(state, JointStates):
                values.update(_numbered(self._streams[name].joints, state))
                continue
            quaternion = self._continuous(name, state.quaternion)
            world = rotated(quaternion, state.linear)
            told = (*state.position.tolist(), *quaternion.tolist(), *world.tolist(), *state.angular.tolist())
            for start in ("",) if name == ODOMETRY else [name + by for by in _BY]:
                values.update(zip([start + part for part in _POSE + _TWIST], told, strict=True))
        return values

    def _continuous(self, name: str, quaternion: Vector) -> Vector:
        """Estimators jump between q and -q, the same rotation; the policy has only seen the smooth one."""
        if not np.isfinite(quaternion).all() or not quaternion.any():
            raise HrlError(f"{name}: {quaternion.tolist()} is no orientation")
        before = self._quaternions.get(name)
        flip = quaternion[0] < 0 if before is None else before.dot(quaternion) < 0
        self._quaternions[name] = -quaternion if flip else quaternion
        return self._quaternions[name]


def _joint_names(joints: Sequence[str]) -> Iterator[str]:
    yield from joints
    yield from (joint + _RATE for joint in joints)


def _numbered(joints: Sequence[str], states: JointStates) -> Iterator[tuple[str, float]]:
    return zip(_joint_names(joints), (*states.position.tolist(), *states.velocity.tolist()), strict=True)
