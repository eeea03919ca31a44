"""The processes of a sweep: so many at a time, ended in order, and never without the sweep."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Protocol

from hrl.launching.ending import Ending
from hrl.launching.node_process import DIE_WITH_PARENT
from hrl.sweeps.sweep_run import BEGIN, LOG, SweepRun

_LOOK = 0.1
"""Seconds between two looks at the processes."""
_ONE_REQUEST = 1.0
"""Seconds: what comes sooner after a signal belongs to it, as `timeout` and shells send several."""
_HRL = "import sys; sys.path[:] = filter(None, sys.path); from hrl.cli import main; sys.exit(main())"
"""The ``hrl`` of this interpreter, which like the installed one imports nothing from where it happens to be called."""


class Watcher(Protocol):
    """Is told how the runs go."""

    def started(self, run: SweepRun) -> None:
        """A process was started."""
        ...

    def ended(self, run: SweepRun, ending: Ending) -> None:
        """It has ended."""
        ...

    def lost(self, run: SweepRun, why: str) -> None:
        """It was not made, by whatever machine."""
        ...

    def look(self) -> None:
        """Some time has passed."""
        ...


class StopRequests:
    """Ctrl-C and SIGTERM, counted: the first asks the runs to save and end, further ones to end at once."""

    def __init__(self) -> None:
        """Take over the signals until ``close``."""
        self.count, self._last = 0, -_ONE_REQUEST
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.count > 0

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        self.count += now - self._last >= _ONE_REQUEST
        self._last = now


def make_all(runs: Iterable[SweepRun], jobs: int, lock: int, stop: StopRequests, watcher: Watcher) -> None:
    """Make runs, so many at a time, until all have ended or a stop is asked for.

    To be called in the main thread: the kernel ends the processes with the thread that has started them.

    Args:
        runs: in the order in which they begin.
        jobs: most processes at a time.
        lock: file descriptor that they inherit, so that it is known how long they live.
        stop: asks them to end.
        watcher: is told.
    """
    waiting, working, passed_on = deque(runs), dict[SweepRun, RunProcess](), 0
    cores = max(1, len(os.sched_getaffinity(0)) // jobs)
    while working or (waiting and not stop()):
        while waiting and len(working) < jobs and not stop():
            run = waiting.popleft()
            try:
                working[run] = RunProcess(run, lock, cores)
            except OSError as error:
                watcher.lost(run, f"{run.folder} cannot be written: {error.strerror}")
            else:
                watcher.started(run)
        if passed_on < stop.count:
            passed_on = stop.count
            for process in working.values():
                process.ask_to_end()
        for run in [run for run, process in working.items() if process.ending is not None]:
            ending = working.pop(run).ending
            assert ending is not None
            watcher.ended(run, ending)
        watcher.look()
        time.sleep(_LOOK)


class RunProcess:
    """One ``hrl train``, which saves its state and ends when this process dies."""

    def __init__(self, run: SweepRun, lock: int, cores: int, cwd: Path | None = None) -> None:
        """Start it.

        Args:
            run: what it makes, or goes on with.
            lock: file descriptor that it inherits, so that it is known how long it lives.
            cores: that it may use.
            cwd: folder that its words are relative to; None: this process's.

        Raises:
            OSError: its folder cannot be written.
        """
        run.folder.mkdir(parents=True, exist_ok=True)
        self._asked: list[int] = []
        # What Python warns of at its beginning has no place in the log of a run, nor has a tty's Ctrl-C (the wrapper).
        wrapper = [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), str(os.getpid()), str(int(signal.SIGTERM))]
        with (run.folder / LOG).open("ab") as log:
            log.write(f"{BEGIN}{datetime.now():%Y-%m-%d %H:%M:%S}\n".encode())
            log.flush()
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, "-c", _HRL, *run.arguments, "--cores", str(cores)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                cwd=cwd,
            )

    @property
    def ending(self) -> Ending | None:
        """How it ended; None: it lives."""
        code = self._process.poll()
        return None if code is None else Ending(code, tuple(self._asked))

    def ask_to_end(self) -> None:
        """Let it save its state, or if asked before end at once."""
        self._asked.append(signal.SIGTERM)
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> Ending:
        """Wait for its end, and tell it."""
        while (ending := self.ending) is None:
            time.sleep(_LOOK)
        return ending
