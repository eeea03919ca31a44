"""How the episodes of a run went: some 42 bytes each, for runs of weeks, and what they come to so far."""

from array import array
from collections.abc import Iterator
from typing import Any

from hrl_core.messages import EpisodeEnd, EpisodeResult

_COLUMNS = {
    "episode": "Q",
    "seed": "Q",
    "steps": "q",
    "episode_return": "d",
    "success": "b",
    "final_distance": "d",
    "end_reason": "b",
}
"""What is kept of a result, and as which type of ``array``."""


class Outcomes:
    """Takes results, and tells of all of them without going through them again."""

    def __init__(self) -> None:
        """Start without any."""
        self.ended = 0
        """Episodes that were not cancelled."""
        self._columns = {name: array(kind) for name, kind in _COLUMNS.items()}
        self._successes, self._steps, self._return = 0, 0, 0.0

    def append(self, result: EpisodeResult) -> None:
        """An episode has ended."""
        for name, column in self._columns.items():
            column.append(getattr(result, name))
        if result.end_reason != EpisodeEnd.CANCELLED:
            self.ended += 1
            self._successes += bool(result.success)
            self._steps += result.steps
            self._return += result.episode_return

    @property
    def success_rate(self) -> float:
        """Of the episodes that ended; there is at least one."""
        return self._successes / self.ended

    @property
    def mean_return(self) -> float:
        """Likewise."""
        return self._return / self.ended

    @property
    def mean_steps(self) -> float:
        """Environment steps of an episode, likewise."""
        return self._steps / self.ended

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each episode as plain data, in their order."""
        for values in zip(*self._columns.values(), strict=True):
            row = dict(zip(self._columns, values, strict=True))
            yield row | {"success": bool(row["success"]), "end_reason": EpisodeEnd(row["end_reason"]).name}
