"""Random numbers of many seeds that learn side by side, each its own whichever others run beside it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
_BLOCK = 2048
"""Steps drawn at once."""


class Streams:
    """A row of numbers uniform in [0, 1) for each seed and step."""

    def __init__(self, seeds: Sequence[int], numbers: int) -> None:
        """Begin at the first step.

        Args:
            seeds: of the runs.
            numbers: that a run uses up in a step.
        """
        self._rngs, self._numbers = [np.random.default_rng(seed) for seed in seeds], numbers
        self._block, self._at = np.empty((0, numbers, len(seeds))), 0

    def step(self) -> Float64:
        """Numbers of the next step, (numbers, seeds)."""
        if self._at == len(self._block):
            drawn = [rng.random((_BLOCK, self._numbers)) for rng in self._rngs]
            self._block, self._at = np.stack(drawn, axis=-1), 0
        self._at += 1
        return self._block[self._at - 1]

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Go on with some of the seeds."""
        if kept.all():
            return
        self._rngs = [rng for rng, keep in zip(self._rngs, kept, strict=True) if keep]
        self._block = self._block[:, :, kept]
