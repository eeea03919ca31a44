"""How often a node that dies may be started again."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class RestartBudget:
    """Allows ``limit`` restarts in any ``window`` seconds."""

    limit: int = 3
    window: float = 60.0
    """Seconds."""
    _times: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        """Count a restart at time ``now`` [s]; False: the budget is spent."""
        while self._times and now - self._times[0] >= self.window:
            self._times.popleft()
        if len(self._times) >= self.limit:
            return False
        self._times.append(now)
        return True

    @property
    def used(self) -> int:
        """Restarts counted within the window that ended at the last ``take``."""
        return len(self._times)
