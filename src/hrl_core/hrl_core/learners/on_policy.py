"""One on-policy learner: PPO (arXiv 1707.06347), A2C (arXiv 1602.01783) and TRPO (arXiv 1502.05477) by a switch.

They share policy, values, advantages and the loop over minibatches, and differ in how the policy moves. It knows no
hierarchy: rows in the order in which they were lived in, an actor out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from hrl_core.learners.advantages import Flags, Floats, gae
from hrl_core.learners.devices import usable_device
from hrl_core.learners.distributions import as_drawn, distribution
from hrl_core.learners.natural_gradient import natural_step
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig, Float32

_GAIN, POLICY_GAIN = 2**0.5, 0.01
"""Of orthogonal weights: hidden layers, and the policy's last one, which begins near its centre."""


class Rollout(NamedTuple):
    """What one policy lived through: rows in order of time, of several stretches one after the other."""

    inputs: Floats
    """Shape (rows, input_dim)."""
    actions: Floats
    """As they were drawn, raw units or numbers of choices, (rows, action_dim)."""
    rewards: Floats
    """Shape (rows,)."""
    next_inputs: Floats
    """Of the real next state, also where an episode ended."""
    terminal: Flags
    """Where nothing follows."""
    boundary: Flags
    """Last row of a stretch."""


class Lessons(NamedTuple):
    """What is to be learned from rows in any order."""

    inputs: Floats
    """Shape (rows, input_dim)."""
    actions: Floats
    """As ``Rollout.actions``."""
    advantages: Floats
    """Shape (rows,)."""
    returns: Floats
    """What the values are to say, (rows,)."""


class _Batch(NamedTuple):
    """Rows as the losses need them; leading axis (rows,)."""

    inputs: torch.Tensor
    drawn: torch.Tensor
    log_probabilities: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor


class OnPolicy:
    """A stochastic policy and the values of states, in networks of their own."""

    def __init__(
        self,
        config: OnPolicyConfig,
        actor: ActorConfig,
        values: ActorConfig,
        generator: torch.Generator,
        network: Callable[[ActorConfig, torch.Generator], Actor] = Actor,
    ) -> None:
        """Initialise from ``generator``, which also orders the rows of minibatches.

        Args:
            config: how it learns.
            actor: with a stochastic head.
            values: of what states are worth, one output.
            generator: source of randomness.
            network: makes the policy's network.

        Raises:
            HrlError: there is no such device here.
        """
        self.config, self.actor_config, self._generator = config, actor, generator
        self.device = usable_device(config.device)
        self.actor, self.values = network(actor, generator), Actor(values, generator)
        orthogonal(self.actor, POLICY_GAIN, generator)
        orthogonal(self.values, 1.0, generator)
        if actor.head == "gaussian":
            nn.init.constant_(self.actor.log_std, config.log_std)
        self.actor.to(self.device)
        self.values.to(self.device)
        moved = [*self.values.parameters(), *(() if config.step == "natural" else self.actor.parameters())]
        if config.optimiser == "adam":
            self._optimiser = torch.optim.Adam(moved, config.lr, eps=1e-5, fused=True)
        else:
            self._optimiser = torch.optim.RMSprop(moved, config.lr, alpha=0.99, eps=1e-5)
        self.updates = 0
        self.further_loss: Callable[[], Callable[[], torch.Tensor]] | None = None
        """Draws rows, and returns a further loss of the policy over them, which each step descends as well."""

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to what the actor's head takes (``networks.heads``), (batch, last_dim)."""
        with torch.no_grad():
            return self.actor(inputs.to(self.device)).cpu()

    def worth(self, inputs: Floats) -> Floats:
        """Values V(s) of inputs (rows, input_dim), (rows,)."""
        with torch.no_grad():
            return self.values(self._there(inputs))[:, 0].cpu().numpy()

    def update(self, rollout: Rollout, discounts: Floats | None = None, rate: float = 1.0) -> dict[str, float]:
        """Learn from what the present policy lived; figures.

        Args:
            rollout: what was lived.
            discounts: of each row, where decisions stand for different times; None: the configuration's.
            rate: factor on the step size of the optimiser.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate * self.config.lr
        return self._learn(self._batch(rollout, discounts))

    def learn(self, lessons: Lessons) -> dict[str, float]:
        """The same with advantages and returns that somebody else has worked out; figures."""
        return self._learn(self._as_acted(lessons))

    def _learn(self, everything: _Batch) -> dict[str, float]:
        size, rows = self.config.batch_size or len(everything.returns), len(everything.returns)
        told: list[dict[str, float]] = []
        if self.config.step == "natural":
            told.append(self._natural(everything))
        for _ in range(self.config.epochs):
            order = torch.randperm(rows, generator=self._generator).to(self.device)
            told += [self._step(_Batch(*(column[chosen] for column in everything))) for chosen in order.split(size)]
        self.updates += 1
        names = dict.fromkeys(name for figures in told for name in figures)
        return {name: float(np.mean([figures[name] for figures in told if name in figures])) for name in names}

    def _batch(self, rollout: Rollout, discounts: Floats | None = None) -> _Batch:
        """Advantages A, returns R = A + V(s), and log-probabilities of the policy that acted."""
        config, values, after = self.config, self.worth(rollout.inputs), self.worth(rollout.next_inputs)
        rewards = config.reward_scale * rollout.rewards
        ends = rollout.terminal, rollout.boundary
        discount = config.discount if discounts is None else discounts
        advantages = gae(rewards, values, after, *ends, discount, config.gae_lambda)
        return self._as_acted(Lessons(rollout.inputs, rollout.actions, advantages, advantages + values))

    def _as_acted(self, lessons: Lessons) -> _Batch:
        inputs = self._there(lessons.inputs)
        with torch.no_grad():
            drawn = as_drawn(self.actor, self._there(lessons.actions))
            log_probabilities = distribution(self.actor, inputs).log_prob(drawn)
        return _Batch(inputs, drawn, log_probabilities, self._there(lessons.advantages), self._there(lessons.returns))

    def _there(self, rows: Floats) -> torch.Tensor:
        return torch.from_numpy(rows).to(self.device)

    def _step(self, batch: _Batch) -> dict[str, float]:
        """Descend L = L_policy + c_V mean (V(s) - R)^2 - c_H mean H(pi(. | s))."""
        config = self.config
        error = mse_loss(self.values(batch.inputs)[:, 0], batch.returns)
        loss, figures = config.value_weight * error, {"value_loss": error.item()}
        if config.step != "natural":
            policy = distribution(self.actor, batch.inputs)
            log_ratio = policy.log_prob(batch.drawn) - batch.log_probabilities
            policy_loss, entropy = self._policy_loss(log_ratio, self._advantages(batch)), policy.entropy().mean()
            loss = loss + policy_loss - config.entropy_weight * entropy
            if self.further_loss is not None:
                loss = loss + self.further_loss()()
            kl = (log_ratio.exp() - 1 - log_ratio).mean()
            figures |= {"policy_loss": policy_loss.item(), "entropy": entropy.item(), "kl": kl.item()}
        self._optimiser.zero_grad()
        loss.backward()
        moved = [p for group in self._optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(moved, config.gradient_norm)
        self._optimiser.step()
        return figures

    def _policy_loss(self, log_ratio: torch.Tensor, advantages: torch.Tensor) -> torch.Tensor:
        """Loss whose gradient moves the policy.

        plain:    -mean log pi(a|s) A   (the ratio's gradient where it is 1)
        clipped:  -mean min(rho A, clip(rho, 1 - e, 1 + e) A),   rho = pi(a|s) / pi_old(a|s)
        """
        if self.config.step == "plain":
            return -(log_ratio * advantages).mean()
        return clipped_loss(log_ratio, advantages, self.config.clip)

    def _natural(self, batch: _Batch) -> dict[str, float]:
        """Climb mean rho A + c_H H to where the mean KL divergence from the policy that acted is ``trust_region``."""
        advantages, weight = self._advantages(batch), self.config.entropy_weight
        further = None if self.further_loss is None else self.further_loss()

        def gain() -> torch.Tensor:
            policy = distribution(self.actor, batch.inputs)
            log_ratio = policy.log_prob(batch.drawn) - batch.log_probabilities
            gained = (log_ratio.exp() * advantages).mean() + weight * policy.entropy().mean()
            return gained if further is None else gained - further()

        return natural_step(self.actor, batch.inputs, gain, self.config.trust_region, self.config.damping)

    def _advantages(self, batch: _Batch) -> torch.Tensor:
        advantages = batch.advantages
        if not self.config.normalise_advantages or len(advantages) < 2:
            return advantages
        return (advantages - advantages.mean()) / advantages.std().clamp(min=self.config.advantage_floor)

    def actor_arrays(self) -> dict[str, Float32]:
        """The policy's parameters as arrays of their own."""
        return arrays_of(self.actor.state_dict())

    def value_arrays(self) -> dict[str, Float32]:
        """Those of the values."""
        return arrays_of(self.values.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """Everything that later updates depend on."""
        state = networks_state({"actor": self.actor, "values": self.values}, {"optimiser": self._optimiser})
        return state | {"updates": torch.tensor([self.updates]), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, {"actor": self.actor, "values": self.values}, {"optimiser": self._optimiser})
        self.updates = int(state["updates"][0])
        self._generator.set_state(state["generator"])


def clipped_loss(log_ratio: torch.Tensor, advantages: torch.Tensor, clip: float) -> torch.Tensor:
    """-mean min(rho A, clip(rho, 1 - e, 1 + e) A) of rows with log rho and A (PPO, equation 7); a scalar."""
    ratio = log_ratio.exp()
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages).mean()


def orthogonal(network: Actor, last: float, generator: torch.Generator) -> None:
    """Orthogonal weights and zero biases; ``last`` is the gain of the last layer."""
    for layer in network.linears:
        gain = last if layer is network.linears[-1] else _GAIN
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
