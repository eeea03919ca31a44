"""Water maze: a hidden platform, found again and again from other places."""

from enum import IntEnum
from typing import ClassVar

from hrl_core.envs.memory_task import RIGHT, MemoryTaskEnv, one_hot

SIDE = 5
"""Cells along x and y."""
CELLS = SIDE**2
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""North, east, south, west, as (x, y)."""
TWICE = 2


class _Number(IntEnum):
    """Places of the numbers that ticks depend on."""

    CELL = 0
    PLATFORM = 1
    FOUND = 2
    """How often."""
    ON_IT = 3
    """Whether it has just been found."""


class WaterMazeEnv(MemoryTaskEnv):
    """Find a platform that is not seen; it stays where it is for an episode, and who has found it is put elsewhere.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0-24 | whether one is in that cell, row by row from the south-west | 0 | 1 | 1 |
    | 25 | whether the platform has just been found, here | 0 | 1 | 1 |

    Action: 0 north, 1 east, 2 south, 3 west; from the platform any of them leads to a random other cell, and where the
    water ends one stays where one is. Each time 1, else 0. Solved: found twice.
    """

    observation_dim: ClassVar[int] = CELLS + 1
    choices: ClassVar[int] = 4

    def _begin(self) -> list[int]:
        platform = int(self.np_random.integers(CELLS))
        return [_elsewhere(platform, float(self.np_random.random())), platform, 0, 0]

    def _tick(self, action: int) -> tuple[float, bool]:
        now = self._numbers
        if now[_Number.ON_IT]:
            now[_Number.CELL] = _elsewhere(now[_Number.PLATFORM], self._random(now[_Number.FOUND]))
            now[_Number.ON_IT] = 0
            return 0.0, False
        y, x = divmod(now[_Number.CELL], SIDE)
        x, y = x + MOVES[action][0], y + MOVES[action][1]
        if 0 <= x < SIDE and 0 <= y < SIDE:
            now[_Number.CELL] = y * SIDE + x
        found = now[_Number.CELL] == now[_Number.PLATFORM]
        now[_Number.FOUND] += found
        now[_Number.ON_IT] = int(found)
        return RIGHT * found, False

    def _see(self) -> list[float]:
        return [*one_hot(self._numbers[_Number.CELL], CELLS), float(self._numbers[_Number.ON_IT])]

    def _solved(self) -> bool:
        return self._numbers[_Number.FOUND] >= TWICE


def _elsewhere(platform: int, random: float) -> int:
    """Any cell but the platform's."""
    cell = int(random * (CELLS - 1))
    return cell + (cell >= platform)


def make_water_maze(repeat: int = 1) -> WaterMazeEnv:
    """Entry point of ``hrl/WaterMaze-v0``."""
    return WaterMazeEnv(repeat)
