"""Keeping a node on one core.

Simulator and worker of a lock-step run take turns: when they share a core, a message wakes no other core, which is more
than a third of its way (docs/lockstep_speed.md).
"""

import contextlib
import os
from pathlib import Path

from hrl_core.errors import HrlError

ANY = -1
"""Wherever the system puts it."""


def stay_on(core: int) -> None:
    """Keep all threads of this process on a core, those to come included.

    Who is woken there waits until the other pauses (``SCHED_BATCH``): a publisher reaches one reader after another, and
    if the first took the core from it at once, the others would have nothing were it killed just then.

    Raises:
        HrlError: this process may not use that core.
    """
    allowed = os.sched_getaffinity(0)
    if core not in allowed:
        cores = ", ".join(map(str, sorted(allowed)))
        raise HrlError(f"parameter core: {core} is none of the cores this process may use: {cores}; -1 for any")
    for task in Path("/proc/self/task").iterdir():
        thread = int(task.name)
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, {core})
            if os.sched_getscheduler(thread) == os.SCHED_OTHER:
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
