"""One process at a time for the folder of a run, or for a file."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.errors import HrlError

_RUN = ".run.lock"
LOOK = 0.1
"""Seconds between two looks whether an earlier process has ended."""


@contextmanager
def only_process(folder: Path) -> Iterator[int]:
    """Hold the folder of a run, once an earlier process has saved its state there, on whichever machine.

    Yields:
        The file descriptor that the process of the run has to inherit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / _RUN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not take(lock):
            time.sleep(LOOK)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def held(file: Path, refusal: str) -> Iterator[None]:
    """Hold a file that is there.

    Raises:
        HrlError: another process does (``refusal``).
        OSError: it cannot be opened for writing.
    """
    lock = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        if not take(lock):
            raise HrlError(refusal)
        yield
    finally:
        os.close(lock)


def take(lock: int) -> bool:
    """Whether the lock was free, and is ours now.

    Raises:
        HrlError: the file system of its folder locks no files.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        folder = Path(os.readlink(f"/proc/self/fd/{lock}")).parent
        raise HrlError(
            f"the file system of {folder} does not lock files (flock: {error.strerror}), so that two processes could "
            "spoil each other's work there: use a folder of another one, or mount this with locks (NFS: with lockd)"
        ) from None
    return True
