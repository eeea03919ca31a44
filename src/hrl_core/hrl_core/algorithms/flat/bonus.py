"""Intrinsic rewards: what may be added to a task's rewards before an on-policy learner sees them."""

import importlib
from collections.abc import Mapping
from typing import Protocol

from hrl_core.algorithms.protocols import Stateful
from hrl_core.errors import HrlError, did_you_mean
from hrl_core.learners.advantages import Floats
from hrl_core.learners.on_policy import Rollout
from hrl_core.task.spec import TaskSpec

BONUSES: dict[str, str] = {}
"""Name -> module whose ``bonus(spec, seed)`` makes one; none is shipped."""


class Bonus(Stateful, Protocol):
    """An intrinsic reward that may learn from what was lived; its state belongs to the run."""

    def bonus(self, batch: Rollout) -> Floats:
        """What each row (rows,) is worth beside the task's reward, in order; asked once for every batch."""
        ...


def make_bonus(name: str, spec: TaskSpec, seed: int, known: Mapping[str, str] = BONUSES) -> Bonus:
    """The intrinsic reward of that name; raises ``HrlError`` where there is none."""
    if name not in known:
        raise HrlError(
            f"unknown bonus '{name}'{did_you_mean(name, known)}: choose one of {', '.join(known) or 'none yet'}"
        )
    return importlib.import_module(known[name]).bonus(spec, seed)
