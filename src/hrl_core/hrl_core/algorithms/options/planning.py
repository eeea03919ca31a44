"""Planning with options: what each leads to, and value iteration that takes one as one step.

Source: Sutton, Precup & Singh (1999), section 3; Precup & Sutton, "Multi-time models" (1998).
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.options.hallway_options import DISCOUNT, Options
from hrl_core.four_rooms import NUM_CELLS

Float64 = npt.NDArray[np.float64]


def models(options: Options, matrix: Float64) -> Float64:
    """Discounted distribution over the cells in which each option ends, (options, cells, cells).

    m_o(s, x) = E[gamma^k 1(s_k = x)] for option o begun in s and over after k steps. Rows of cells in which it neither
    begins nor goes on mean nothing.

    Args:
        options: as they end at the goal (``ended_at``).
        matrix: P[a, s, s'], (actions, cells, cells).
    """
    return np.stack([_model(*option, matrix) for option in zip(options.actions, options.goes_on, strict=True)])


def _model(actions: npt.NDArray[np.int64], goes_on: npt.NDArray[np.bool_], matrix: Float64) -> Float64:
    cells = np.arange(NUM_CELLS)
    followed, on = matrix[actions, cells], np.diag(goes_on.astype(np.float64))
    # m = gamma P_pi (E + C m), C: cells in which it goes on, E = 1 - C: those in which it ends
    # => (1 - gamma P_pi C) m = gamma P_pi E
    one = np.eye(NUM_CELLS)
    return np.linalg.solve(one - DISCOUNT * followed @ on, DISCOUNT * followed @ (one - on)).astype(np.float64)


def value_iteration(options: Options, matrix: Float64, goal: int, iterations: int) -> Float64:
    """Values of all cells after 0, 1, ... iterations, (iterations + 1, cells).

    All rewards are 0; the goal ends an episode and is worth 1.

    Args:
        options: some of which may be chosen in every cell.
        matrix: P[a, s, s'], (actions, cells, cells).
        goal: a cell.
        iterations: of all cells at once, each from the values of the one before.
    """
    ending = options.ended_at(goal)
    led_to = models(ending, matrix)
    values = np.zeros((iterations + 1, NUM_CELLS))
    values[:, goal] = 1.0
    for before, after in pairwise(values):
        # V(s) <- max_o sum_x m_o(s, x) V(x), o among those that may begin in s
        worth = np.where(ending.begins, led_to @ before, -np.inf).max(axis=0)
        after[:] = np.where(np.arange(NUM_CELLS) == goal, 1.0, worth)
    return values
