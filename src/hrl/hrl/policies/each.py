"""The same work for each of many things: in this process, or handed to others by whoever knows some."""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from typing import Any, Protocol, TypeVar

from hrl_core.errors import HrlError
from hrl_core.parent_process import end_with_parent

Item = TypeVar("Item")
Result = TypeVar("Result")


class Each(Protocol):
    """Calls a function for each item."""

    def __call__(self, function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
        """Results of ``function(item, *shared)``, in the order of ``items``; what it raises."""
        ...


def in_turn(function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
    """One after the other, here."""
    return [function(item, *shared) for item in items]


def at_once(processes: int) -> Each:
    """So many at a time, in processes of this machine.

    The function must be one of a module. The first that raises, Ctrl-C or SIGTERM (both: ``KeyboardInterrupt``) ends
    the others where they are. To be called in the main thread.
    """

    def each(function: Callable[..., Result], items: Sequence[Any], *shared: object) -> list[Result]:
        count = min(processes, len(items))
        if count <= 1:
            return in_turn(function, items, *shared)
        # A copy of this process would have its locks, but not its threads.
        pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return list(pool.map(function, items, *map(repeat, shared)))
        except BaseException as error:
            for process in multiprocessing.active_children():
                process.terminate()
            if isinstance(error, BrokenProcessPool):
                raise HrlError("a process at work was killed: is there enough memory for --jobs at a time?") from None
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            signal.signal(signal.SIGTERM, before)

    return each


def _begin() -> None:
    # The parent's to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
