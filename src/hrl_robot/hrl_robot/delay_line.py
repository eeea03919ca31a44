"""Transport with latency, jitter and loss."""

import heapq
import itertools
import random
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class DelayLine(Generic[T]):
    """What is put in comes out later, out of order if the jitter says so, or never."""

    def __init__(self, latency: float, jitter: float, dropout: float, seed: int) -> None:
        """Start empty.

        Args:
            latency: least delay [s].
            jitter: greatest random addition to it [s].
            dropout: fraction that is lost.
            seed: of jitter and loss.
        """
        self._latency, self._jitter, self._dropout = latency, jitter, dropout
        self._random = random.Random(seed)
        self._heap: list[tuple[float, int, T]] = []
        self._order = itertools.count()

    def put(self, item: T, now: float) -> None:
        """Take an item on its way; ``now`` in seconds of steady time."""
        if self._random.random() >= self._dropout:
            due = now + self._latency + self._jitter * self._random.random()
            heapq.heappush(self._heap, (due, next(self._order), item))

    def due(self, now: float) -> Iterator[T]:
        """What has arrived by now."""
        while self._heap and self._heap[0][0] <= now:
            yield heapq.heappop(self._heap)[2]
