"""How a process ended, in numbers and in words."""

import signal
from typing import NamedTuple


class Ending(NamedTuple):
    """How a process ended."""

    returncode: int
    asked: tuple[int, ...] = ()
    """Signals it was sent by us, in order."""

    @property
    def clean(self) -> bool:
        """Whether it says that all went well."""
        return self.returncode == 0

    @property
    def stuck(self) -> bool:
        """Whether it had done everything by its own word, but had to be torn out of the middleware.

        Nodes catch SIGTERM until then, and ask for SIGALRM themselves (``hrl_ros.running``).
        """
        torn = (signal.SIGALRM, signal.SIGTERM) if signal.SIGINT in self.asked[:1] else (signal.SIGALRM,)
        return self.returncode in [code for number in torn for code in (-number, 128 + number)]

    @property
    def own(self) -> bool:
        """Whether it has nothing to do with us: nothing was asked for, or another signal ended it than those sent."""
        return not self.asked or (self.returncode < 0 and -self.returncode not in self.asked)

    @property
    def interrupted(self) -> bool:
        """Whether it ended by what first asked for it, as it does when that comes before the node's own handler."""
        first = self.asked[0] if self.asked else signal.SIGINT
        return self.returncode in (-first, 128 + first)

    def __str__(self) -> str:
        """Say it in words."""
        if self.returncode < 0:
            return f"killed by {signal.Signals(-self.returncode).name} (signal {-self.returncode})"
        return f"exit code {self.returncode}"
