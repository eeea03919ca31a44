"""What is wrong with a recording, said so that a person can find the place."""

from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.keys import EpisodeKey


class Problem(NamedTuple):
    """One finding."""

    bag: Path
    topic: str
    """Empty where it is not about one topic."""
    stamp: int | None
    """Receive time [ns] of the message at which it shows; None: not about one message."""
    episode: EpisodeKey | None
    """None: not about one episode."""
    text: str
    left_out: bool
    """Whether the episode (or the message, where no episode is named) is left out for it."""

    def __str__(self) -> str:
        """Bag, topic, time, episode, finding, consequence."""
        place = [str(self.bag), self.topic, "" if self.stamp is None else iso_time(self.stamp)]
        about = "" if self.episode is None else f"{self.episode}: "
        what = "" if not self.left_out else f" - the {'message' if self.episode is None else 'episode'} is left out"
        return f"{' '.join(filter(None, place))}: {about}{self.text}{what}"


def iso_time(stamp: int) -> str:
    """UTC time of a stamp [ns], to the microsecond."""
    try:
        moment = datetime.fromtimestamp(stamp // 1_000_000_000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return f"{stamp} ns"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{stamp % 1_000_000_000 // 1000:06d}Z"


def missing_numbers(have: npt.NDArray[np.int64], start: int, stop: int) -> list[tuple[int, int]]:
    """Which of start .. stop - 1 are not among ``have`` (rising), as (first, last) of each gap."""
    known = np.concatenate([[start - 1], have[(have >= start) & (have < stop)], [stop]])
    gaps = np.flatnonzero(np.diff(known) > 1)
    return [(int(known[g]) + 1, int(known[g + 1]) - 1) for g in gaps.tolist()]


def grouped(numbers: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Rising numbers as (first, last) of each unbroken stretch."""
    stretches = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return [(int(stretch[0]), int(stretch[-1])) for stretch in stretches if stretch.size]


def in_words(gaps: list[tuple[int, int]]) -> str:
    """Such as ``3, 5 to 9``; no more than four gaps."""
    words = [str(a) if a == b else f"{a} to {b}" for a, b in gaps]
    return ", ".join(words[:4]) + (", ..." if len(words) > 4 else "")
