"""Options: where each may begin, what it does, where it goes on; and the eight that walk to a hallway.

Source: Sutton, Precup & Singh, "Between MDPs and semi-MDPs", Artificial Intelligence 112 (1999), sections 2 and 3.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.four_rooms import HALLWAYS_OF, NUM_ACTIONS, NUM_CELLS, ROOMS

Float64 = npt.NDArray[np.float64]
DISCOUNT = 0.9
_DECIMALS = 12
"""Values that differ by rounding alone are the same: the first action takes a tie on every machine."""


class Options(NamedTuple):
    """Options as tables, one row each; an action is an option that goes on nowhere."""

    begins: npt.NDArray[np.bool_]
    """Cells in which it may be chosen, (options, cells)."""
    actions: npt.NDArray[np.int64]
    """What it does in a cell, (options, cells); 0 where it never is."""
    goes_on: npt.NDArray[np.bool_]
    """Cells that do not end it when they are entered, (options, cells)."""

    def and_also(self, others: "Options") -> "Options":
        """These, then the others."""
        return Options(
            np.concatenate((self.begins, others.begins)),
            np.concatenate((self.actions, others.actions)),
            np.concatenate((self.goes_on, others.goes_on)),
        )

    def ended_at(self, goal: int) -> "Options":
        """The same where the goal ends everything: nothing begins there, nothing goes on."""
        elsewhere = np.arange(NUM_CELLS) != goal
        return self._replace(begins=self.begins & elsewhere, goes_on=self.goes_on & elsewhere)


def primitive_actions() -> Options:
    """The four moves as options of one step, which may begin anywhere."""
    everywhere = np.ones((NUM_ACTIONS, NUM_CELLS), bool)
    return Options(everywhere, np.repeat(np.arange(NUM_ACTIONS)[:, None], NUM_CELLS, axis=1), ~everywhere)


def hallway_options(matrix: Float64) -> Options:
    """Two options for each room, one for each of its hallways: walk there, from the room or from its other hallway.

    They end on leaving the room, through whichever hallway.

    Args:
        matrix: P[a, s, s'], (actions, cells, cells).
    """
    begins, goes_on = (np.zeros((2 * len(ROOMS), NUM_CELLS), bool) for _ in range(2))
    actions = np.zeros((2 * len(ROOMS), NUM_CELLS), np.int64)
    pairs = [(room, target) for room, hallways in enumerate(HALLWAYS_OF) for target in hallways]
    for number, (room, target) in enumerate(pairs):
        (other,) = set(HALLWAYS_OF[room]) - {target}
        goes_on[number, list(ROOMS[room])] = True
        begins[number] = goes_on[number]
        begins[number, other] = True
        actions[number] = np.where(begins[number], _way_to(target, begins[number], matrix), 0)
    return Options(begins, actions, goes_on)


def _way_to(target: int, within: npt.NDArray[np.bool_], matrix: Float64) -> npt.NDArray[np.int64]:
    """Actions (cells,) that are best for reaching a cell without leaving others, by value iteration."""
    values = np.zeros(NUM_CELLS)
    values[target] = 1.0
    while True:
        # V(s) = max_a gamma sum_s' P[a, s, s'] V(s') within, 1 at the target, 0 elsewhere
        worth = DISCOUNT * matrix @ values
        better = np.where(within, worth.max(axis=0), values)
        if np.abs(better - values).max() < 10.0**-_DECIMALS / 100:
            return worth.round(_DECIMALS).argmax(axis=0)
        values = better
