"""DQN (Mnih et al. 2015), double (arXiv 1509.06461) by default: values of choices; it knows no hierarchy."""

from copy import deepcopy

import torch
from torch import nn
from torch.nn.functional import smooth_l1_loss

from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.one_level import OneLevel
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig


class DQN(OneLevel):
    """A network that says what each choice is worth, and its target."""

    def __init__(self, config: DQNConfig, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise the network from ``generator``: weights and biases U(+-1/sqrt(fan_in)), also of the last layer.

        Without biases values would begin as multiples of the distance from state 0, where small tasks live.
        """
        super().__init__(Actor(actor_config, generator))
        for layer in self.actor.linears:
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        self.config, self.target = config, deepcopy(self.actor)
        self._adam = torch.optim.Adam(self.actor.parameters(), config.lr, fused=True)
        self.networks |= {"target": self.target}
        self.optimisers = {"adam": self._adam}

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets (batch,).

        y = r + gamma Q'(s', argmax_a Q(s', a));   not double: y = r + gamma max_a Q'(s', a)
        """
        with torch.no_grad():
            values = self.target(batch.next_inputs)
            best = (self.actor(batch.next_inputs) if self.config.double else values).argmax(1, keepdim=True)
            return batch.rewards + batch.discounts * values.gather(1, best)[:, 0]

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """Descend the mean Huber loss of Q(s, a) - y; figures."""
        y = self.targets(batch)
        values = self.actor(batch.inputs).gather(1, batch.actions.long())[:, 0]
        loss = smooth_l1_loss(values, y)
        self._adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.actor.parameters(), self.config.gradient_norm)
        self._adam.step()
        self.updates += 1
        if self.updates % self.config.target_interval == 0:
            self.target.load_state_dict(self.actor.state_dict())
        return {"critic_loss": loss.item(), "value": values.mean().item(), "target": y.mean().item()}
