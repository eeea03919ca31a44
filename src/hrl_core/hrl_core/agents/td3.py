"""TD3 (arXiv 1802.09477) as HIRO runs it (arXiv 1805.08296, appendix C); it knows no hierarchy.

Written for speed on one core: see ``dense``. Deviation from HIRO's released code: between delayed actor
updates the actor's Adam rests, where the released code lets it go on with its momentum.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from hrl_core.agents.dense import DenseStack, FlatAdam, Trace
from hrl_core.errors import HrlError
from hrl_core.networks import ActorConfig, Turner

TWINS = 2


@dataclass(frozen=True)
class TD3Config:
    """How one level learns; defaults are HIRO's (spec/hiro.md 2.3, 2.4)."""

    hidden: tuple[int, ...] = (300, 300)
    """Units of each hidden layer, actor and critics."""
    actor_lr: float = 1e-4
    critic_lr: float = 1e-3
    discount: float = 0.99
    """Per transition of this level."""
    tau: float = 0.005
    """Share of the online parameters in a soft update."""
    policy_delay: int = 2
    """Critic updates per actor update and soft update."""
    batch_size: int = 100
    noise_in_range: bool = False
    """Whether noise figures are fractions of the half-range instead of raw units (HIRO: raw)."""
    exploration_noise: float = 1.0
    """Standard deviation of the Gaussian added to actions while exploring."""
    target_noise: float = 0.2
    """Standard deviation of the target policy's smoothing noise; the noisy target action is not clipped."""
    target_noise_clip: float = 0.5
    """Bound of the smoothing noise."""
    huber_delta: float = 1.0
    """Where the Huber loss turns linear."""
    action_twice: bool = True
    """Whether the critics see the action again at their second layer (HIRO's released code)."""
    normalise_actions: bool = False
    """Whether the critics see actions divided by their half-range (row B)."""
    pre_tanh_penalty: float = 0.0
    """Weight of the mean squared pre-tanh actor output in the actor's loss (row B: 1e-3, against
    saturation)."""
    reward_bounds: tuple[float, float] | None = None
    """Known bounds of the reward per transition; targets are clipped to bounds / (1 - discount) (row B)."""
    average_tau: float = 0.0
    """Share of the online actor per update in a slow average for evaluation and export; 0: none (row B)."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        rules = (
            (len(self.hidden) > 0, "hidden: at least one layer"),
            (0 <= self.discount < 1, "discount: in [0, 1)"),
            (0 < self.tau <= 1, "tau: in (0, 1]"),
            (0 <= self.average_tau <= 1, "average_tau: in [0, 1]"),
            (self.policy_delay >= 1 and self.batch_size >= 1, "policy_delay, batch_size: at least 1"),
            (self.huber_delta > 0, "huber_delta: positive"),
            (
                self.reward_bounds is None or self.reward_bounds[0] < self.reward_bounds[1],
                "reward_bounds: low < high",
            ),
        )
        for holds, rule in rules:
            if not holds:
                raise HrlError(f"TD3 configuration: {rule}, got {self}")


ActionPenalty = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Gradient of a further loss of the actor with respect to its raw actions, from inputs and actions."""


class TransitionBatch(NamedTuple):
    """What TD3 learns from; float32, leading axis (batch,)."""

    inputs: torch.Tensor
    actions: torch.Tensor
    """Raw units."""
    rewards: torch.Tensor
    """Shape (batch,); an n-step return where the discounts say so."""
    discounts: torch.Tensor
    """Factor on the bootstrapped value: discount^n, 0 where the episode terminated, shape (batch,)."""
    next_inputs: torch.Tensor


class TD3:
    """Twin critics, delayed deterministic actor, soft targets."""

    def __init__(self, config: TD3Config, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``, which also draws the smoothing noise."""
        self.config, self.actor_config, self._generator = config, actor_config, generator
        action_dim = actor_config.output_dim
        features = actor_config.feature_dim
        actor = (features, config.hidden, action_dim)
        critic = (features + action_dim, config.hidden, 1, TWINS, action_dim if config.action_twice else 0)
        self.actor, self.target_actor = DenseStack(*actor, generator=generator), DenseStack(*actor)
        self.critics, self.target_critics = DenseStack(*critic, generator=generator), DenseStack(*critic)
        self.average_actor = DenseStack(*actor) if config.average_tau else self.actor
        self.target_actor.flat.copy_(self.actor.flat)
        self.average_actor.flat.copy_(self.actor.flat)
        self.target_critics.flat.copy_(self.critics.flat)
        self._feature_map = actor_config.feature_matrix().T.contiguous()
        low, high = actor_config.bounds()
        self._centre, self._half_range = (high + low) / 2, (high - low) / 2
        self._noise_unit = self._half_range if config.noise_in_range else torch.ones(action_dim)
        self._action_scale = 1 / self._half_range if config.normalise_actions else torch.ones(action_dim)
        self._turner = None if actor_config.turn is None else Turner(actor_config.turn)
        self._actor_adam = FlatAdam(self.actor, config.actor_lr)
        self._critic_adam = FlatAdam(self.critics, config.critic_lr)
        self.updates = 0
        self.action_penalty: ActionPenalty | None = None

    def act(self, inputs: torch.Tensor, averaged: bool = False) -> torch.Tensor:
        """Map (batch, input_dim) to noise-free actions (batch, action_dim) in raw units."""
        actor = self.average_actor if averaged else self.actor
        if self._turner is None:
            return self._policy(actor, inputs @ self._feature_map)
        sectors = self._turner.sectors(inputs)
        standard = self._turner.inputs(inputs, sectors)
        return self._turner.outputs(self._policy(actor, standard @ self._feature_map), sectors)

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One critic update and, every ``policy_delay``-th time, one actor and soft update."""
        batch = self._standardised(batch)
        features = batch.inputs @ self._feature_map
        metrics = self._update_critics(features, batch)
        self.updates += 1
        if self.updates % self.config.policy_delay == 0:
            metrics |= self._update_actor(features, batch.inputs)
            self.target_actor.flat.lerp_(self.actor.flat, self.config.tau)
            self.target_critics.flat.lerp_(self.critics.flat, self.config.tau)
            self._average()
        return metrics

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets r + discount * min_i Q'_i(s', mu'(s') + clipped noise), shape (batch,)."""
        config = self.config
        features = batch.next_inputs @ self._feature_map
        actions = self._policy(self.target_actor, features)
        noise = torch.randn(actions.shape, generator=self._generator)
        noise.mul_(config.target_noise).clamp_(-config.target_noise_clip, config.target_noise_clip)
        actions += noise.mul_(self._noise_unit)
        values = self._values(self.target_critics, features, actions).output.amin(0)[:, 0]
        targets = torch.addcmul(batch.rewards, batch.discounts, values)
        if config.reward_bounds is not None:
            low, high = (bound / (1 - config.discount) for bound in config.reward_bounds)
            targets.clamp_(low, high)
        return targets

    def values(self, inputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Both critics' values of raw actions at turned inputs, shape (2, batch)."""
        return self._values(self.critics, inputs @ self._feature_map, actions).output[:, :, 0]

    def actor_weights(self) -> dict[str, torch.Tensor]:
        """The (averaged) actor's parameters under the names of ``networks.Actor``."""
        actor = self.average_actor
        named = [(f"layers.{i}.weight", w[0]) for i, w in enumerate(actor.weights)]
        named += [(f"layers.{i}.bias", b[0, 0]) for i, b in enumerate(actor.biases)]
        return {name: tensor.clone() for name, tensor in named}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters, targets, optimiser moments, update counter and generator."""
        state = {name: getattr(self, name).flat for name in _NETWORKS}
        for name, adam in self._named_adams():
            state |= {f"{name}_adam.{key}": tensor for key, tensor in adam.state_dict().items()}
        counter = torch.tensor([self.updates])
        return {k: v.clone() for k, v in (state | {"updates": counter}).items()} | {
            "generator": self._generator.get_state()
        }

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name in _NETWORKS:
            getattr(self, name).flat.copy_(state[name])
        for name, adam in self._named_adams():
            adam.load_state_dict({key: state[f"{name}_adam.{key}"] for key in adam.state_dict()})
        self.updates = int(state["updates"][0])
        self._generator.set_state(state["generator"])

    def _average(self) -> None:
        """Follow the online actor: all updates alike at first, the latest 1 / average_tau later."""
        if self.config.average_tau:
            share = max(self.config.average_tau, self.config.policy_delay / self.updates)
            self.average_actor.flat.lerp_(self.actor.flat, share)

    def _named_adams(self) -> tuple[tuple[str, FlatAdam], ...]:
        return ("actor", self._actor_adam), ("critics", self._critic_adam)

    def _standardised(self, batch: TransitionBatch) -> TransitionBatch:
        """Turn every transition to the standard heading; its two ends each by their own."""
        turner = self._turner
        if turner is None:
            return batch
        sectors, next_sectors = turner.sectors(batch.inputs), turner.sectors(batch.next_inputs)
        return batch._replace(
            inputs=turner.inputs(batch.inputs, sectors),
            actions=turner.outputs(batch.actions, -sectors),
            next_inputs=turner.inputs(batch.next_inputs, next_sectors),
        )

    def _policy(self, actor: DenseStack, features: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self._centre, self._half_range, actor.forward(features).output[0].tanh_())

    def _values(self, critics: DenseStack, features: torch.Tensor, actions: torch.Tensor, copies: int = TWINS) -> Trace:
        scaled = actions * self._action_scale
        return critics.forward(torch.cat((features, scaled), 1), scaled if self.config.action_twice else None, copies)

    def _update_critics(self, features: torch.Tensor, batch: TransitionBatch) -> dict[str, float]:
        targets = self.targets(batch)
        trace = self._values(self.critics, features, batch.actions)
        error = trace.output - targets[:, None]
        delta = self.config.huber_delta
        # The Huber loss is clipped * (error - clipped / 2), its derivative is the clipped error.
        clipped = error.clamp(-delta, delta)
        loss = (clipped * (error - clipped / 2)).mean()
        self.critics.backward(trace, clipped.mul_(1 / clipped.numel()))
        self._critic_adam.step()
        return {
            "critic_loss": float(loss),
            "value": float(trace.output.mean()),
            "target": float(targets.mean()),
        }

    def _update_actor(self, features: torch.Tensor, inputs: torch.Tensor) -> dict[str, float]:
        """Climb the first critic: d/dz of -mean Q_1(s, mu(s)) + penalty * mean z^2, z before the tanh."""
        actor_trace = self.actor.forward(features)
        pre_tanh = actor_trace.output[0]
        squashed = torch.tanh(pre_tanh)
        actions = torch.addcmul(self._centre, self._half_range, squashed)
        critic_trace = self._values(self.critics, features, actions, copies=1)
        batch, dims = actions.shape
        climb = torch.full((1, batch, 1), -1.0 / batch)
        gradient = self.critics.gradient_of_tail(critic_trace, climb, dims) * (self._action_scale * self._half_range)
        if self.action_penalty is not None:
            gradient += self.action_penalty(inputs, actions) * self._half_range
        gradient.addcmul_(gradient, squashed * squashed, value=-1)
        if self.config.pre_tanh_penalty:
            gradient.add_(pre_tanh, alpha=2 * self.config.pre_tanh_penalty / pre_tanh.numel())
        self.actor.backward(actor_trace, gradient[None])
        self._actor_adam.step()
        return {
            "actor_value": float(critic_trace.output.mean()),
            "saturation": float((squashed.abs() > _SATURATED).float().mean()),
        }


_NETWORKS = ("actor", "target_actor", "average_actor", "critics", "target_critics")
_SATURATED = 0.99
