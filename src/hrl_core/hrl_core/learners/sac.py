"""SAC with automatic temperature (arXiv 1812.05905, algorithm 1); it knows no hierarchy."""

import math
from copy import deepcopy

import torch
from torch import nn
from torch.nn.functional import mse_loss

from hrl_core.learners.critic import Critic, move
from hrl_core.learners.devices import usable_device
from hrl_core.learners.distributions import draw_squashed
from hrl_core.learners.one_level import OneLevel
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.initial_weights import draw_weights


class Temperature(nn.Module):
    """alpha = exp(log alpha), the weight of the entropy."""

    def __init__(self, initial: float) -> None:
        """Begin with that alpha."""
        super().__init__()
        self.log_alpha = nn.Parameter(torch.tensor([math.log(initial)]))


class SAC(OneLevel):
    """A stochastic actor, twin critics, their targets, and the temperature."""

    def __init__(self, config: SACConfig, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``, which also draws the actions that updates look at.

        Raises:
            HrlError: there is no such device here.
        """
        super().__init__(Actor(actor_config, generator, config.small_output), usable_device(config.device))
        self.config, self._generator = config, generator
        sizes = actor_config.feature_dim, actor_config.output_dim, config.hidden
        critics = [Critic(*sizes) for _ in range(2)]
        draw_weights([critic.linears for critic in critics], generator, config.small_output)
        self.critics, self.temperature = nn.ModuleList(critics), Temperature(config.temperature)
        self.critics.to(self.device)
        self.temperature.to(self.device)
        self.target_critics = deepcopy(self.critics)
        self._target_entropy = -actor_config.output_dim if config.target_entropy is None else config.target_entropy
        self._actor_adam = torch.optim.Adam(self.actor.parameters(), config.actor_lr, fused=True)
        self._critic_adam = torch.optim.Adam(self.critics.parameters(), config.critic_lr, fused=True)
        self._temperature_adam = torch.optim.Adam(self.temperature.parameters(), config.temperature_lr, fused=True)
        self.networks |= {
            "critics": self.critics,
            "target_critics": self.target_critics,
            "temperature": self.temperature,
        }
        self.optimisers = {
            "actor_adam": self._actor_adam,
            "critic_adam": self._critic_adam,
            "temperature_adam": self._temperature_adam,
        }

    @property
    def alpha(self) -> torch.Tensor:
        """The temperature, (1,), without a gradient."""
        return self.temperature.log_alpha.detach().exp()

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """Soft TD targets (batch,).

        y = r + gamma (min_{k=1,2} Q'_k(s', a') - alpha log pi(a' | s')),   a' ~ pi(. | s')
        """
        with torch.no_grad():
            features = self.actor.features(batch.next_inputs)
            actions, log_probabilities = self._draw(features)
            values = torch.minimum(*(critic(features, actions) for critic in self.target_critics))
            return batch.rewards + batch.discounts * (values - self.alpha * log_probabilities)

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One update of critics, actor, temperature and targets; figures."""
        batch = batch.to(self.device)
        metrics = self._update_critics(batch)
        metrics |= self._update_actor(batch)
        move(self.target_critics, self.critics, self.config.tau)
        self.updates += 1
        return metrics

    def _update_critics(self, batch: TransitionBatch) -> dict[str, float]:
        """Descend L = 1/2 sum_k mean (Q_k(s, a) - y)^2."""
        y = self.targets(batch)
        features, actions = self.actor.features(batch.inputs), self.scaled(batch.actions)
        values = torch.stack([critic(features, actions) for critic in self.critics])
        loss = mse_loss(values, y.expand_as(values))
        self._critic_adam.zero_grad()
        loss.backward()
        self._critic_adam.step()
        return {"critic_loss": loss.item(), "value": values.mean().item(), "target": y.mean().item()}

    def _update_actor(self, batch: TransitionBatch) -> dict[str, float]:
        """Descend L_pi = mean alpha log pi(a|s) - min_k Q_k(s, a), then L_alpha = -log alpha (log pi(a|s) + H).

        a ~ pi(.|s) by the reparametrisation a = tanh(mu + sigma eps); H is the entropy to steer to.
        """
        features = self.actor.features(batch.inputs)
        actions, log_probabilities = self._draw(features)
        value = torch.minimum(*(critic(features, actions) for critic in self.critics))
        loss = (self.alpha * log_probabilities - value).mean()
        self._actor_adam.zero_grad()
        # Of the critics' parameters no gradient is needed.
        loss.backward(inputs=list(self.actor.parameters()))
        self._actor_adam.step()
        surplus = (log_probabilities.detach() + self._target_entropy).mean()
        self._temperature_adam.zero_grad()
        (-self.temperature.log_alpha * surplus).sum().backward()
        self._temperature_adam.step()
        entropy = -log_probabilities.mean().item()
        return {"actor_value": value.mean().item(), "entropy": entropy, "temperature": self.alpha.item()}

    def _draw(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return draw_squashed(self.actor.pre_tanh(features), self._generator)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Networks, targets, moments, counter and generator."""
        return super().state_dict() | {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        super().load_state_dict(state)
        self._generator.set_state(state["generator"])
