"""Groups of updates, in which training from recordings is counted."""

import numpy as np
import torch

from hrl_core.messages import WORKER_LEVEL
from hrl_core.randomness import Purpose, step_generator, step_seed

GROUP = 8
"""Worker updates whose batches are drawn together."""


def group_draws(seed: int, group: int, noise: torch.Generator) -> np.random.Generator:
    """Begin a group of updates: generators of its own, not of the process, so that whoever resumes draws the same.

    Args:
        seed: of the run.
        group: its number.
        noise: what smoothing noise is drawn from; it is seeded anew.

    Returns:
        What batches are drawn from.
    """
    noise.manual_seed(step_seed(seed, Purpose.UPDATE, WORKER_LEVEL, 0, group))
    return step_generator(seed, Purpose.BATCH, WORKER_LEVEL, 0, group)
