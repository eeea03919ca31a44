"""TD3 (arXiv 1802.09477, algorithm 1) as HIRO runs it (arXiv 1805.08296, appendix C); it knows no hierarchy.

This is the version to read. ``td3_fast`` makes the same updates by hand, equal by test and 1.8 times as fast.
Deviation from HIRO's released code: between delayed actor updates the actor's Adam rests, where the released code lets
it go on with its momentum.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

import torch
from torch import nn
from torch.nn.functional import huber_loss

from hrl_core.learners.critic import Critic, move
from hrl_core.learners.device_names import CPU
from hrl_core.learners.devices import usable_device
from hrl_core.learners.networks_state import load_networks, networks_state
from hrl_core.learners.td3_config import LEAST_VALUE, SATURATED, TD3Config
from hrl_core.learners.transitions import ActionPenalty, TransitionBatch
from hrl_core.networks.actor import Actor, Turner
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.initial_weights import draw_weights


class TD3:
    """Twin critics, delayed deterministic actor, soft targets, in plain modules under autograd."""

    def __init__(self, config: TD3Config, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``, which also draws the smoothing noise.

        Raises:
            HrlError: there is no such device here.
        """
        self.config, self.actor_config, self._generator = config, actor_config, generator
        self._device = usable_device(config.device)
        self.actor = Actor(actor_config, generator, config.small_output).to(self._device)
        sizes = actor_config.feature_dim, actor_config.output_dim, config.hidden, config.action_twice
        critics = [Critic(*sizes) for _ in range(2)]
        draw_weights([critic.linears for critic in critics], generator, config.small_output)
        self.critics = nn.ModuleList(critics).to(self._device)
        self.target_actor, self.target_critics = deepcopy(self.actor), deepcopy(self.critics)
        self.average_actor = deepcopy(self.actor) if config.average_tau else self.actor
        self._turner = None if actor_config.turn is None else Turner(actor_config.turn).to(self._device)
        self._noise_unit = self.actor.half_range if config.noise_in_range else torch.ones((), device=self._device)
        self._action_scale = (
            1 / self.actor.half_range if config.normalise_actions else torch.ones_like(self._noise_unit)
        )
        self._actor_adam = torch.optim.Adam(self.actor.parameters(), config.actor_lr)
        self._critic_adam = torch.optim.Adam(self.critics.parameters(), config.critic_lr)
        self._optimisers = {"actor_adam": self._actor_adam, "critic_adam": self._critic_adam}
        self.updates = 0
        self.action_penalty: ActionPenalty | None = None

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to noise-free actions (batch, action_dim) in raw units."""
        return self._act_by(self.actor, inputs)

    def snapshot(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """``act`` as it is now, whatever is learned meanwhile."""
        return partial(self._act_by, deepcopy(self.actor))

    def _act_by(self, actor: Actor, inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return actor(inputs.to(self._device)).cpu()

    def update_many(self, batches: TransitionBatch, count: int) -> list[dict[str, float]]:
        """``count`` updates, each on its equal share of ``batches``; figures of each."""
        return [self.update(batch) for batch in batches.split(count)]

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One critic update and, every ``policy_delay``-th time, one actor and soft update; figures."""
        batch = batch.to(self._device).standardised(self._turner)
        metrics = self._update_critics(batch)
        self.updates += 1
        if self.updates % self.config.policy_delay == 0:
            metrics |= self._update_actor(batch)
            self._follow()
        return metrics

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets (batch,).

        y = r + gamma min_{k=1,2} Q'_k(s', mu'(s') + clip(eps, -c, c)),   eps ~ N(0, sigma^2)

        By configuration the noisy action is clipped to the limits as well.
        """
        config = self.config
        with torch.no_grad():
            # Drawn on the host, so that every device sees the same.
            noise = torch.empty(batch.actions.shape).normal_(0.0, config.target_noise, generator=self._generator)
            noise = noise.clamp(-config.target_noise_clip, config.target_noise_clip).to(self._device)
            actions = self.target_actor.standard(batch.next_inputs) + noise * self._noise_unit
            if config.clip_target_actions:
                centre, half_range = self.actor.centre, self.actor.half_range
                actions = actions.clamp(centre - half_range, centre + half_range)
            features = self.actor.features(batch.next_inputs)
            values = [critic(features, actions * self._action_scale) for critic in self.target_critics]
            y = batch.rewards + batch.discounts * torch.minimum(*values)
        if config.reward_bounds is None:
            return y
        low, high = (bound / (1 - config.discount) for bound in config.reward_bounds)
        return y.clamp(low, high)

    def _update_critics(self, batch: TransitionBatch) -> dict[str, float]:
        """Descend L = 1/2 sum_k mean Huber(Q_k(s, a) - y)."""
        y = self.targets(batch)
        features, actions = self.actor.features(batch.inputs), batch.actions * self._action_scale
        values = torch.stack([critic(features, actions) for critic in self.critics])
        loss = huber_loss(values, y.expand_as(values), delta=self.config.huber_delta)
        self._critic_adam.zero_grad()
        loss.backward()
        self._critic_adam.step()
        return {"critic_loss": loss.item(), "value": values.mean().item(), "target": y.mean().item()}

    def _update_actor(self, batch: TransitionBatch) -> dict[str, float]:
        """Descend L = -w mean Q_1(s, mu(s)) + what configuration adds.

        penalty * mean z^2, z before the tanh; with cloning (TD3+BC, arXiv 2106.06860) the mean squared distance
        [half-ranges] to recorded actions, and w = alpha / mean |Q_1(s, mu(s))| instead of 1.
        """
        config, features = self.config, self.actor.features(batch.inputs)
        z = self.actor.pre_tanh(features)
        actions = self.actor.centre + self.actor.half_range * torch.tanh(z)
        value = self.critics[0](features, actions * self._action_scale)
        loss = -value.mean()
        if config.bc_alpha:
            distance = (actions - batch.actions) / self.actor.half_range
            meant = torch.ones_like(batch.rewards) if batch.meant is None else batch.meant
            loss = config.bc_alpha / value.detach().abs().mean().clamp(min=LEAST_VALUE) * loss
            loss = loss + (meant[:, None] * distance.square()).mean()
        if config.pre_tanh_penalty:
            loss = loss + config.pre_tanh_penalty * z.square().mean()
        if self.action_penalty is not None:
            gradient = self.action_penalty(batch.inputs.cpu(), actions.detach().cpu())
            loss = loss + (gradient.to(self._device) * actions).sum()
        self._actor_adam.zero_grad()
        loss.backward()
        self._actor_adam.step()
        saturated = (torch.tanh(z).abs() > SATURATED).float().mean()
        return {"actor_value": value.mean().item(), "saturation": saturated.item()}

    def _follow(self) -> None:
        """Targets: theta' <- tau theta + (1 - tau) theta'. The average actor: all updates alike at first."""
        config = self.config
        move(self.target_actor, self.actor, config.tau)
        move(self.target_critics, self.critics, config.tau)
        if config.average_tau:
            move(self.average_actor, self.actor, max(config.average_tau, config.policy_delay / self.updates))

    def actor_weights(self) -> dict[str, torch.Tensor]:
        """The (averaged) actor's parameters."""
        return {name: tensor.to(CPU, copy=True) for name, tensor in self.average_actor.state_dict().items()}

    def actor_arrays(self) -> dict[str, Float32]:
        """The same as arrays."""
        return {name: tensor.numpy() for name, tensor in self.actor_weights().items()}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters, targets, optimiser moments, update counter and generator."""
        state = networks_state(dict(self._modules()), self._optimisers)
        return state | {"updates": torch.tensor([self.updates]), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, dict(self._modules()), self._optimisers)
        self.updates = int(state["updates"][0])
        self._generator.set_state(state["generator"])

    def _modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every network once: without averaging, the average actor is the actor."""
        for name in ("actor", "target_actor", "average_actor", "critics", "target_critics"):
            if name != "average_actor" or self.average_actor is not self.actor:
                yield name, getattr(self, name)
