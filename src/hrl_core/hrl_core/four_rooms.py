"""The map of the Four Rooms and where moves lead in it: tables for planning, learning and the environment alike.

Cells are numbered from 0 in reading order, north-west to south-east. Every probability of the dynamics is a multiple of
1/36, so a move is a table of 36 equally likely outcomes: counted they are P[a, s, s'], indexed they are a draw.
"""

from enum import Enum

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

ROWS = (
    "#############",
    "#     #     #",
    "#     #     #",
    "#           #",
    "#     #     #",
    "#     #     #",
    "## ####     #",
    "#     ### ###",
    "#     #     #",
    "#     #     #",
    "#           #",
    "#     #     #",
    "#############",
)
"""North at the top; ``#`` is a wall. Places are (row, column), counted from the north-west."""
PLACES = tuple((row, column) for row, line in enumerate(ROWS) for column, at in enumerate(line) if at == " ")
"""(row, column) of every cell."""
NUMBER = {place: number for number, place in enumerate(PLACES)}
"""(row, column) -> number of the cell there."""
NUM_CELLS = len(PLACES)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""North, south, west, east, as (rows, columns)."""
NUM_ACTIONS = len(MOVES)
NUM_OUTCOMES = 36
"""Equally likely outcomes of a move; some are the same cell."""

HALLWAYS = tuple(NUMBER[place] for place in ((3, 6), (6, 2), (7, 9), (10, 6)))
"""North, west, east and south one."""


def _within(rows: tuple[int, int], columns: tuple[int, int]) -> tuple[int, ...]:
    inside = (p for p in PLACES if rows[0] <= p[0] <= rows[1] and columns[0] <= p[1] <= columns[1])
    return tuple(NUMBER[place] for place in inside)


ROOMS = (
    _within((1, 5), (1, 5)),
    _within((1, 6), (7, 11)),
    _within((7, 11), (1, 5)),
    _within((8, 11), (7, 11)),
)
"""Cells of the north-west, north-east, south-west and south-east room, without hallways."""
HALLWAYS_OF = tuple(tuple(HALLWAYS[i] for i in pair) for pair in ((0, 1), (0, 2), (1, 3), (2, 3)))
"""The two hallways of each room."""


class Dynamics(Enum):
    """Where moves lead. A move into a wall stays where it is."""

    UNRELIABLE = "unreliable"
    """The move that was meant with 2/3, each other one with 1/9 (Sutton, Precup & Singh 1999, section 2)."""
    THROWN = "thrown"
    """The move that was meant; unless a wall blocked it, with 1/3 on to any free neighbour of the cell it led to.

    So does the released code of Option-Critic (arXiv 1609.05140), and that of MLSH, whose copy it is; its comment
    tells of the other dynamics.
    """


def next_cells() -> Cells:
    """Where each action leads when nothing interferes, (4, 104)."""
    to = ((NUMBER.get((r + dr, c + dc), NUMBER[r, c]) for r, c in PLACES) for dr, dc in MOVES)
    return np.array([list(cells) for cells in to])


def outcomes(dynamics: Dynamics) -> Cells:
    """The equally likely cells (4, 104, 36) that an action in a cell leads to."""
    meant = next_cells()
    table = np.repeat(meant[:, :, None], NUM_OUTCOMES, axis=2)
    if dynamics is Dynamics.UNRELIABLE:
        for action in range(NUM_ACTIONS):
            others = np.delete(meant, action, axis=0)
            table[action, :, 24:] = np.repeat(others, 4, axis=0).T
        return table
    stays = meant == np.arange(NUM_CELLS)
    for action, cell in np.argwhere(~stays):
        at = meant[action, cell]
        neighbours = meant[~stays[:, at], at]
        table[action, cell, 24:] = np.repeat(neighbours, 12 // len(neighbours))
    return table


def transition_matrix(table: Cells) -> Float64:
    """P[a, s, s'], (4, 104, 104), of a table of outcomes."""
    return (table[..., None] == np.arange(NUM_CELLS)).mean(axis=2)
