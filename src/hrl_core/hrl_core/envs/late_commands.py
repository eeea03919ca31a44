"""Commands that take effect later than they are given, or never: which one is held when."""

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from hrl_core.messages import Vector


class Held(NamedTuple):
    """A command and for how many ticks it is in effect."""

    command: Vector
    ticks: int


class LateCommands:
    """One command is given at the beginning of every control period; it takes effect some ticks later.

    A tick is the least time that can be told apart, a physics step for instance. A delay of q periods and r ticks
    means: of the period that begins with command t, the first r ticks pass under command t - q - 1, the others under
    command t - q. A command that is lost is the one before it again.
    """

    def __init__(self, period: int, most_delay: int, size: int) -> None:
        """Start with a delay of nothing.

        Args:
            period: ticks of a control period.
            most_delay: longest delay there will be [ticks].
            size: elements of a command.
        """
        self._period, self._delay = period, 0
        self._room = most_delay // period + 1
        self._size = size
        self._waiting: deque[Vector] = deque([np.zeros(size)])
        """Commands t - q - 1 to t - 1, where t is the one to be given next."""

    def begin(self, delay: int, rest: Vector) -> None:
        """Begin an episode.

        Args:
            delay: of its commands [ticks].
            rest: what is held until the first one takes effect, shape (size,).
        """
        self._delay = delay
        self._waiting = deque(rest.copy() for _ in range(delay // self._period + 1))

    def give(self, command: Vector, lost: bool) -> list[Held]:
        """Give the next command, shape (size,); returns what is held in the period that begins with it, in order."""
        self._waiting.append(self._waiting[-1] if lost else np.array(command, np.float64))
        early, late = self._waiting.popleft(), self._waiting[0]
        rest = self._delay % self._period
        parts = [Held(early, rest), Held(late, self._period - rest)]
        return parts if rest else parts[1:]

    @property
    def state_size(self) -> int:
        """Numbers in a ``state``."""
        return self._room * self._size

    def state(self) -> Vector:
        """The commands on their way, padded to the longest delay, shape (state_size,)."""
        rows = np.zeros((self._room, self._size))
        rows[: len(self._waiting)] = self._waiting
        return rows.ravel()

    def restore(self, delay: int, state: Vector) -> None:
        """Go back to a ``state`` in an episode with that delay [ticks]."""
        self.begin(delay, np.zeros(self._size))
        rows = state.reshape(self._room, self._size)[: len(self._waiting)]
        self._waiting = deque(row.copy() for row in rows)


def in_ticks(seconds: float, tick: float) -> int:
    """The whole number of ticks that is nearest to a time; of a half the greater."""
    # A little more than a half: 0.03 / 0.02 must not depend on the last bit of either.
    return math.floor(seconds / tick + 0.5 + 1e-9)
