"""What the kernel says of a process: whether it works, and whether it has taken over a signal."""

import signal
import time
from pathlib import Path

import psutil


def process_work(pid: int) -> object:
    """Something that is not the same as before if the process's main thread has run since, or waits for a disk.

    Args:
        pid: its id.

    Returns:
        None when there is no such process.
    """
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            if process.status() == psutil.STATUS_DISK_SLEEP:
                return time.monotonic()
            # The kernel counts these for the main thread alone; threads of the middleware turn over for ever.
            return tuple(process.num_ctx_switches()), _main_thread(process)
    except psutil.Error:
        return None


def _main_thread(process: psutil.Process) -> tuple[float, float]:
    """User and system time [s] of the main thread."""
    times = {thread.id: (thread.user_time, thread.system_time) for thread in process.threads()}
    return times.get(process.pid, (0.0, 0.0))


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal; False also when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)
