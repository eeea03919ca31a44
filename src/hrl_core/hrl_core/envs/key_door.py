"""Key and door: two rooms, a key in the first one, the goal in the second, and nothing that shows what one holds."""

from enum import IntEnum
from typing import ClassVar

from hrl_core.envs.memory_task import RIGHT, TICK, MemoryTaskEnv, one_hot

ROOM = 3
"""Cells of a room along x and y; between the rooms is a wall of one cell."""
WIDTH, HEIGHT = 2 * ROOM + 1, ROOM
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""North, east, south, west, as (x, y)."""


class _Number(IntEnum):
    """Places of the numbers that ticks depend on."""

    X = 0
    Y = 1
    KEY = 2
    """Cell of the western room in which it lies; -1: it has been taken."""
    DOOR = 3
    """Row of the door."""
    OPEN = 4
    GOAL = 5
    """Cell of the eastern room."""
    REACHED = 6


class KeyDoorEnv(MemoryTaskEnv):
    """Take the key, open the door, reach the goal.

    | index | meaning | min | max | unit |
    |---|---|---|---|---|
    | 0-6, 7-9 | column from the west, row from the south, as one-hot vectors | 0 | 1 | 1 |
    | 10-13 | wall to the north, east, south, west | 0 | 1 | 1 |
    | 14-17, 18-21 | key, goal there | 0 | 1 | 1 |
    | 22 | closed door to the east | 0 | 1 | 1 |

    Start, key, row of the door and goal are drawn. Action: 0 north, 1 east, 2 south, 3 west. Who comes upon the key has
    it; who has it opens the door by walking into it; without it the door is a wall. 1 at the goal, which ends the
    episode, -0.01 a tick.
    """

    observation_dim: ClassVar[int] = WIDTH + HEIGHT + 3 * len(MOVES) + 1
    choices: ClassVar[int] = 4

    def _begin(self) -> list[int]:
        start, key, goal = (int(self.np_random.integers(ROOM**2)) for _ in range(3))
        door = int(self.np_random.integers(HEIGHT))
        return [start % ROOM, start // ROOM, -1 if key == start else key, door, 0, goal, 0]

    def _tick(self, action: int) -> tuple[float, bool]:
        now = self._numbers
        x, y = now[_Number.X] + MOVES[action][0], now[_Number.Y] + MOVES[action][1]
        if self._is_door(x, y) and now[_Number.KEY] < 0:
            now[_Number.OPEN] = 1
        if self._is_free(x, y):
            now[_Number.X], now[_Number.Y] = x, y
            if self._is_key(x, y):
                now[_Number.KEY] = -1
            now[_Number.REACHED] = int(self._is_goal(x, y))
        reached = bool(now[_Number.REACHED])
        return TICK + RIGHT * reached, reached

    def _see(self) -> list[float]:
        x, y = self._numbers[_Number.X], self._numbers[_Number.Y]
        around = [(x + dx, y + dy) for dx, dy in MOVES]
        closed = [self._is_door(*place) and not self._numbers[_Number.OPEN] for place in around]
        walls = [not self._is_free(*place) and not door for place, door in zip(around, closed, strict=True)]
        keys, goals = ([looks(*place) for place in around] for looks in (self._is_key, self._is_goal))
        return [*one_hot(x, WIDTH), *one_hot(y, HEIGHT), *map(float, (*walls, *keys, *goals, any(closed)))]

    def _solved(self) -> bool:
        return bool(self._numbers[_Number.REACHED])

    def _is_free(self, x: int, y: int) -> bool:
        inside = 0 <= x < WIDTH and 0 <= y < HEIGHT
        return inside and (x != ROOM or (y == self._numbers[_Number.DOOR] and bool(self._numbers[_Number.OPEN])))

    def _is_door(self, x: int, y: int) -> bool:
        return (x, y) == (ROOM, self._numbers[_Number.DOOR])

    def _is_key(self, x: int, y: int) -> bool:
        return (x, y) == _place(self._numbers[_Number.KEY], 0)

    def _is_goal(self, x: int, y: int) -> bool:
        return (x, y) == _place(self._numbers[_Number.GOAL], ROOM + 1)


def _place(cell: int, west: int) -> tuple[int, int] | None:
    """Column and row of a cell of the room that begins at column ``west``; None: of none."""
    return None if cell < 0 else (west + cell % ROOM, cell // ROOM)


def make_key_door(repeat: int = 1) -> KeyDoorEnv:
    """Entry point of ``hrl/KeyDoor-v0``."""
    return KeyDoorEnv(repeat)
