"""What HAC learns from (arXiv 1712.00948, section 4): every level as if the one below were perfect already.

Pure: rows follow from a recorded episode and a generator.
"""

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hac.config import HacConfig
from hrl_core.algorithms.hac.lived import Decisions, Float64, Index, Lived
from hrl_core.algorithms.hac.pursuits import Pursuit, TaskPursuit, pursuit
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.replay.rows import Rows, joined
from hrl_core.task.spec import TaskSpec


def level_rows(
    task: TaskSpec, hierarchy: HierarchySpec, config: HacConfig, episode: Lived, level: int, rng: np.random.Generator
) -> Rows:
    """Rows of a level, 0 the worker's, from one whole episode.

    Hindsight actions first, one for each decision; then hindsight goals; then the penalties of subgoal tests.
    """
    decisions, own = episode.levels[level], pursuit(task, hierarchy, level)
    make = _RowMaker(episode, own, decisions, config.discount, config.worst(task))
    every = np.arange(len(decisions.starts))
    goals = _goals(episode, own, level)
    actions = decisions.values if level == 0 else hindsight_actions(episode, pursuit(task, hierarchy, level - 1), level)
    rows = [make.rows(every, actions, goals)]
    # Hindsight goals (section 4.2): the same decisions for what was reached later in the same sequence.
    which, later = hindsight_goals(decisions.served, config.hindsight_goals, rng)
    reached = make.positions[decisions.ends[later]]
    if config.drop_reached_starts:
        kept = ~own.holds(reached, make.positions[decisions.starts[which]])
        which, reached = which[kept], reached[kept]
    rows.append(make.rows(which, actions[which], reached))
    if level > 0:
        rows.append(_penalties(make, goals, config.test_penalty or hierarchy.levels[level - 1].horizon))
    return joined(rows)


def hindsight_actions(episode: Lived, below: Pursuit, level: int) -> Float64:
    """What a perfect level below would have been asked for (section 4.1).

    a = the subgoal where it was reached, else the state that was reached instead
    """
    decisions = episode.levels[level]
    return np.where(decisions.reached[:, None], decisions.values, below.positions(episode)[decisions.ends])


def hindsight_goals(sequences: Index, count: int, rng: np.random.Generator) -> tuple[Index, Index]:
    """For each decision ``count`` times: its number, and that of a later or the same one of its sequence (future)."""
    first = np.arange(len(sequences))
    last = np.searchsorted(sequences, sequences, side="right") - 1
    which = np.repeat(first, count)
    later = which + (rng.random(len(which)) * (last - first + 1)[which]).astype(np.int64)
    return which, later


def _penalties(make: "_RowMaker", goals: Float64, penalty: float) -> Rows:
    """Tested subgoals that the level below missed with all its attempts (section 4.3): r = -H, nothing follows."""
    decisions = make.decisions
    missed = np.flatnonzero(decisions.tests & decisions.missed)
    rows = make.rows(missed, decisions.values[missed], goals[missed])
    return rows._replace(rewards=np.full_like(rows.rewards, -penalty), discounts=np.zeros_like(rows.discounts))


def _goals(episode: Lived, own: Pursuit, level: int) -> Float64:
    """What each decision of a level pursued, shape (decisions, dim)."""
    decisions = episode.levels[level]
    if isinstance(own, TaskPursuit):
        return episode.task_goals[decisions.starts]
    return episode.levels[level + 1].values[decisions.served]


class _RowMaker:
    """Rows of decisions under goals of any choice."""

    def __init__(self, episode: Lived, own: Pursuit, decisions: Decisions, discount: float, worst: float) -> None:
        self.decisions, self.positions, self._worst = decisions, own.positions(episode), worst
        self._failed_at = len(episode.states) - 1 if episode.failed else -1
        self._states, self._own, self._discount = to_float32(episode.states), own, discount

    def rows(self, which: Index, actions: Float64, goals: Float64) -> Rows:
        """Rewards: r = 0 and nothing follows where s' is at the goal; else r = -1, discounted by gamma.

        A failure is as bad as anything, and nothing follows: no row begins in the state that it leads to, whose value
        would never be learned.
        """
        starts, ends = self.decisions.starts[which], self.decisions.ends[which]
        there = self._own.holds(goals, self.positions[ends])
        failed = ends == self._failed_at
        return Rows(
            inputs=self._inputs(starts, goals),
            actions=to_float32(actions),
            rewards=np.where(there, 0.0, np.where(failed, -self._worst, -1.0)).astype(np.float32),
            discounts=np.where(there | failed, 0.0, self._discount).astype(np.float32),
            next_inputs=self._inputs(ends, goals),
        )

    def _inputs(self, at: Index, goals: Float64) -> npt.NDArray[np.float32]:
        return np.concatenate((self._states[at], self._own.seen(goals, self.positions[at])), axis=1)
