"""How a lock-step node waits: it resends, says whom it waits for, and gives up in the end."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from hrl_core.errors import PeerError

RESEND_PERIOD = 0.2
"""Seconds of steady time after which a waiting node sends its last messages again."""
LONGEST_LOOK = 1.0
"""Most seconds that count between two looks: who was stopped itself for longer could not have heard anybody."""


class WarningLogger(Protocol):
    """What reports need of a logger."""

    def warning(self, message: str, /) -> Any:  # noqa: ANN401 - rclpy's answers whether it was printed
        """Print a warning."""
        ...


class Patience:
    """Watches for progress: ``check`` is called a few times a second, ``heard`` at every message."""

    def __init__(
        self, logger: WarningLogger, report: float, limit: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start waiting now.

        Args:
            logger: where reports go.
            report: seconds of silence before the first report.
            limit: seconds of silence before giving up; 0: never.
            clock: steady time [s].
        """
        self.suspended = False
        self._logger, self._report, self._limit, self._clock = logger, report, limit, clock
        self._since = self._sent = self._looked = clock()
        self._reported = self._unhurried = False
        self._heard: dict[str, tuple[int, ...]] = {}

    def heard(self, topic: str, key: tuple[int, ...]) -> None:
        """A message has come; it is progress if it is newer than all of its topic before.

        Peers that wait for each other repeat themselves: that must not be taken for progress.

        Args:
            topic: where it came.
            key: numbers in the order of the topic's messages, such as episode and step.
        """
        if key > self._heard.get(topic, ()):
            self._heard[topic] = key
            self.progress()

    def progress(self) -> None:
        """Something that counts has happened."""
        self._since = self._sent = self._looked = self._clock()
        self._reported = False

    def check(self, waiting_for: str | None, unhurried: bool = False) -> bool:
        """Whether the last messages should be sent again now.

        Args:
            waiting_for: whom the node waits for; None: nobody.
            unhurried: whether those may take their time, as people do: it is reported, but never given up, and
                does not count for who is waited for afterwards.

        Raises:
            PeerError: the limit has passed.
        """
        now = self._clock()
        self._since += max(0.0, now - self._looked - LONGEST_LOOK)
        self._looked = now
        if self.suspended or waiting_for is None or (self._unhurried and not unhurried):
            self._unhurried = False
            self.progress()
            return False
        self._unhurried = unhurried
        silence = now - self._since
        if self._limit and silence > self._limit and not unhurried:
            raise PeerError(f"gave up after waiting {silence:.0f} s for {waiting_for}")
        if silence > self._report and not self._reported:
            self._reported = True
            self._logger.warning(f"waiting for {waiting_for} since {silence:.0f} s")
        if now - self._sent < RESEND_PERIOD:
            return False
        self._sent = now
        return True
