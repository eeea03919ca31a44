"""What the kernel says of a process: whether it works, and whether it has taken over a signal."""

import signal
import time
from pathlib import Path
from typing import NamedTuple

import psutil


class Work(NamedTuple):
    """Figures of a process that are not the same as before if it has worked since."""

    main: object = None
    """Of its main thread: what runs the program. Waiting for a disk is work, too."""
    whole: object = None
    """Of all its threads. Those of a middleware also turn over when the program hangs."""


def process_work(pid: int) -> Work:
    """The work of a process, by its id."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_DISK_SLEEP:
                return Work(time.monotonic(), time.monotonic())
            times = {thread.id: (thread.user_time, thread.system_time) for thread in process.threads()}
            # The kernel counts switches for the main thread alone.
            return Work((tuple(process.num_ctx_switches()), times.get(pid)), times)
    except psutil.Error:
        return Work()


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal; False also when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)
