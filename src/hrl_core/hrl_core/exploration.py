"""Held random subgoals as exploration of a manager (after arXiv 1909.10618): a straight walk instead of a tremble.

Which subgoal is held at a decision depends on nothing but seed, episode and decision number, so that a manager that
dies and restarts in mid-episode explores on exactly where it was.
"""

import numpy as np

from hrl_core.randomness import Purpose, step_generator
from hrl_core.types import WORKER_LEVEL, Vector

DECISIONS = (3, 8)
"""Fewest and most decisions for which a subgoal is held."""
LENGTH = 1.4
"""Longest held subgoal as a multiple of the half-range (clipped to the range); lengths are uniform from 0."""


class HeldSubgoals:
    """The held subgoals of one run."""

    def __init__(self, seed: int, low: Vector, high: Vector) -> None:
        """Start before the first episode.

        Args:
            seed: seed of the run.
            low: lower bounds of subgoals, shape (subgoal_dim,).
            high: upper bounds.
        """
        self._seed, self._low, self._high = seed, low, high
        self._half_range = (high - low) / 2
        self._middle = (high + low) / 2
        self._episode, self._next, self._until = -1, 0, 0
        self._value: Vector = self._middle

    def at(self, episode: int, decision: int, probability: float) -> Vector | None:
        """Return the subgoal held at a decision; None: the manager's own counts.

        Args:
            episode: episode number.
            decision: number of the decision within the episode.
            probability: chance per decision that none is held at of beginning to hold one.
        """
        if probability <= 0:
            return None
        if (episode, decision) < (self._episode, self._next - 1) or episode != self._episode:
            self._episode, self._next, self._until = episode, 0, 0
        # Decisions that a restarted manager has missed are gone through as well.
        while self._next <= decision:
            if self._next >= self._until:
                self._begin(self._next, probability)
            self._next += 1
        return self._value if decision < self._until else None

    def _begin(self, decision: int, probability: float) -> None:
        rng = step_generator(self._seed, Purpose.HELD_SUBGOAL, WORKER_LEVEL, self._episode, decision)
        if rng.random() >= probability:
            return
        direction = rng.standard_normal(self._low.size)
        length = rng.uniform(0, LENGTH)
        value = self._middle + length * self._half_range * direction / np.linalg.norm(direction)
        self._value = np.clip(value, self._low, self._high)
        self._until = decision + int(rng.integers(DECISIONS[0], DECISIONS[1] + 1))
