"""The work of a TD3 update that ours and every peer is given, and how it is timed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
INPUTS, ACTIONS = 33, 8
"""The ant's worker under a subgoal of three elements."""
ROWS = 10_000
TOGETHER = 8
"""Updates to one call: as many as our trainer draws batches for at a time."""
POLICY_DELAY, DISCOUNT, TAU, LR, NOISE, NOISE_CLIP = 2, 0.99, 0.005, 3e-4, 0.2, 0.5
Updates = Callable[[], object]
"""Makes ``TOGETHER`` updates, sampling included."""


class Size(NamedTuple):
    """Of networks and batches."""

    hidden: tuple[int, int]
    batch: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.hidden[0]}-{self.hidden[1]}, batch {self.batch}"


class Transitions(NamedTuple):
    """A replay buffer as most libraries keep it: an array for each part, leading axis (rows,)."""

    inputs: Float32
    actions: Float32
    rewards: Float32
    next_inputs: Float32
    discounts: Float32

    def sample(self, count: int, rng: np.random.Generator) -> "Transitions":
        """Draw ``count`` transitions, uniformly with replacement."""
        rows = rng.integers(0, len(self.rewards), count)
        return Transitions(*(part.take(rows, axis=0) for part in self))


def random_transitions() -> Transitions:
    """A full buffer of plausible magnitudes."""
    rng = np.random.default_rng(0)
    inputs, next_inputs = rng.standard_normal((2, ROWS, INPUTS), np.float32)
    actions = rng.uniform(-1, 1, (ROWS, ACTIONS)).astype(np.float32)
    rewards = rng.standard_normal(ROWS, np.float32)
    return Transitions(inputs, actions, rewards, next_inputs, np.full(ROWS, DISCOUNT, np.float32))
