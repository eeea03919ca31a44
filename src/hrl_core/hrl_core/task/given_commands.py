"""Commands given before, as part of an observation: ``hip_4_command_2`` is what ``hip_4`` was told two steps ago.

Where commands take effect late, some are still on their way when the next one is chosen; who observes them need not
guess what will move the body first. They are remembered where observations are made: in an environment, in a bridge.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hrl_core.errors import TaskError
from hrl_core.messages import Vector
from hrl_core.typed_fields import FieldError

if TYPE_CHECKING:
    from hrl_core.task.spec import TaskSpec

_NAME = re.compile(r"(.+)_command_([1-9]\d{0,2})")
MOST = 100
"""Steps that a command observed may lie back."""


class ObservedCommand(NamedTuple):
    """One element of an observation."""

    actuator: int
    """Element of the action."""
    ago: int
    """Steps since it was told; 1: by the newest action."""


def observed_commands(observation: Sequence[str], action: Sequence[str]) -> tuple[ObservedCommand, ...]:
    """The commands at the end of an observation, in its order.

    Args:
        observation: names of its elements.
        action: names of the actuators.

    Raises:
        FieldError: something else lies behind a command.
    """
    found = [_command(name, action) for name in observation]
    commands = tuple(command for command in found if command is not None)
    for i, command in enumerate(found[: len(found) - len(commands)]):
        if command is not None:
            problem = f"{observation[i]} is a command given before: these come last, behind what the environment tells"
            raise FieldError(("observation", i), problem)
    return commands


def with_observed_commands(task: "TaskSpec", steps: int) -> "TaskSpec":
    """The task with the commands of the newest ``steps`` steps at the end of its observation, under another name.

    Raises:
        TaskError: it observes some already, or its actions are choices; or no such number of steps.
    """
    from hrl_core.task.spec import Element

    if not 1 <= steps <= MOST:
        raise TaskError(f"commands of {steps} steps: must be 1 to {MOST}")
    if task.observed_commands:
        raise TaskError(f"task '{task.name}' observes {len(task.observed_commands)} commands already")
    if task.choices:
        raise TaskError(f"task '{task.name}': its actions are numbers of choices, which mean nothing as quantities")
    commands = [
        Element(f"{actuator.name}_command_{ago}", actuator.unit, "-")
        for ago in range(1, steps + 1)
        for actuator in task.action
    ]
    name = f"{task.name}_commands_{steps}"
    return dataclasses.replace(task, name=name, observation=(*task.observation, *commands))


class GivenCommands:
    """Remembers the newest actions for a task that observes them; of another task nothing."""

    def __init__(self, task: "TaskSpec") -> None:
        """Start as an episode does."""
        self._rest = np.zeros(len(task.action)).clip(task.action_low, task.action_high)
        self._actuators = np.array([command.actuator for command in task.observed_commands], np.int64)
        self._back = np.array([command.ago - 1 for command in task.observed_commands], np.int64)
        self._steps = int(self._back.max(initial=-1)) + 1
        self.begin()

    def __len__(self) -> int:
        """Commands that are observed."""
        return len(self._back)

    def begin(self) -> None:
        """Begin an episode: before it every actuator was told what is nearest to zero."""
        self._newest = np.tile(self._rest, (self._steps, 1))

    def give(self, action: Vector) -> None:
        """Remember an action (action_dim,) as it is sent, whenever and whether it arrives."""
        if self._steps:
            self._newest = np.concatenate((action[None], self._newest[:-1]))

    @property
    def observed(self) -> Vector:
        """What stands at the end of the observation, shape (number of commands,)."""
        return self._newest[self._back, self._actuators]

    @property
    def state_size(self) -> int:
        """Numbers in a ``state``."""
        return self._newest.size

    def state(self) -> Vector:
        """Everything that is remembered, shape (state_size,)."""
        return self._newest.ravel()

    def restore(self, state: Vector) -> None:
        """Go back to a ``state``."""
        self._newest = state.reshape(self._newest.shape).copy()


def _command(name: str, action: Sequence[str]) -> ObservedCommand | None:
    """What an element is called for; None: it is no command of one of the actuators."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in action:
        return None
    return ObservedCommand(action.index(match[1]), int(match[2]))
