"""Latencies of a run that may last for weeks: counted, not kept."""

import math
from collections.abc import Sequence

import numpy as np

_DECADES = (-2, 4)
"""From 0.01 ms to 10 s; what lies outside is counted at the ends."""
_SHOWN, _FINE = 10, 200
"""Bins per decade: those that are shown, and those that percentiles are read from (1.2 % wide)."""


class Latencies:
    """Percentiles and histogram in constant memory."""

    def __init__(self) -> None:
        """Nothing counted."""
        self.count = 0
        self.greatest = 0.0
        """Milliseconds."""
        self._bins = [0] * ((_DECADES[1] - _DECADES[0]) * _FINE)

    def add(self, seconds: float) -> None:
        """Count one."""
        milliseconds = 1e3 * seconds
        place = int((math.log10(max(milliseconds, 1e-9)) - _DECADES[0]) * _FINE)
        self._bins[min(max(place, 0), len(self._bins) - 1)] += 1
        self.count += 1
        self.greatest = max(self.greatest, milliseconds)

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """Latencies [ms] below which so many percent lie, to half a bin; the log must not be empty."""
        ranks = np.asarray(percents) / 100 * self.count
        places = np.searchsorted(np.cumsum(self._bins), np.maximum(ranks, 1))
        middles = 10.0 ** (_DECADES[0] + (places + 0.5) / _FINE)
        return np.minimum(middles, self.greatest).tolist()

    def histogram(self) -> dict[str, list[float]]:
        """Counts between logarithmic edges."""
        bins = len(self._bins) * _SHOWN // _FINE
        edges = np.logspace(*_DECADES, bins + 1)
        return {"edges_ms": edges.tolist(), "counts": np.reshape(self._bins, (bins, -1)).sum(axis=1).tolist()}
