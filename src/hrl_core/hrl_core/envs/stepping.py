"""Who steps the copies of an environment: the caller, or threads where that is quicker."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

WORTH = 1e-4
"""Seconds that a step of one copy takes from which on threads pay; waking them costs more than less."""


class Stepping:
    """Calls a function for every copy; the copies are independent, so that threads come to the same bits."""

    def __init__(self, count: int, threads: int, where_worth_it: bool = False) -> None:
        """Nobody steps yet.

        Args:
            count: of the copies.
            threads: at once.
            where_worth_it: whether the first round is timed, and threads are used only where steps are long.
        """
        self._count, self._threads, self._to_be_timed = count, threads, where_worth_it and threads > 1
        self._pool = ThreadPoolExecutor(threads) if threads > 1 and not where_worth_it else None
        self._chunks = [range(k, count, threads) for k in range(threads)]

    def __call__(self, step: Callable[[int], object]) -> None:
        """Call ``step`` with the number of each copy; what it raises."""

        def advance(chunk: range) -> None:
            for number in chunk:
                step(number)

        if self._pool is not None:
            list(self._pool.map(advance, self._chunks))
            return
        begun = time.perf_counter()
        advance(range(self._count))
        if self._to_be_timed:
            self._to_be_timed = False
            if time.perf_counter() - begun > WORTH * self._count:
                self._pool = ThreadPoolExecutor(self._threads)

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()
