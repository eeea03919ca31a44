"""How a match stands: what the runs of both sides come to, and whether ours are as good."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from hrl.comparison.outcome import Outcome


@dataclass(frozen=True)
class Sample:
    """One measure over the seeds of one side."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return fmean(self.values)

    @property
    def deviation(self) -> float:
        """Standard deviation of one seed, estimated from all (n - 1); 0 of a single one."""
        return stdev(self.values) if len(self.values) > 1 else 0.0


def sample(outcomes: Sequence[Outcome], measure: str) -> Sample:
    """One measure (a field of ``Score``) of some runs."""
    return Sample(tuple(float(getattr(outcome.score, measure)) for outcome in outcomes))


def pooled_deviation(first: Sample, second: Sample) -> float:
    """Standard deviation of one seed where that of both sides is the same: each side's variance by its n - 1."""
    freedoms = [len(side.values) - 1 for side in (first, second)]
    if not sum(freedoms):
        return 0.0
    squares = sum(free * side.deviation**2 for free, side in zip(freedoms, (first, second), strict=True))
    return math.sqrt(squares / sum(freedoms))


def bar(ours: Sample, theirs: Sample) -> float:
    """Least mean with which ours are as good: theirs less one pooled standard deviation."""
    return theirs.mean - pooled_deviation(ours, theirs)


def steps_per_second(outcomes: Sequence[Outcome]) -> float:
    """Environment steps of training per second of processor time, over all seeds."""
    return sum(outcome.env_steps for outcome in outcomes) / sum(outcome.cpu_seconds for outcome in outcomes)
