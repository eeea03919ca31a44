"""Whether data still comes, and the line that tells people."""

import math
import time
from collections.abc import Callable

from hrl_msgs.msg import SimStatus

STALE_AFTER = 3.0
"""Seconds; a paused simulator still tells its status about once a second."""


class Freshness:
    """Remembers when data came last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing heard."""
        self._clock = clock
        self._last: float | None = None

    def heard(self) -> None:
        """Something has come."""
        self._last = self._clock()

    def stale(self) -> float:
        """Seconds without data once these are too many, else 0; infinite when nothing ever came."""
        if self._last is None:
            return math.inf
        silence = self._clock() - self._last
        return silence if silence > STALE_AFTER else 0.0


def status_line(status: SimStatus | None, stale: float) -> str:
    """What the page says of the run, as Markdown."""
    if stale == math.inf:
        return "**waiting for data**: is the graph running in this namespace?"
    if stale:
        return f"**NO DATA for {stale:.0f} s**: the picture is old; the simulator or player has stopped"
    if status is None:
        return "**receiving**"
    word = "**finished**" if status.finished else "**paused**" if status.paused else "**running**"
    wanted = status.wanted_real_time_factor
    goal = "as fast as possible" if wanted == 0 else f"wanted {wanted:g}"
    pace = f"real-time factor {status.real_time_factor:.2g} ({goal})"
    return f"{word} · episode {status.episode} · {status.reached_step} steps in all  \n{pace}"
