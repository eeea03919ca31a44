"""How a process ended, in numbers and in words."""

import signal
from typing import NamedTuple


class Ending(NamedTuple):
    """How a process ended."""

    returncode: int

    @property
    def clean(self) -> bool:
        """Whether it says that all went well."""
        return self.returncode == 0

    @property
    def interrupted(self) -> bool:
        """Whether it ended by SIGINT itself, as Python does when that comes before the node's own handler."""
        return self.returncode in (-signal.SIGINT, 128 + signal.SIGINT)

    def __str__(self) -> str:
        """Say it in words."""
        if self.returncode < 0:
            return f"killed by {signal.Signals(-self.returncode).name} (signal {-self.returncode})"
        return f"exit code {self.returncode}"
