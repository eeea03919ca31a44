"""Cloning: an actor is fitted to what was done, by least squares."""

import torch

from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.learners.one_level import OneLevel
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig

_DECAY = 0.2


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
        loss = (self.scaled(self.actor(batch.inputs)) - self.scaled(batch.actions)).square().mean()
        self.updates += 1
        return descend(self._adam, self.config, self.updates, loss)


def descend(adam: torch.optim.Adam, config: CloningConfig, number: int, loss: torch.Tensor) -> dict[str, float]:
    """Step ``number`` (from 1) down a loss, smaller once ``decay_after`` steps have been made; its figures."""
    late = 0 < config.decay_after < number
    adam.param_groups[0]["lr"] = config.lr * (_DECAY if late else 1.0)
    adam.zero_grad()
    loss.backward()
    adam.step()
    return {"cloning_loss": loss.item()}
