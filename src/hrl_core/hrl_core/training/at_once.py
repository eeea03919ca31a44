"""Independent pieces of work at once where there are cores for it, else one after the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from hrl_core.threads import usable_cores

First = TypeVar("First")
Other = TypeVar("Other")


class AtOnce:
    """Threads for work beside that of the caller; matrix products and simulation release the interpreter lock."""

    def __init__(self, cores: int = 0) -> None:
        """Use so many cores; 0: all that this process may use."""
        cores = usable_cores(cores)
        # A new thread would ask for all cores: what this one may use is what others may.
        self._pool = (
            ThreadPoolExecutor(cores, "beside", torch.set_num_threads, (torch.get_num_threads(),))
            if cores > 1
            else None
        )

    def __call__(self, first: Callable[[], First], others: Sequence[Callable[[], Other]]) -> tuple[First, list[Other]]:
        """Results of all, which are independent of each other; ``first`` is done by the caller's thread.

        Raises what a piece raises, once all have ended.
        """
        if self._pool is None or not others:
            return first(), [other() for other in others]
        begun = [self._pool.submit(other) for other in others]
        try:
            result = first()
        finally:
            for other in begun:
                other.exception()
        return result, [other.result() for other in begun]
