"""Figures of training from recordings: how the recorded episodes went, how old their policies are."""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode, Outcome
from hrl_core.training.recordings.store import StoredPiece

Row = dict[str, Any]
RECENT = 20
"""Newest finished episodes that live success is averaged over."""
_LIVE = {"success": "live/success_rate", "episode_return": "live/return", "final_distance": "live/final_distance"}


class LiveOutcomes:
    """How the newest finished episodes of the recordings went."""

    def __init__(self, of_goal: bool) -> None:
        """Begin without any, of a task with a goal or without: there is none to miss then."""
        self._of_goal, self._newest = of_goal, deque[Outcome](maxlen=RECENT)

    def add(self, episodes: Iterable[BagEpisode]) -> None:
        """Note the outcomes of episodes, in their order; cut-off ones have none."""
        self._newest.extend(episode.outcome for episode in episodes if episode.outcome is not None)

    def state(self) -> list[dict[str, Any]]:
        """The newest ones as plain data."""
        return [outcome._asdict() for outcome in self._newest]

    def restore(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Those that ``state`` gave."""
        self._newest = deque((Outcome(**told) for told in state), maxlen=RECENT)

    def row(self) -> Row:
        """Their means; empty before any."""
        outcomes = self._newest
        if not outcomes:
            return {}
        names = ("success", "episode_return", "final_distance") if self._of_goal else ("episode_return",)
        means = {_LIVE[name]: float(np.mean([getattr(outcome, name) for outcome in outcomes])) for name in names}
        return means | {"live/episodes": len(outcomes)}


def policy_lags(version: int, pieces: Mapping[int, StoredPiece], lengths: Sequence[int] | npt.NDArray) -> Row:
    """Versions that the workers of the stored steps are behind ``version``: median, 90 %, largest.

    Args:
        version: the newest.
        pieces: what each slot of the store holds.
        lengths: steps of each slot, (slots,).
    """
    lags = np.maximum(version - np.array([piece.version for piece in pieces.values()], np.int64), 0)
    steps = np.asarray(lengths, np.int64)[list(pieces)]
    order = np.argsort(lags)
    lags, upto = lags[order], np.cumsum(steps[order])
    if not len(upto) or not upto[-1]:
        return {"policy_lag_p50": 0.0, "policy_lag_p90": 0.0, "policy_lag_max": 0.0}

    def percentile(share: float) -> float:
        """As ``numpy.percentile`` of the lags of all steps, which may be too many to write down."""
        place = share * (int(upto[-1]) - 1)
        below, above = lags[np.searchsorted(upto, [math.floor(place), math.ceil(place)], side="right")]
        return float(below + (above - below) * (place % 1))

    return {"policy_lag_p50": percentile(0.5), "policy_lag_p90": percentile(0.9), "policy_lag_max": percentile(1.0)}
