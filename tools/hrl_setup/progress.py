"""Progress on the screen: one line for each stage, with the time it took."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from hrl_setup.errors import SetupError
from hrl_setup.lock import SetupLock

_TAIL_LINES = 30


class StageLine:
    """Context manager that shows a stage and the seconds it takes; on a terminal the seconds count up."""

    def __init__(self, label: str) -> None:
        """Name the stage."""
        self._label = label
        self._started = time.monotonic()
        self._on_terminal = sys.stdout.isatty()

    def __enter__(self) -> StageLine:
        """Show the stage."""
        self._write(" ...", end="" if self._on_terminal else "\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show how the stage ended, and after how long."""
        self._write(f": {self._seconds()}" + (" (stopped)" if kind else ""), end="\n")

    def tick(self) -> None:
        """Let the seconds count up."""
        if self._on_terminal:
            self._write(f" ... {self._seconds()}", end="")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._started:.1f} s"

    def _write(self, text: str, end: str) -> None:
        # "\r" and "erase to the end of the line": the next text of this stage replaces this one.
        start = "\r\x1b[K" if self._on_terminal else ""
        print(f"{start}[setup] {self._label}{text}", end=end, flush=True)


class CommandRunner:
    """Runs the commands of stages: output goes to a log, and its tail to the screen when a command fails."""

    def __init__(self, root: Path, lock: SetupLock) -> None:
        """Store where commands run, and the lock that they hold together with us."""
        self._root = root
        self._lock = lock

    def run(self, label: str, command: Sequence[str | Path], log: Path, environment: Mapping[str, str]) -> None:
        """Run a command as one stage.

        Raises:
            SetupError: The command failed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with StageLine(label) as line, log.open("w") as output:
            # A process group of its own can be ended with all that it started.
            process = subprocess.Popen(
                list(map(str, command)),
                cwd=self._root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock.fileno()],
            )
            self._lock.note_command(process.pid)
            code = _wait(process, line)
        if code != 0:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise SetupError(f"{label}: failed with exit code {code}. The end of {log}:\n{tail}")


def _wait(process: subprocess.Popen[bytes], line: StageLine) -> int:
    """Wait for a command and return its exit code; whatever stops the waiting stops the command."""
    try:
        while True:
            try:
                return process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                line.tick()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
