"""Random numbers that depend on nothing but where they are used.

Exploration noise is drawn from a counter-based generator keyed by (run seed, level, episode, step), so that a node that
dies and restarts in mid-episode draws the very noise its predecessor would have drawn.
"""

import numpy as np

_MASK = (1 << 64) - 1


def episode_seed(run_seed: int, episode: int) -> int:
    """Seed of an episode's reset, a 63-bit number mixed from the run's seed and the episode number."""
    words = np.random.SeedSequence([run_seed & _MASK, episode]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def step_generator(run_seed: int, level: int, episode: int, step: int) -> np.random.Generator:
    """Generator of one decision: same arguments, same numbers, in whichever process and order."""
    return np.random.Generator(np.random.Philox(key=[run_seed & _MASK, level], counter=[0, 0, episode, step]))
