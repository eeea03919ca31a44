"""What a level learns from, and what learners of one level have in common."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import torch

from hrl_core.learners.td3_config import TD3Config
from hrl_core.networks.actor import Turner
from hrl_core.networks.actor_config import ActorConfig, Float32

ActionPenalty = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Gradient of a further loss of the actor with respect to its raw actions, from inputs and actions."""


class TransitionBatch(NamedTuple):
    """What a level learns from; float32, leading axis (batch,)."""

    inputs: torch.Tensor
    actions: torch.Tensor
    """Raw units."""
    rewards: torch.Tensor
    """Shape (batch,); an n-step return where the discounts say so."""
    discounts: torch.Tensor
    """Factor on the bootstrapped value: discount^n, 0 where the episode terminated, shape (batch,)."""
    next_inputs: torch.Tensor
    meant: torch.Tensor | None = None
    """1 where the action was taken for the goal among the inputs, or led to it; 0: nothing to clone (``bc_alpha``).
    Shape (batch,); None: 1 throughout."""

    def split(self, count: int) -> "list[TransitionBatch]":
        """``count`` equal shares, in order."""
        size = len(self.rewards) // count
        parts = [None if part is None else part.split(size) for part in self]
        return [TransitionBatch(*(None if p is None else p[i] for p in parts)) for i in range(count)]  # pyright: ignore[reportArgumentType]

    def to(self, device: torch.device) -> "TransitionBatch":
        """The same on a device."""
        return TransitionBatch(*(None if part is None else part.to(device) for part in self))  # pyright: ignore[reportArgumentType]

    def standardised(self, turner: Turner | None) -> "TransitionBatch":
        """Every transition turned to the standard heading of a symmetry, if any; its two ends each by their own."""
        if turner is None:
            return self
        sectors, next_sectors = turner.sectors(self.inputs), turner.sectors(self.next_inputs)
        return self._replace(
            inputs=turner.inputs(self.inputs, sectors),
            actions=turner.outputs(self.actions, -sectors),
            next_inputs=turner.inputs(self.next_inputs, next_sectors),
        )


def seen(states: Float32, pursued: Float32) -> torch.Tensor:
    """What a policy sees: states (batch, observation_dim), and behind them what they pursue, (batch, any)."""
    return torch.from_numpy(np.concatenate((states, pursued), axis=1))


class OffPolicyLearner(Protocol):
    """Learns an actor from transitions."""

    actor_config: ActorConfig
    updates: int
    """Updates so far."""

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to what the actor's head takes (``networks.heads``), (batch, last_dim)."""
        ...

    def update_many(self, batches: TransitionBatch, count: int) -> list[dict[str, float]]:
        """``count`` updates, each on its equal share of ``batches``; figures of each."""
        ...

    def actor_arrays(self) -> dict[str, Float32]:
        """The (averaged) actor's parameters under the names of ``networks.actor.Actor``."""
        ...

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Everything that later updates depend on."""
        ...

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        ...


class LevelLearner(OffPolicyLearner, Protocol):
    """TD3 for one level, the plain or the fast one."""

    config: TD3Config
    action_penalty: ActionPenalty | None

    def actor_weights(self) -> dict[str, torch.Tensor]:
        """The (averaged) actor's parameters as tensors."""
        ...

    def snapshot(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """``act`` as it is now, whatever is learned meanwhile; until the next snapshot."""
        ...
