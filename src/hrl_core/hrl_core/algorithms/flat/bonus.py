"""Intrinsic rewards: what may be added to a task's rewards before an on-policy learner sees them."""

import importlib
from collections.abc import Mapping
from typing import Protocol

from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.protocols import Stateful
from hrl_core.errors import chosen
from hrl_core.learners.advantages import Floats
from hrl_core.learners.on_policy import Rollout
from hrl_core.task.spec import TaskSpec

BONUSES: dict[str, str] = {"vime": "hrl_core.algorithms.flat.vime.bonus"}
"""Name -> module whose ``bonus(spec, config, seed)`` makes one."""


class Bonus(Stateful, Protocol):
    """An intrinsic reward that may learn from what was lived; its state belongs to the run."""

    def bonus(self, batch: Rollout) -> Floats:
        """What each row (rows,) is worth beside the task's reward, in order; asked once for every batch."""
        ...


class BonusWeight:
    """Factor eta on the bonus; with a decay it falls once the task itself has paid.

    eta_k = eta max(0, 1 - k / decay),     k updates after the first batch with a reward above 0
    """

    def __init__(self, weight: float, decay: int) -> None:
        """Begin before any reward; ``decay`` 0: it stays."""
        self._weight, self._decay, self._since = weight, decay, 0

    def of(self, rewards: Floats) -> float:
        """The factor for a batch with these rewards of the task (rows,); asked once for every batch."""
        self._since += int(self._since > 0 or bool((rewards > 0).any()))
        if not self._decay or not self._since:
            return self._weight
        return self._weight * max(0.0, 1 - (self._since - 1) / self._decay)

    def state_dict(self) -> dict[str, int]:
        """Batches since the first reward, that one counted."""
        return {"since": self._since}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._since = state["since"]


def make_bonus(config: OnPolicyFlatConfig, spec: TaskSpec, seed: int, known: Mapping[str, str] = BONUSES) -> Bonus:
    """The intrinsic reward that the switches name; raises ``HrlError`` where there is none."""
    return importlib.import_module(chosen("bonus", config.bonus, known)).bonus(spec, config, seed)
