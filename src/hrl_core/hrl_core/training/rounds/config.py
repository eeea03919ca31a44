"""How a policy is trained by rounds."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hrl_core.algorithms import require_recordings
from hrl_core.errors import HrlError
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import stored_config

EXACT, FREE = "exact", "free"
ORDERS = (EXACT, FREE)


@runtime_checkable
class Collectable(Protocol):
    """Switches of an algorithm of which some say how to act otherwise than by policies."""

    def require_rounds(self) -> None:
        """Raise ``HrlError`` where collectors, who act by policies, cannot do what is asked for."""
        ...


@dataclass(frozen=True)
class RoundConfig:
    """Everything that decides a run by rounds, besides task and seed."""

    training: TrainConfig[Any]
    """Agent and update ratios; a block is an episode in each of ``num_envs`` environments."""
    rounds: str = EXACT
    """exact: blocks are learned from in the order of their numbers, those of a round by the policy of the round before
    the last; free: as they arrive, by the newest policy there was."""
    round_blocks: int = 4
    """Blocks of a round."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        require_recordings(self.algorithm)
        if isinstance(self.training.agent, Collectable):
            self.training.agent.require_rounds()
        if self.rounds not in ORDERS:
            raise HrlError(f"rounds: choose one of {', '.join(ORDERS)}, got '{self.rounds}'")
        if self.round_blocks < 1:
            raise HrlError(f"round_blocks must be at least 1, got {self.round_blocks}")

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return self.training.algorithm

    @property
    def evaluation(self) -> str:
        """How policies act outside training."""
        return self.training.evaluation

    @property
    def evaluation_interval(self) -> int:
        """Environment steps between evaluations."""
        return self.training.evaluation_interval

    @property
    def checkpoint_interval(self) -> int:
        """Environment steps between checkpoints of the whole training state."""
        return self.training.checkpoint_interval

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"rounds": self.rounds, "round_blocks": self.round_blocks, "training": self.training.as_dict()}


def stored_round_config(values: Mapping[str, Any]) -> RoundConfig:
    """The configuration that ``as_dict`` gave as plain data.

    Raises:
        HrlError: it is not one of a run by rounds; names what is missing or unknown.
    """
    own = {field.name for field in dataclasses.fields(RoundConfig)}
    if set(values) != own:
        raise HrlError(f"not the configuration of a training by rounds: {', '.join(sorted(set(values) ^ own))}")
    return RoundConfig(**{**values, "training": stored_config(values["training"])})
