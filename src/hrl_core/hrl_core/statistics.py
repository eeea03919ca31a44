"""What a few runs say of all: means that stand outliers, and intervals of them.

Definitions are those of rliable (Agarwal et al. 2021, arXiv 2108.13264); its median is one over tasks of means over
runs, ours one over all scores, since a sweep has one task.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Statistic = Callable[[Array], Array]
"""Takes scores (runs, ...) together along the first axis: (...)."""
_WILSON_95 = 1.959964
RESAMPLES = 2000
"""Of rliable's plots."""
CONFIDENCE = 0.95


def wilson_interval(rate: float, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion."""
    z2 = _WILSON_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = _WILSON_95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # Rounding may leave them a little outside.
    return max(0.0, centre - spread), min(1.0, centre + spread)


def mean(scores: Array) -> Array:
    """Mean over runs."""
    return np.mean(scores, axis=0)


def median(scores: Array) -> Array:
    """Median over runs."""
    return np.median(scores, axis=0)


def interquartile_mean(scores: Array) -> Array:
    """Mean over the middle half of the runs; of n runs int(n / 4) are left out at either end, of three none.

    That is ``scipy.stats.trim_mean`` with a quarter cut, which rliable calls: no run counts in part.
    """
    cut = len(scores) // 4
    return np.mean(np.sort(scores, axis=0)[cut : len(scores) - cut], axis=0)


STATISTICS: Mapping[str, Statistic] = {"mean": mean, "median": median, "iqm": interquartile_mean}
"""By the name that commands know them by."""


def bootstrap_interval(
    strata: Sequence[Array],
    statistic: Statistic,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> tuple[Array, Array]:
    """Stratified percentile bootstrap interval of a statistic.

    Args:
        strata: scores (runs, ...) of each task, say; runs are drawn anew, with replacement, within each. What follows
            the first axis, steps of a curve for one, is drawn with its run and has one shape in all.
        statistic: of the scores of all strata.
        generator: draws.
        resamples: how many.
        confidence: share of them within the interval.

    Returns:
        Lower and upper end, shape (...).
    """
    drawn = [scores[generator.integers(len(scores), size=(len(scores), resamples))] for scores in strata]
    # Runs first, resamples after them: the statistic takes the former together and leaves the latter alone.
    values = statistic(np.concatenate(drawn))
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, (tail, 1 - tail), axis=0)
    return low, high
