"""DDPG (arXiv 1509.02971, algorithm 1): a deterministic actor and one critic; it knows no hierarchy.

Deviations from the paper: white noise explores instead of an Ornstein-Uhlenbeck process, no weight decay, no batch
normalisation, and the critic sees the action at its first layer.
"""

from copy import deepcopy

import torch
from torch.nn.functional import mse_loss

from hrl_core.learners.critic import Critic, move
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.one_level import OneLevel
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.initial_weights import draw_weights


class DDPG(OneLevel):
    """Actor, critic and their targets."""

    def __init__(self, config: DDPGConfig, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``."""
        super().__init__(Actor(actor_config, generator))
        self.config = config
        self.critic = Critic(actor_config.feature_dim, actor_config.output_dim, config.hidden)
        draw_weights([self.critic.linears], generator)
        self.target_actor, self.target_critic = deepcopy(self.actor), deepcopy(self.critic)
        self._actor_adam = torch.optim.Adam(self.actor.parameters(), config.actor_lr, fused=True)
        self._critic_adam = torch.optim.Adam(self.critic.parameters(), config.critic_lr, fused=True)
        self.networks |= {"critic": self.critic, "target_actor": self.target_actor, "target_critic": self.target_critic}
        self.optimisers = {"actor_adam": self._actor_adam, "critic_adam": self._critic_adam}

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets (batch,):  y = r + gamma Q'(s', mu'(s'))."""
        with torch.no_grad():
            features = self.actor.features(batch.next_inputs)
            squashed = torch.tanh(self.target_actor.pre_tanh(features))
            return batch.rewards + batch.discounts * self.target_critic(features, squashed)

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One update of the critic, the actor and both targets; figures."""
        features = self.actor.features(batch.inputs)
        y = self.targets(batch)
        values = self.critic(features, self.scaled(batch.actions))
        critic_loss = mse_loss(values, y)  # L = mean (y - Q(s, a))^2
        self._critic_adam.zero_grad()
        critic_loss.backward()
        self._critic_adam.step()
        actor_value = self.critic(features, torch.tanh(self.actor.pre_tanh(features))).mean()
        self._actor_adam.zero_grad()
        # Climb J = mean Q(s, mu(s)); of the critic's parameters no gradient is needed.
        (-actor_value).backward(inputs=list(self.actor.parameters()))
        self._actor_adam.step()
        move(self.target_actor, self.actor, self.config.tau)
        move(self.target_critic, self.critic, self.config.tau)
        self.updates += 1
        return {
            "critic_loss": critic_loss.item(),
            "value": values.mean().item(),
            "target": y.mean().item(),
            "actor_value": actor_value.item(),
        }
