"""Random numbers that depend on nothing but where they are used.

Everything drawn is drawn from a counter-based generator keyed by (run seed, purpose, level, episode, step), so that a
node that dies and restarts in mid-episode draws the very noise its predecessor would have drawn, and so that no two
uses of the same seed see the same numbers.
"""

from enum import IntEnum

import numpy as np

MOST_SEED = 2**63 - 1
"""Greatest seed of a run: what a ROS parameter holds."""
_MASK = (1 << 64) - 1


class Purpose(IntEnum):
    """What numbers are drawn for. Values are part of what a seed means: never reuse one."""

    ACTION = 1
    """Exploration noise on the actions of a worker."""
    SUBGOAL = 2
    """Exploration noise on the subgoals of a level."""
    HELD_SUBGOAL = 3
    """Random subgoals in a manager's stead, for the level they are given to."""
    BATCH = 4
    """Which recorded transitions a group of updates learns from."""
    UPDATE = 5
    """What else a group of updates draws: noise on the actions of targets."""
    CANDIDATE = 6
    """Candidates of the off-policy correction of a level's subgoals."""
    HINDSIGHT = 7
    """Goals in the place of those that a level pursued in an episode."""
    TERMINATION = 8
    """Whether a worker ends a segment by itself."""
    WORLD = 9
    """Delay, friction and masses of a randomised episode, whose seed takes the place of the run's; so do the next."""
    LOSS = 10
    """Whether a command is lost in a randomised episode."""
    NOISE = 11
    """What sensors add to an observation in a randomised episode."""
    MASTER = 12
    """Weights of a master that a new task begins with, and the order of what it learns from (MLSH)."""
    SKILL = 13
    """Weights of a skill, by its number, and the order of what it learns from (MLSH)."""


def episode_seed(run_seed: int, episode: int) -> int:
    """Seed of an episode's reset, a 63-bit number mixed from the run's seed and the episode number."""
    words = np.random.SeedSequence([run_seed & _MASK, episode]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def step_generator(run_seed: int, purpose: Purpose, level: int, episode: int, step: int) -> np.random.Generator:
    """Generator of one decision: same arguments, same numbers, in whichever process and order.

    Args:
        run_seed: seed of the run; of a negative number the lowest 64 bits count.
        purpose: what the numbers are for.
        level: of the subgoals concerned, as in ``Subgoal.level``; at most 2**32 - 1.
        episode: number of the episode, or 0.
        step: step of the episode, or whatever counts.
    """
    # Words of 64 bits: a list with a number from 2**63 on would pass through floats and lose its last digits.
    key = np.array([run_seed & _MASK, purpose << 32 | level], np.uint64)
    counter = np.array([0, 0, episode, step], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def step_seed(run_seed: int, purpose: Purpose, level: int, episode: int, step: int) -> int:
    """The same for a generator that takes a seed: a 63-bit number."""
    return int(step_generator(run_seed, purpose, level, episode, step).integers(1 << 63))


class Draws:
    """The random numbers of one decision: the same in whichever process it is made, and made only where one is used."""

    def __init__(self, run_seed: int, purpose: Purpose, level: int, episode: int, step: int, explore: bool) -> None:
        """Say which decision, as for ``step_generator``, and whether it is to explore.

        Args:
            run_seed: seed of the run.
            purpose: what is decided.
            level: of the subgoals concerned.
            episode: number of the episode.
            step: step of the decision.
            explore: False outside training and below a tested subgoal. A policy whose actions or skills are meant to be
                drawn draws in either case.
        """
        self.explore = explore
        self._key = (run_seed, purpose, level, episode, step)
        self._rng: np.random.Generator | None = None

    @property
    def rng(self) -> np.random.Generator:
        """The generator; one for all that a decision draws, in a fixed order."""
        if self._rng is None:
            self._rng = step_generator(*self._key)
        return self._rng

    @property
    def episode(self) -> int:
        """Number of the episode."""
        return self._key[3]

    @property
    def step(self) -> int:
        """Step of the decision."""
        return self._key[4]

    def of_earlier(self, steps: int) -> np.random.Generator:
        """The generator of the decision so many steps ago, as it was then; 0: this one's, at its beginning."""
        run_seed, purpose, level, episode, step = self._key
        return step_generator(run_seed, purpose, level, episode, step - steps)

    @property
    def used(self) -> bool:
        """Whether anything has been drawn, so that the decision might have come out otherwise."""
        return self._rng is not None


def outside_a_run() -> Draws:
    """For a policy that is tried out: without exploration, drawn from seed 0."""
    return Draws(0, Purpose.ACTION, 0, 0, 0, explore=False)
