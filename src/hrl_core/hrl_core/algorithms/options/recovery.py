"""How quickly Option-Critic finds a goal that has moved: the experiment of the paper's figure 2, and its figures."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.options.option_critic_tabular import Lived, OptionCritic, OptionCriticConfig, live
from hrl_core.four_rooms import HALLWAYS, NUM_CELLS, PLACES

Cells = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
EPISODES = 2000
MOVED_AFTER = 1000
FIRST_GOAL = HALLWAYS[2]
LOWER_RIGHT = tuple(cell for cell in range(FIRST_GOAL, NUM_CELLS) if PLACES[cell][1] >= 7)
"""Cells that the goal moves to: the lower right room and the hallway above it."""
WINDOWS = ((0, 50), (900, 1000), (1000, 1050), (1000, 1200), (1900, 2000))
"""Episodes whose lengths are told: the first, the last, and the one after the last."""


class Recovery(NamedTuple):
    """What came of it."""

    lived: Lived
    agent: OptionCritic
    """As it has learned until the end."""
    goals: Cells
    """Where the goal was last, (seeds,)."""

    def steps(self, window: tuple[int, int]) -> Float64:
        """Mean steps of an episode of each seed within a window, (seeds,)."""
        return self.lived.lengths[:, slice(*window)].mean(axis=1)

    def option_length(self) -> float:
        """Mean steps of an option."""
        return float(self.lived.lengths.sum() / self.lived.chosen.sum())


def moved_goals(seeds: Sequence[int]) -> Cells:
    """Where the goal of each seed moves, (seeds,): a cell of the lower right, the same for any number of options."""
    # A second word keeps it apart from what the seed's episodes draw.
    return np.array([np.random.default_rng([seed, 1]).choice(LOWER_RIGHT) for seed in seeds])


def recover(config: OptionCriticConfig, seeds: Sequence[int], episodes: int = EPISODES) -> Recovery:
    """Learn to reach the first goal, then, from episode 1000 on, another one."""
    moved = moved_goals(seeds)
    goals = np.full((len(seeds), episodes), FIRST_GOAL)
    goals[:, MOVED_AFTER:] = moved[:, None]
    agent = OptionCritic(config, len(seeds))
    return Recovery(live(agent, goals, seeds), agent, moved)


def evaluate(recovery: Recovery, seeds: Sequence[int], episodes: int, greedy: bool) -> Float64:
    """Mean steps of each seed to where its goal was last, without learning, (seeds,); drawing or greedy."""
    agent = recovery.agent
    agent.greedy = greedy
    goals = np.repeat(recovery.goals[:, None], episodes, axis=1)
    lengths = live(agent, goals, seeds, learning=False).lengths
    agent.greedy = False
    return lengths.mean(axis=1)
