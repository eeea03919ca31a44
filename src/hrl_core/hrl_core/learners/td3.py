"""TD3 in plain modules under autograd, as open implementations write it, to check the fast one against."""

import torch
from torch import nn

from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import TD3, TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig


class ReferenceCritic(nn.Module):
    """One critic."""

    def __init__(self, config: TD3Config, actor_config: ActorConfig) -> None:
        """Shape it like one of the stacked critics."""
        super().__init__()
        action_dim = actor_config.output_dim
        ins = [actor_config.feature_dim + action_dim, *config.hidden]
        ins[1] += action_dim if config.action_twice else 0
        self._twice = config.action_twice
        self.linears = [nn.Linear(n, m) for n, m in zip(ins, [*config.hidden, 1], strict=True)]
        self.layers = nn.ModuleList(self.linears)

    def forward(self, features: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Values (batch,)."""
        x = torch.cat((features, actions), 1)
        for i, layer in enumerate(self.linears):
            x = torch.cat((x, actions), 1) if i == 1 and self._twice else x
            x = torch.relu(layer(x)) if i < len(self.linears) - 1 else layer(x)
        return x[:, 0]


class ReferenceTD3:
    """Separate modules and optimisers, parameter-wise soft updates; starts as a copy of a fast ``TD3``."""

    def __init__(self, fast: TD3, generator: torch.Generator) -> None:
        """Copy the weights of ``fast`` (without symmetry); ``generator`` draws the smoothing noise."""
        config, actor_config = fast.config, fast.actor_config
        self.config, self._generator = config, generator
        self.actor, self.target_actor = Actor(actor_config), Actor(actor_config)
        self.critics, self.target_critics = (
            [ReferenceCritic(config, actor_config) for _ in range(2)] for _ in range(2)
        )
        for actor, stack in ((self.actor, fast.actor), (self.target_actor, fast.target_actor)):
            _copy(actor.linears, stack.weights, stack.biases, 0)
        for critics, stack in ((self.critics, fast.critics), (self.target_critics, fast.target_critics)):
            for k, critic in enumerate(critics):
                _copy(critic.linears, stack.weights, stack.biases, k)
        self._noise_unit = self.actor.half_range if config.noise_in_range else 1.0
        self._scale = 1 / self.actor.half_range if config.normalise_actions else 1.0
        self._actor_adam = torch.optim.Adam(self.actor.parameters(), config.actor_lr)
        critic_parameters = [p for critic in self.critics for p in critic.parameters()]
        self._critic_adam = torch.optim.Adam(critic_parameters, config.critic_lr)
        self._updates = 0

    def update(self, batch: TransitionBatch) -> None:
        """One update as in ``TD3.update``."""
        config = self.config
        features = self.actor.features(batch.inputs)
        with torch.no_grad():
            next_features = self.actor.features(batch.next_inputs)
            noise = torch.randn(batch.actions.shape, generator=self._generator) * config.target_noise
            noise = noise.clamp(-config.target_noise_clip, config.target_noise_clip) * self._noise_unit
            actions = (self.target_actor(batch.next_inputs) + noise) * self._scale
            value = torch.minimum(*(critic(next_features, actions) for critic in self.target_critics))
            target = batch.rewards + batch.discounts * value
            if config.reward_bounds is not None:
                target = target.clamp(*(bound / (1 - config.discount) for bound in config.reward_bounds))
        losses = [
            nn.functional.huber_loss(critic(features, batch.actions * self._scale), target, delta=config.huber_delta)
            for critic in self.critics
        ]
        self._critic_adam.zero_grad()
        torch.stack(losses).mean().backward()
        self._critic_adam.step()
        self._updates += 1
        if self._updates % config.policy_delay == 0:
            self._update_actor(batch, features)

    def _update_actor(self, batch: TransitionBatch, features: torch.Tensor) -> None:
        actions = self.actor(batch.inputs)
        value = self.critics[0](features, actions * self._scale)
        loss = -value.mean()
        if self.config.bc_alpha:
            distance = (actions - batch.actions) / self.actor.half_range
            meant = 1.0 if batch.meant is None else batch.meant[:, None]
            loss = self.config.bc_alpha / value.detach().abs().mean() * loss + (meant * distance.square()).mean()
        if self.config.pre_tanh_penalty:
            squashed = (actions - self.actor.centre) / self.actor.half_range
            loss = loss + self.config.pre_tanh_penalty * torch.atanh(squashed).square().mean()
        self._actor_adam.zero_grad()
        loss.backward()
        self._actor_adam.step()
        pairs = zip((self.actor, *self.critics), (self.target_actor, *self.target_critics), strict=True)
        for online, target in pairs:
            for parameter, target_parameter in zip(online.parameters(), target.parameters(), strict=True):
                target_parameter.data.mul_(1 - self.config.tau).add_(self.config.tau * parameter.data)


def _copy(layers: list[nn.Linear], weights: list[torch.Tensor], biases: list[torch.Tensor], copy: int) -> None:
    with torch.no_grad():
        for layer, weight, bias in zip(layers, weights, biases, strict=True):
            layer.weight.copy_(weight[copy])
            layer.bias.copy_(bias[copy, 0])
