"""One sweep at a time in a folder, and none before the last run of an earlier one has ended."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.errors import HrlError
from hrl_core.folder_locks import LOOK, take
from hrl_core.whole_folders import writable

_SWEEP, _RUNS = ".sweep.lock", ".runs.lock"


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
        if not take(sweep):
            raise HrlError(f"another hrl sweep is at work in {folder}: wait for its end, or stop it")
        told = False
        while not take(runs) and not stop():
            if not told:
                tell("waiting for runs of an earlier sweep, which was killed, to save their states")
            told = True
            time.sleep(LOOK)
        yield runs
    finally:
        os.close(sweep)
        os.close(runs)


def is_held_here(folder: Path) -> bool:
    """Whether a sweep's folder is seen that some machine holds."""
    return (folder / _SWEEP).is_file()
