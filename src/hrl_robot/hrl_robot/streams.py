"""Streams of a robot's state and which of their samples stands for an instant."""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from hrl_robot.robot_config import StreamConfig

T = TypeVar("T")
_DEPTH = 64


@dataclass(frozen=True)
class Sample(Generic[T]):
    """One message, converted."""

    value: T
    stamp: float
    """Seconds of the sender's clock, as in the header."""
    received: float
    """Seconds of steady time here."""


class Stream(Generic[T]):
    """Keeps recent samples of one stream."""

    def __init__(self, name: str, config: StreamConfig, tolerance: float | None = None) -> None:
        """Start without a sample.

        Args:
            name: what people call it.
            config: alignment and tolerance.
            tolerance: greatest age [s] instead of the configured one.
        """
        self.name, self.config = name, config
        self.count = 0
        """Samples so far."""
        self.stepped_back = 0
        """Times that stamps went backwards."""
        self._tolerance = config.tolerance if tolerance is None else tolerance
        self._samples: deque[Sample[T]] = deque(maxlen=_DEPTH)
        self._used = 0

    def add(self, value: T, stamp: float, received: float) -> None:
        """Take a sample; stamps that go backwards mean another clock, whose past does not count."""
        if self._samples and stamp < self._samples[-1].stamp:
            self.stepped_back += 1
            self._samples.clear()
        self._samples.append(Sample(value, stamp, received))
        self.count += 1

    @property
    def newest(self) -> T | None:
        """The newest sample, however old."""
        return self._samples[-1].value if self._samples else None

    def silence(self, now: float) -> float:
        """Seconds since the last sample; infinite before the first."""
        return now - self._samples[-1].received if self._samples else float("inf")

    def at(self, now: float, wall: float) -> T | None:
        """The sample that stands for this instant; None when there is none that may.

        Args:
            now: steady time [s].
            wall: the same instant on the clock of the stamps [s].
        """
        if self.config.alignment == "as_of":
            past = [sample for sample in self._samples if sample.stamp <= wall]
            return past[-1].value if past and wall - past[-1].stamp <= self._tolerance else None
        if self.silence(now) > self._tolerance:
            return None
        if self.config.alignment == "drop":
            if self.count == self._used:
                return None
            self._used = self.count
        return self._samples[-1].value
