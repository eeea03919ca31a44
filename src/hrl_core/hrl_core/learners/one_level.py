"""What the plain learners of one level have in common: acting, figures apart, and their state."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from hrl_core.learners.device_names import CPU
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import Float32


class OneLevel(ABC):
    """An actor that learns from transitions; subclasses say how."""

    def __init__(self, actor: Actor, device: torch.device = torch.device(CPU)) -> None:  # noqa: B008 - immutable
        """Take the actor to a device; subclasses name all their networks and optimisers, which a resume needs."""
        self.actor, self.actor_config, self.device = actor.to(device), actor.config, device
        self.updates = 0
        self.networks: dict[str, nn.Module] = {"actor": actor}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}

    @abstractmethod
    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One update; figures."""

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to what the actor's head takes (``networks.heads``), (batch, last_dim)."""
        with torch.no_grad():
            return self.actor(inputs.to(self.device)).cpu()

    def update_many(self, batches: TransitionBatch, count: int) -> list[dict[str, float]]:
        """``count`` updates, each on its equal share of ``batches``; figures of each."""
        return [self.update(batch) for batch in batches.split(count)]

    def scaled(self, actions: torch.Tensor) -> torch.Tensor:
        """Actions (batch, action_dim) in half-ranges from the centre, as critics see them."""
        return (actions - self.actor.centre) / self.actor.half_range

    def actor_arrays(self) -> dict[str, Float32]:
        """The actor's parameters as arrays of their own."""
        return arrays_of(self.actor.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Everything that later updates depend on."""
        return {"updates": torch.tensor([self.updates])} | networks_state(self.networks, self.optimisers)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.updates = int(state["updates"][0])
        load_networks(state, self.networks, self.optimisers)
