"""Non-match: an object is shown; a while later there are two, and the other one is right."""

from enum import IntEnum
from typing import ClassVar

from hrl_core.envs.memory_task import RIGHT, TICK, WRONG, MemoryTaskEnv, one_hot

OBJECTS = 4
SHOWN = 2
"""Ticks for which the first object is seen."""
WAY = 3
"""Steps to either side to where the objects are."""


class _Number(IntEnum):
    """Places of the numbers that ticks depend on."""

    SAMPLE = 0
    """The object that is shown."""
    OTHER = 1
    SIDE = 2
    """Where the other one will be: 0 left, 1 right."""
    POSITION = 3
    """From the middle, to the right."""
    TICKS = 4
    TAKEN = 5
    """0: none yet; 1: the one that was shown, 2: the other."""


class NonMatchEnv(MemoryTaskEnv):
    """Walk to the object that was not shown.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0-3 | the object that is shown, for two ticks | 0 | 1 | 1 |
    | 4-7, 8-11 | once there are two: the left, the right one | 0 | 1 | 1 |
    | 12 | place, from left to right | -1 | 1 | 3 steps |
    | 13 | whether there are two | 0 | 1 | 1 |
    | 14 | a random number | 0 | 1 | 1 |

    Action: 0 stay, 1 left, 2 right; before there are two objects one stays where one is. At an object the episode is
    over: 1 for the one that was not shown, -0.1 for the other; -0.01 a tick.
    """

    observation_dim: ClassVar[int] = 15
    choices: ClassVar[int] = 3

    def __init__(self, blank: int = 8, repeat: int = 1) -> None:
        """Make the spaces.

        Args:
            blank: ticks at which nothing is seen.
            repeat: ticks for which an action is taken.

        Raises:
            ValueError: less than none.
        """
        super().__init__(repeat)
        if blank < 0:
            raise ValueError(f"blank: at least 0, got {blank}")
        self._first = SHOWN + blank
        """Tick from which on there are two."""

    def _begin(self) -> list[int]:
        sample = int(self.np_random.integers(OBJECTS))
        other = (sample + 1 + int(self.np_random.integers(OBJECTS - 1))) % OBJECTS
        return [sample, other, int(self.np_random.integers(2)), 0, 0, 0]

    def _tick(self, action: int) -> tuple[float, bool]:
        now = self._numbers
        now[_Number.TICKS] += 1
        # What is done at a tick is done before the next one, at which there may be two.
        if now[_Number.TICKS] > self._first:
            now[_Number.POSITION] += (0, -1, 1)[action]
        if abs(now[_Number.POSITION]) < WAY:
            return TICK, False
        right = (now[_Number.POSITION] > 0) == bool(now[_Number.SIDE])
        now[_Number.TAKEN] = 1 + right
        return TICK + (RIGHT if right else WRONG), True

    def _see(self) -> list[float]:
        sample, other, side, position, ticks, _ = self._numbers
        two = ticks >= self._first
        left, right = (sample, other) if side else (other, sample)
        shown = one_hot(sample if ticks < SHOWN else -1, OBJECTS)
        ahead = [*one_hot(left if two else -1, OBJECTS), *one_hot(right if two else -1, OBJECTS)]
        return [*shown, *ahead, position / WAY, float(two), self._random(ticks)]

    def _solved(self) -> bool:
        return self._numbers[_Number.TAKEN] == 2


def make_non_match(blank: int = 8, repeat: int = 1) -> NonMatchEnv:
    """Entry point of ``hrl/NonMatch-v0``."""
    return NonMatchEnv(blank, repeat)
