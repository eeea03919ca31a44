"""T-maze: a sign at the beginning of a corridor says which way to turn at its end."""

from enum import IntEnum
from typing import ClassVar

from hrl_core.envs.memory_task import RIGHT, TICK, WRONG, MemoryTaskEnv, one_hot


class _Number(IntEnum):
    """Places of the numbers that ticks depend on."""

    SIGN = 0
    """Which side is right: 0 left, 1 right."""
    POSITION = 1
    """Cells from the beginning."""
    TICKS = 2
    TURNED = 3
    """0: not yet; 1: to the wrong side, 2: to the right one."""


class TMazeEnv(MemoryTaskEnv):
    """Go along a corridor and turn to the side that was shown at the first tick.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0, 1 | left, or right, is shown; at the first tick alone | 0 | 1 | 1 |
    | 2, 3 | in the corridor, at the junction | 0 | 1 | 1 |
    | 4 | a random number | 0 | 1 | 1 |

    Action: 0 stay, 1 ahead, 2 left, 3 right; a turn within the corridor leads nowhere. At the junction it ends the
    episode: 1 for the right side, -0.1 for the wrong one; -0.01 a tick. With -1 for the wrong side the expected gain
    of a turn by chance is 0, and who cannot remember learns never to turn.
    """

    observation_dim: ClassVar[int] = 5
    choices: ClassVar[int] = 4

    def __init__(self, length: int = 10, repeat: int = 1) -> None:
        """Make the spaces.

        Args:
            length: cells of the corridor.
            repeat: ticks for which an action is taken.

        Raises:
            ValueError: there is no corridor.
        """
        super().__init__(repeat)
        if length < 1:
            raise ValueError(f"length: at least 1, got {length}")
        self._length = length

    def _begin(self) -> list[int]:
        return [int(self.np_random.integers(2)), 0, 0, 0]

    def _tick(self, action: int) -> tuple[float, bool]:
        now = self._numbers
        now[_Number.TICKS] += 1
        if action == 1:
            now[_Number.POSITION] = min(now[_Number.POSITION] + 1, self._length)
        elif action > 1 and now[_Number.POSITION] == self._length:
            right = action - 2 == now[_Number.SIGN]
            now[_Number.TURNED] = 1 + right
            return TICK + (RIGHT if right else WRONG), True
        return TICK, False

    def _see(self) -> list[float]:
        sign, position, ticks, _ = self._numbers
        shown = one_hot(sign if ticks == 0 else -1, 2)
        at_junction = position == self._length
        return [*shown, float(not at_junction), float(at_junction), self._random(ticks)]

    def _solved(self) -> bool:
        return self._numbers[_Number.TURNED] == 2


def make_t_maze(length: int = 10, repeat: int = 1) -> TMazeEnv:
    """Entry point of ``hrl/TMaze-v0``."""
    return TMazeEnv(length, repeat)
