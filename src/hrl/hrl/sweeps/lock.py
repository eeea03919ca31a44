"""One sweep at a time in a folder, and none before the last run of an earlier one has ended; one process for a run."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.errors import HrlError
from hrl_core.whole_folders import writable

_SWEEP, _RUNS, _RUN = ".sweep.lock", ".runs.lock", ".run.lock"
_LOOK = 0.1
"""Seconds between two looks whether earlier runs have ended."""


@contextmanager
def only_sweep(folder: Path, tell: Callable[[str], None], stop: Callable[[], bool]) -> Iterator[int]:
    """Hold a folder until the sweep ends.

    A sweep that is killed lets go at once, but its runs still save their state: they hold the folder, too, by the file
    descriptor that they inherit.

    Args:
        folder: of the sweep.
        tell: is told that earlier runs are waited for.
        stop: ends the wait.

    Yields:
        The file descriptor that runs have to inherit.

    Raises:
        HrlError: another sweep works there, or the folder cannot be written.
    """
    with writable(folder):
        sweep, runs = (os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644) for name in (_SWEEP, _RUNS))
    try:
        if not _held(sweep):
            raise HrlError(f"another hrl sweep is at work in {folder}: wait for its end, or stop it")
        told = False
        while not _held(runs) and not stop():
            if not told:
                tell("waiting for runs of an earlier sweep, which was killed, to save their states")
            told = True
            time.sleep(_LOOK)
        yield runs
    finally:
        os.close(sweep)
        os.close(runs)


@contextmanager
def only_process(folder: Path) -> Iterator[int]:
    """Hold the folder of a run, once an earlier process has saved its state there, on whichever machine.

    Yields:
        The file descriptor that the process of the run has to inherit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / _RUN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _held(lock):
            time.sleep(_LOOK)
        yield lock
    finally:
        os.close(lock)


def is_held_here(folder: Path) -> bool:
    """Whether a sweep's folder is seen that some machine holds."""
    return (folder / _SWEEP).is_file()


def _held(lock: int) -> bool:
    """Whether the lock was free, and is ours now."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
