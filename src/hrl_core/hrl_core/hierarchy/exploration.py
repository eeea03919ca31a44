"""Held random subgoals as exploration of a manager (after arXiv 1909.10618): a straight walk instead of a tremble.

Which subgoal is held at a decision depends on nothing but seed, episode and decision number, so that a manager that
dies and restarts in mid-episode explores on exactly where it was.
"""

from dataclasses import dataclass

import numpy as np

from hrl_core.messages import WORKER_LEVEL, Vector
from hrl_core.randomness import Purpose, step_generator


@dataclass(frozen=True)
class HeldExploration:
    """How often a random subgoal is held, for how long, and which: the same in training and in a graph."""

    probability: float = 0.0
    """Chance per decision that none is held at of beginning to hold one."""
    decisions: tuple[int, int] = (3, 8)
    """Fewest and most decisions for which it is held."""
    lengths: tuple[float, float] = (0.0, 1.4)
    """Shortest and longest subgoal as a multiple of the half-range; between them all lengths are alike."""

    def begin(self, low: Vector, high: Vector, rng: np.random.Generator) -> tuple[Vector, int] | None:
        """Draw whether one begins to be held at a decision: which, (subgoal_dim,), and for how many decisions.

        Args:
            low: lower bounds of subgoals, shape (subgoal_dim,); what is beyond them is clipped.
            high: upper bounds.
            rng: source of randomness.
        """
        if rng.random() >= self.probability:
            return None
        direction = rng.standard_normal(low.size)
        direction /= np.linalg.norm(direction)
        value = (high + low) / 2 + rng.uniform(*self.lengths) * (high - low) / 2 * direction
        few, many = self.decisions
        return np.clip(value, low, high), int(rng.integers(few, many + 1))


class HeldSubgoals:
    """The held subgoals of one run."""

    def __init__(self, seed: int, low: Vector, high: Vector, level: int = WORKER_LEVEL) -> None:
        """Start before the first episode.

        Args:
            seed: seed of the run.
            low: lower bounds of subgoals, shape (subgoal_dim,).
            high: upper bounds.
            level: of the subgoals.
        """
        self._seed, self._low, self._high, self._level = seed, low, high, level
        self._episode, self._next, self._until = -1, 0, 0
        self._value: Vector = low

    def at(self, episode: int, decision: int, exploration: HeldExploration) -> Vector | None:
        """Return the subgoal held at a decision; None: the manager's own counts.

        Args:
            episode: episode number.
            decision: number of the decision within the episode.
            exploration: how, the same throughout an episode.
        """
        if exploration.probability <= 0:
            return None
        if (episode, decision) < (self._episode, self._next - 1) or episode != self._episode:
            self._episode, self._next, self._until = episode, 0, 0
        # Decisions that a restarted manager has missed are gone through as well.
        while self._next <= decision:
            if self._next >= self._until:
                rng = step_generator(self._seed, Purpose.HELD_SUBGOAL, self._level, self._episode, self._next)
                begun = exploration.begin(self._low, self._high, rng)
                if begun is not None:
                    self._value, self._until = begun[0], self._next + begun[1]
            self._next += 1
        return self._value if decision < self._until else None
