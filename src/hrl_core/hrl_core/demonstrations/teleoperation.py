"""A person acts, with the axes and buttons of a joystick (sensor_msgs/Joy) as elements of the action."""

import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hrl_core.errors import HrlError
from hrl_core.hierarchy.policies import ActionChoice
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Vector
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec

PATIENCE = 0.5
"""Seconds without a word of the joystick after which it counts as let go."""
_WORD = re.compile(r"(?P<sign>-?)(?P<kind>b?)(?P<number>\d{1,2})")
_NONE = "."


class Control(NamedTuple):
    """What moves one element of the action."""

    number: int
    """Of the axis or button."""
    button: bool
    sign: float

    def read(self, axes: Sequence[float], buttons: Sequence[int]) -> float:
        """Where it stands, from -1 to 1; a button that is not pressed is at -1, what there is not is at 0."""
        values = buttons if self.button else axes
        if self.number >= len(values):
            return 0.0
        value = 2.0 * bool(values[self.number]) - 1.0 if self.button else float(values[self.number])
        return self.sign * float(np.clip(np.nan_to_num(value), -1.0, 1.0))


def parse_controls(text: str, task: TaskSpec) -> tuple[Control | None, ...]:
    """Controls of a task's actions, in order.

    Args:
        text: a word an element: ``0`` an axis, ``-0`` the same reversed, ``b4`` a button, ``.`` nothing; empty: the
            axes in order.
        task: whose actions they are.

    Raises:
        HrlError: there are more or fewer words than elements, or one that is none; or actions are choices.
    """
    names = [actuator.name for actuator in task.action]
    if task.choices:
        raise HrlError(f"task '{task.name}' has actions to choose from: a joystick moves numbers")
    words = text.split() or [str(k) for k in range(len(names))]
    if len(words) != len(names):
        raise HrlError(
            f"controls '{text}': {len(words)} words; task '{task.name}' wants {len(names)}, for {', '.join(names)}"
        )
    return tuple(_control(word, text) for word in words)


def _control(word: str, text: str) -> Control | None:
    if word == _NONE:
        return None
    found = _WORD.fullmatch(word)
    if found is None:
        raise HrlError(f"controls '{text}': '{word}' is none; say 0 (axis), -0 (reversed), b4 (button) or {_NONE}")
    return Control(int(found["number"]), found["kind"] == "b", -1.0 if found["sign"] else 1.0)


class Teleoperator:
    """Acts in the place of a policy as the joystick stands; let go, in the middle of every element."""

    def __init__(
        self,
        task: TaskSpec,
        controls: Sequence[Control | None],
        version: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait for the joystick's first word.

        Args:
            task: the task.
            controls: as of ``parse_controls``.
            version: of the policy in whose place it acts.
            clock: seconds that pass.
        """
        self.version, self._controls, self._clock = version, controls, clock
        self._middle = (task.action_low + task.action_high) / 2
        self._half_range = (task.action_high - task.action_low) / 2
        self._stands, self._heard = np.zeros(len(controls)), -np.inf

    def take(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        """Take what the joystick says."""
        self._heard = self._clock()
        self._stands = np.array([0.0 if c is None else c.read(axes, buttons) for c in self._controls])

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Demonstrate a step."""
        del state, task, draws
        held = self._clock() - self._heard <= PATIENCE
        value = self._middle + held * self._half_range * self._stands
        return ActionChoice(value, intended=value)

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False
