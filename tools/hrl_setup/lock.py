"""One set-up at a time, also after one that was killed."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from types import TracebackType


class SetupLock:
    """Context manager that holds a lock file.

    Commands inherit the open file: one that outlives a killed set-up still holds the lock. The file names the
    set-up and its command, so that the next set-up can tell this case and end the command.
    """

    def __init__(self, file: Path) -> None:
        """Name the lock file."""
        self._path = file

    def __enter__(self) -> SetupLock:
        """Take the lock, waiting for a set-up that holds it."""
        # Not truncated: the text belongs to whoever holds the lock.
        self._file = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._make_way()
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self.note_command(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor that keeps the lock held."""
        return self._file.fileno()

    def note_command(self, process_group: int) -> None:
        """Record which process group works for this set-up; 0 for none."""
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} {process_group}\n")
        self._file.flush()

    def _make_way(self) -> None:
        """End what a killed set-up left behind, or say that a living one is waited for."""
        self._file.seek(0)
        owner, process_group = [int(word) for word in self._file.read().split()] or [0, 0]
        if process_group and not _is_alive(owner):
            # The group still exists and its number was not given away: its leader holds the lock.
            print("[setup] ending the command that a killed set-up left running", flush=True)
            os.killpg(process_group, signal.SIGKILL)
        else:
            print("[setup] another set-up of this folder is at work: waiting for it to end", flush=True)


def _is_alive(process: int) -> bool:
    """Tell whether a process exists."""
    return Path("/proc", str(process)).exists()
