"""Says, once for each level, when HAC gets stuck in one of its known ways."""

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

_LOG = logging.getLogger(__name__)
WINDOW = 50
"""Episodes that are looked back on, and before which nothing is said."""
_FEW = 0.05
"""Share of subgoals reached below which a level asks for the impossible, or the one below has learned nothing."""
_EDGE = 0.01
"""Share of the bound within which a mean value is stuck: a sigmoid has no slope there."""


class Watch:
    """Shares of reached subgoals and mean values of the last episodes."""

    def __init__(self, bound: float) -> None:
        """Values lie in [-``bound``, 0]."""
        self._bound = bound
        self._shares: dict[str, deque[float]] = {}
        self._episodes = 0
        self._said: list[str] = []

    def lived(self, shares: Mapping[str, float]) -> None:
        """Take the share of subgoals that were reached in an episode, by the party that chose them."""
        self._episodes += 1
        for party, share in shares.items():
            recent = self._shares.setdefault(party, deque(maxlen=WINDOW))
            recent.append(share)
            mean = sum(recent) / len(recent)
            if self._episodes > WINDOW and mean < _FEW:
                self._say(party, f"{mean:.1%} of the subgoals of {party} were reached in the last {WINDOW} episodes")

    def learned(self, party: str, value: float) -> None:
        """Take the mean value that a level's critic told in the updates after an episode."""
        if self._episodes > WINDOW and not -(1 - _EDGE) * self._bound < value < -_EDGE * self._bound:
            self._say(f"{party} value", f"the values of {party} are stuck at {value:.3g} of [{-self._bound:g}, 0]")

    def state_dict(self) -> dict[str, Any]:
        """What has been seen and said."""
        shares = {party: list(recent) for party, recent in self._shares.items()}
        return {"shares": shares, "episodes": self._episodes, "said": list(self._said)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._shares = {party: deque(recent, WINDOW) for party, recent in state["shares"].items()}
        self._episodes, self._said = state["episodes"], list(state["said"])

    def _say(self, what: str, words: str) -> None:
        if what not in self._said:
            self._said.append(what)
            _LOG.warning("%s: another seed, the other critic or a wider tolerance may help", words)
