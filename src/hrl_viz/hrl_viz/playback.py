"""The course of a replay, without ROS: which recorded step is due, given pace, pauses, jumps and loops."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

NANOSECONDS = 1_000_000_000
FASTEST = 0.0
_AT_ONCE = 50
"""Most ticks handed out in one go, so that buttons answer while playing as fast as possible."""


class Tick(NamedTuple):
    """One environment step as it was recorded."""

    episode: int
    """Position of its episode, which need not be the one that the next tick is of."""
    stamp: int
    """Environment time [ns]."""
    messages: Sequence[tuple[str, bytes]]
    """Topic and serialised message: the observation, then what followed until the next one."""


class Playback:
    """Hands out ticks when their time has come: environment time runs ``rate`` times as fast as the wall's."""

    def __init__(
        self,
        episodes: int,
        load: Callable[[int], Sequence[Tick]],
        rate: float = 1.0,
        loop: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stand before the first tick of the first episode.

        Args:
            episodes: how many there are, at least 1.
            load: ticks of an episode by its position.
            rate: environment seconds per wall second; 0: as fast as possible.
            loop: begin again after the last episode.
            clock: wall time [s].
        """
        self.paused = False
        self.finished = False
        self.loop = loop
        self.taken = 0
        """Ticks handed out in all."""
        self._episodes, self._load, self._rate, self._clock = episodes, load, rate, clock
        self._allowed = 0
        self.go(0)

    @property
    def rate(self) -> float:
        """Environment seconds per wall second; 0: as fast as possible."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        self._rate = rate
        self._mark()

    def go(self, position: int) -> None:
        """Go to the start of the episode at ``position``."""
        self.episode = position
        self._ticks = self._load(position)
        self._next = 0
        self.finished = False
        self._allowed = 1 if self.paused else 0
        self._mark()

    def pause(self, paused: bool) -> None:
        """Pause or go on."""
        self.paused, self._allowed = paused, 0
        self._mark()

    def step(self, count: int) -> int:
        """Allow ``count`` ticks while paused; returns what ``taken`` will be then."""
        self._allowed += count
        return self.taken + self._allowed

    @property
    def target(self) -> int:
        """What ``taken`` will be when the steps asked for are done."""
        return self.taken + (self._allowed if self.paused else 0)

    def due(self) -> list[Tick]:
        """Ticks whose time has come since the last call."""
        ticks: list[Tick] = []
        while len(ticks) < _AT_ONCE and not self.finished and self._is_due():
            tick = self._ticks[self._next]
            self._next += 1
            self.taken += 1
            if self.paused:
                self._allowed -= 1
            ticks.append(tick)
            if self._next == len(self._ticks):
                self._end()
        return ticks

    def _is_due(self) -> bool:
        if self.paused:
            return self._allowed > 0
        if self._rate == FASTEST:
            return True
        passed = (self._ticks[self._next].stamp - self._from) / NANOSECONDS
        return self._clock() - self._since >= passed / self._rate

    def _end(self) -> None:
        last = self.episode + 1 == self._episodes
        if last and not self.loop:
            self.finished = True
            return
        allowed = self._allowed
        self.go(0 if last else self.episode + 1)
        self._allowed = allowed

    def _mark(self) -> None:
        """Let the wall time of now be the environment time of the next tick."""
        self._since = self._clock()
        self._from = self._ticks[min(self._next, len(self._ticks) - 1)].stamp
