"""Between the task's joints and the robot's: by name, with sign, offset and scale."""

from collections.abc import Sequence

import numpy as np

from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_robot.robot_config import RobotConfig, RobotConfigError

_MARGIN = 1e-6


class JointMap:
    """Converts states and commands; the order of names in messages is the robot's affair and may change."""

    def __init__(self, config: RobotConfig, task: TaskSpec) -> None:
        """Prepare the conversion; raises ``RobotConfigError`` unless robot and task have the same joints."""
        config.require_task(task)
        self.joints = list(config.joints)
        """Task joints in the order of the robot's file; states come in this order."""
        rows = list(config.joints.values())
        self._names = [row.name for row in rows]
        self._ignored = set(config.ignore)
        self._sign = np.array([row.sign for row in rows])
        self._scale = np.array([row.scale for row in rows])
        self._offset = np.array([row.offset for row in rows])
        self._low = np.array([row.position[0] for row in rows])
        self._high = np.array([row.position[1] for row in rows])
        self.actions = np.array([self.joints.index(actuator.name) for actuator in task.action])
        """Place of each action element among the joints."""
        by_name = {name: place for place, name in enumerate(self._names)}
        places = {int(joint): action for action, joint in enumerate(self.actions)}
        self._order = np.array([places[by_name[name]] for name in config.command.order])
        unit = np.array([row.unit for row in rows])
        self.unit = unit[self.actions]
        """What an action of 1 stands for on the task's side, in the order of the action."""
        self._factor, self._zero = self._per_action(config, unit)
        self._seen: tuple[str, ...] = ()
        self._places = np.empty(0, int)

    def check(self, names: Sequence[str], position: Sequence[float]) -> None:
        """Compare a first state message with the file.

        Raises:
            RobotConfigError: joints are missing, extra, doubled or where they cannot be, by name.
        """
        self._find(tuple(names))
        if len(position) != len(names):
            raise RobotConfigError(f"joint_states: {len(names)} names but {len(position)} positions")
        values = self._positions(np.asarray(position, float)[self._places])
        outside = ~((values >= self._low - _MARGIN) & (values <= self._high + _MARGIN))
        if outside.any():
            rows = [
                f"{self._names[i]} ({self.joints[i]}) at {values[i]:.3f}, allowed {self._low[i]:g} to {self._high[i]:g}"
                for i in np.flatnonzero(outside)
            ]
            raise RobotConfigError(
                f"joint_states: out of range in task units: {'; '.join(rows)}; check sign, offset and scale"
            )

    def state(self, names: Sequence[str], position: Vector, velocity: Vector) -> tuple[Vector, Vector]:
        """Positions and velocities in task units, order of ``joints``; raises ``RobotConfigError`` as ``check`` does.

        Args:
            names: of the message, any order.
            position: as long as ``names`` [rad].
            velocity: as long as ``names`` [rad/s].
        """
        self._find(tuple(names))
        if len(position) != len(names) or len(velocity) != len(names):
            raise RobotConfigError(
                f"joint_states: {len(names)} names, {len(position)} positions, {len(velocity)} velocities"
            )
        return self._positions(position[self._places]), velocity[self._places] * self._sign / self._scale

    def command(self, action: Vector) -> Vector:
        """What the controller is sent for an action, in the controller's order and units."""
        return (self._factor * action + self._zero)[self._order]

    def action(self, command: Vector) -> Vector:
        """The action that a command stands for: the inverse of ``command``; 0 for a gripper's fingers."""
        robot = self._zero.copy()
        robot[self._order] = command
        return (robot - self._zero) / self._factor

    def understood(self, command: Sequence[float]) -> Vector | None:
        """As ``action``, of what anybody may have sent; None: the controller takes no such command."""
        sound = len(command) == len(self._order) and np.isfinite(command).all()
        return self.action(np.asarray(command, float)) if sound else None

    def _per_action(self, config: RobotConfig, unit: Vector) -> tuple[Vector, Vector]:
        """What a command is: a factor times the action, and what it is for an action of 0; order of the action."""
        joint, interface = self.actions, config.command.interface
        factor = self._sign * unit * (1 / self._scale if interface == "effort" else self._scale)
        zero = self._offset if interface == "position" else np.zeros(len(factor))
        return factor[joint], zero[joint]

    def _positions(self, robot: Vector) -> Vector:
        return (robot - self._offset) * self._sign / self._scale

    def _find(self, names: tuple[str, ...]) -> None:
        if names == self._seen:
            return
        wanted = set(self._names)
        missing = sorted(wanted - set(names))
        extra = sorted(set(names) - wanted - self._ignored)
        doubled = sorted({name for name in names if names.count(name) > 1})
        if missing or extra or doubled:
            raise RobotConfigError(
                f"joint_states does not fit the robot's file: missing {missing}, extra {extra} (list them under "
                f"ignore if they are of no use), more than once {doubled}; the file has {self._names}"
            )
        self._seen, self._places = names, np.array([names.index(name) for name in self._names])
