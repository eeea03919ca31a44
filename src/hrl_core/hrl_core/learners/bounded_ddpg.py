"""DDPG (arXiv 1509.02971) with values bounded to [-B, 0] and without target networks, as HAC learns its levels.

Knows no hierarchy: rows in, an actor out. Where every reward is -1 until the end, no value lies outside [-B, 0], B the
most steps that count; clipping targets to that keeps the critic from running away without targets of its own.
"""

import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn.functional import huber_loss, mse_loss

from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.initial_weights import draw_weights

_FIRST_VALUE = -0.067
"""Of an untrained sigmoid critic (released code of HAC): optimistic, but not where the sigmoid is flat."""
_LINEAR_UNIT = 0.1
"""Output of a linear critic that stands for a value of 1, in bounds."""


class BoundedCritic(nn.Module):
    """Q(s, a) by a perceptron with ReLU.

    ``linear``: Q = B/10 f(s, a);  ``sigmoid``: Q = -B sigmoid(f(s, a) + b), b such that it begins near 0.
    """

    def __init__(self, config: BoundedDDPGConfig, actor: ActorConfig, bound: float, generator: torch.Generator) -> None:
        """Draw its parameters; see ``draw_weights``."""
        super().__init__()
        sizes = (actor.feature_dim + actor.output_dim, *config.hidden, 1)
        self.linears = [nn.Linear(n, m) for n, m in pairwise(sizes)]
        self.layers = nn.ModuleList(self.linears)
        self._sigmoid, self._bound = config.critic == "sigmoid", bound
        self._offset = -math.log(bound / -_FIRST_VALUE - 1)
        draw_weights([self.linears], generator)

    def forward(self, features: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Values (batch,) of features (batch, feature_dim) and actions (batch, action_dim) between -1 and 1."""
        x = torch.cat((features, actions), 1)
        for layer in self.linears[:-1]:
            x = torch.relu(layer(x))
        f = self.linears[-1](x)[:, 0]
        return -self._bound * torch.sigmoid(f + self._offset) if self._sigmoid else _LINEAR_UNIT * self._bound * f


class BoundedDDPG:
    """One level's actor and critic."""

    def __init__(
        self, config: BoundedDDPGConfig, actor_config: ActorConfig, bound: float, generator: torch.Generator
    ) -> None:
        """Initialise networks from ``generator``; values lie in [-``bound``, 0]."""
        self.config, self.actor_config, self.bound = config, actor_config, bound
        self.actor = Actor(actor_config, generator)
        self.critic = BoundedCritic(config, actor_config, bound, generator)
        self._actor_adam = torch.optim.Adam(self.actor.parameters(), config.actor_lr, fused=True)
        self._critic_adam = torch.optim.Adam(self.critic.parameters(), config.critic_lr, fused=True)
        self.updates = 0

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One critic and one actor update; figures."""
        features = self.actor.features(batch.inputs)
        metrics = self._update_critic(batch, features) | self._update_actor(features)
        self.updates += 1
        return metrics

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets (batch,):  y = clip(r + d Q(s', mu(s')), -B, 0)."""
        with torch.no_grad():
            features = self.actor.features(batch.next_inputs)
            values = self.critic(features, torch.tanh(self.actor.pre_tanh(features)))
            return (batch.rewards + batch.discounts * values).clamp(-self.bound, 0.0)

    def _update_critic(self, batch: TransitionBatch, features: torch.Tensor) -> dict[str, float]:
        """Descend the mean squared error of Q(s, a) to y, or its Huber loss in units of the bound."""
        y = self.targets(batch)
        values = self.critic(features, (batch.actions - self.actor.centre) / self.actor.half_range)
        if self.config.critic == "sigmoid":
            loss = mse_loss(values, y)
        else:
            # Few rows reach their goal: a loss that turned linear within the bounds would not see them.
            loss = huber_loss(values / self.bound, y / self.bound)
        self._critic_adam.zero_grad()
        loss.backward()
        self._critic_adam.step()
        return {"critic_loss": loss.item(), "value": values.mean().item(), "target": y.mean().item()}

    def _update_actor(self, features: torch.Tensor) -> dict[str, float]:
        """Descend L = -mean Q(s, mu(s)) / unit + penalty * mean z^2, z before the tanh."""
        z = self.actor.pre_tanh(features)
        value = self.critic(features, torch.tanh(z)).mean()
        loss = -value / (_LINEAR_UNIT * self.bound) + self.config.pre_tanh_penalty * z.square().mean()
        self._actor_adam.zero_grad()
        # Of the critic's parameters no gradient is needed.
        loss.backward(inputs=list(self.actor.parameters()))
        self._actor_adam.step()
        return {"actor_value": value.item()}

    def actor_arrays(self) -> dict[str, Float32]:
        """The actor's parameters as arrays of their own."""
        return arrays_of(self.actor.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Parameters, optimiser moments and update counter."""
        return {"updates": self.updates} | networks_state(*self._parts())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.updates = state["updates"]
        load_networks(state, *self._parts())

    def _parts(self) -> tuple[dict[str, nn.Module], dict[str, torch.optim.Optimizer]]:
        networks: dict[str, nn.Module] = {"actor": self.actor, "critic": self.critic}
        return networks, {"actor_adam": self._actor_adam, "critic_adam": self._critic_adam}
