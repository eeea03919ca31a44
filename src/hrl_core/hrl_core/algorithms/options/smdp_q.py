"""Learning which option to take: SMDP Q-learning and intra-option Q-learning, many seeds side by side.

Source: Sutton, Precup & Singh (1999), sections 3.2 and 6. Options of one step make the former plain Q-learning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.options.hallway_options import DISCOUNT, Options
from hrl_core.algorithms.options.streams import Streams
from hrl_core.four_rooms import NUM_CELLS, NUM_OUTCOMES

Cells = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_MOVE, _EXPLORE, _PICK = range(3)
"""What a run draws in a step."""


@dataclass(frozen=True)
class LearningConfig:
    """How values are learned, and for how long."""

    learning_rate: float = 0.25
    """alpha; all else of the values is kept."""
    exploration: float = 0.1
    """Share of the choices that are uniformly random (epsilon)."""
    episodes: int = 200
    start: int = 0
    """Cell in which every episode begins; 0 is the north-west corner."""


class OptionValues:
    """Q(s, o) of each seed, and what is learned from a step."""

    def __init__(self, options: Options, seeds: int, learning_rate: float) -> None:
        """All values are 0.

        Args:
            options: as they end at the goal.
            seeds: how many.
            learning_rate: alpha.
        """
        self.q = np.zeros((seeds, NUM_CELLS, len(options.begins)))
        self._options, self._rate, self._rows = options, learning_rate, np.arange(seeds)
        self._may_begin = options.begins.T

    def choose(self, cells: Cells, explore: npt.NDArray[np.bool_], pick: Float64) -> Cells:
        """One of the best options that may begin in cells (seeds,); exploring, any; by a uniform number each."""
        values = self._worth(cells)
        able = self._may_begin[cells]
        best = able & (explore[:, None] | (values == values.max(axis=1, keepdims=True)))
        count = best.cumsum(axis=1)
        return (count <= (pick * count[:, -1]).astype(np.int64)[:, None]).sum(axis=1)

    def best(self, cells: Cells, at_goal: npt.NDArray[np.bool_]) -> Float64:
        """max_o Q(s, o) in cells (seeds,), 1 at the goal."""
        return np.where(at_goal, 1.0, self._worth(cells).max(axis=1))

    def learn_from_option(self, begun: Cells, option: Cells, steps: Cells, best: Float64, ended: Cells) -> None:
        """Learn from the options that are over, all of them at once (SMDP Q-learning).

        Args:
            begun: cells (seeds,) in which they began.
            option: (seeds,).
            steps: they took, (seeds,).
            best: value of the cells they led to, (seeds,).
            ended: seeds whose option is over.
        """
        # Q(s, o) += alpha (gamma^k max_o' Q(x, o') - Q(s, o)): rewards are 0, the goal's worth is in max Q
        at = ended, begun[ended], option[ended]
        self.q[at] += self._rate * (DISCOUNT ** steps[ended] * best[ended] - self.q[at])

    def learn_from_step(self, cells: Cells, actions: Cells, arrived: Cells, best: Float64) -> None:
        """Every option that would have acted so learns from a step (intra-option Q-learning).

        Args:
            cells: (seeds,), likewise the others.
            actions: taken there.
            arrived: cells they led to.
            best: value of those.
        """
        options = self._options
        alike = self._may_begin[cells] & (options.actions.T[cells] == actions[:, None])
        # U(s', o) = Q(s', o) where o goes on, else max_o' Q(s', o')
        after = np.where(options.goes_on.T[arrived], self.q[self._rows, arrived], best[:, None])
        # Q(s, o) += alpha (gamma U(s', o) - Q(s, o))
        before = self.q[self._rows, cells]
        self.q[self._rows, cells] = before + self._rate * alike * (DISCOUNT * after - before)

    def _worth(self, cells: Cells) -> Float64:
        return np.where(self._may_begin[cells], self.q[self._rows, cells], -np.inf)


def learn(
    options: Options,
    table: Cells,
    goal: int,
    seeds: Sequence[int],
    config: LearningConfig = LearningConfig(),
    intra_option: bool = False,
) -> Cells:
    """Steps of every episode, (seeds, episodes).

    Args:
        options: some of which may begin in every cell that one of them ends in.
        table: outcomes of moves, (actions, cells, outcomes).
        goal: ends an episode and is worth 1; all rewards are 0.
        seeds: of the runs; what comes of one does not depend on the others.
        config: the learning.
        intra_option: learn from every step, else from options that are over.
    """
    ending, streams, rows = options.ended_at(goal), Streams(seeds, 3), np.arange(len(seeds))
    values = OptionValues(ending, len(seeds), config.learning_rate)
    lengths, episode = np.zeros((len(seeds), config.episodes), np.int64), np.zeros(len(seeds), np.int64)
    cell, choosing = np.full(len(seeds), config.start), np.ones(len(seeds), bool)
    begun, option, steps = (np.zeros(len(seeds), np.int64) for _ in range(3))
    while (running := episode < config.episodes).any():
        drawn = streams.step()
        chosen = values.choose(cell, drawn[_EXPLORE] < config.exploration, drawn[_PICK])
        option, begun = np.where(choosing, chosen, option), np.where(choosing, cell, begun)
        steps = np.where(choosing, 1, steps + 1)
        action = ending.actions[option, cell]
        arrived = table[action, cell, (drawn[_MOVE] * NUM_OUTCOMES).astype(np.int64)]
        choosing, at_goal = ~ending.goes_on[option, arrived], arrived == goal
        best = values.best(arrived, at_goal)
        if intra_option:
            values.learn_from_step(cell, action, arrived, best)
        else:
            values.learn_from_option(begun, option, steps, best, rows[choosing])
        # Seeds that are done go on for company, unrecorded.
        lengths[rows[running], episode[running]] += 1
        episode, cell = episode + at_goal, np.where(at_goal, config.start, arrived)
    return lengths
