"""Figures of training from recordings: how the recorded episodes went, how old their policies are."""

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


class LiveOutcomes:
    """How the newest finished episodes of the recordings went."""

    def __init__(self) -> None:
        """Begin without any."""
        self._newest: deque[Outcome] = deque(maxlen=RECENT)

    def add(self, episodes: Iterable[BagEpisode]) -> None:
        """Note the outcomes of episodes, in their order; cut-off ones have none."""
        self._newest.extend(episode.outcome for episode in episodes if episode.outcome is not None)

    def row(self) -> Row:
        """Their means; empty before any."""
        outcomes = self._newest
        if not outcomes:
            return {}
        return {
            "live/success_rate": float(np.mean([outcome.success for outcome in outcomes])),
            "live/return": float(np.mean([outcome.episode_return for outcome in outcomes])),
            "live/final_distance": float(np.mean([outcome.final_distance for outcome in outcomes])),
            "live/episodes": len(outcomes),
        }


def policy_lags(version: int, pieces: Mapping[int, StoredPiece], lengths: Sequence[int] | npt.NDArray) -> Row:
    """Versions that the workers of the stored steps are behind ``version``: median, 90 %, largest.

    Args:
        version: the newest.
        pieces: what each slot of the store holds.
        lengths: steps of each slot, (slots,).
    """
    versions = [version for _, _, version in pieces.values()]
    steps = [int(lengths[slot]) for slot in pieces]
    lags = np.maximum(version - np.repeat(versions, steps), 0) if steps else np.zeros(1)
    return {
        "policy_lag_p50": float(np.percentile(lags, 50)),
        "policy_lag_p90": float(np.percentile(lags, 90)),
        "policy_lag_max": float(lags.max()),
    }
