"""Cloning: an actor is fitted to what was done, by least squares."""

import torch

from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.learners.one_level import OneLevel
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig

DECAY = 0.2


class Cloning(OneLevel):
    """Maps inputs to the actions that were taken there."""

    def __init__(self, config: CloningConfig, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise the actor from ``generator``."""
        super().__init__(Actor(actor_config, generator))
        self.config = config
        self._adam = torch.optim.Adam(self.actor.parameters(), config.lr)
        self.optimisers = {"adam": self._adam}

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One step; of a batch only inputs and actions count.

        L = mean ((mu(x) - a) / half-range)^2
        """
        config = self.config
        late = 0 < config.decay_after <= self.updates
        self._adam.param_groups[0]["lr"] = config.lr * (DECAY if late else 1.0)
        loss = (self.scaled(self.actor(batch.inputs)) - self.scaled(batch.actions)).square().mean()
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        self.updates += 1
        return {"cloning_loss": loss.item()}
