"""A worker that is cloned first, then learns on-policy while cloning goes on (NPG-RPL and DAPG-RPL of the paper)."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch

from hrl_core.algorithms.protocols import Update, as_tensors
from hrl_core.algorithms.relay.config import ON_POLICY, RelayConfig
from hrl_core.learners.cloning import descend
from hrl_core.learners.distributions import as_drawn
from hrl_core.learners.networks_state import load_networks, networks_state
from hrl_core.learners.on_policy import OnPolicy, Rollout
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.heads import Head, make_head
from hrl_core.prefixed import below


class OnPolicyWorker:
    """PPO or the natural gradient, with cloning before and beside it."""

    def __init__(self, config: RelayConfig, shape: ActorConfig, generator: torch.Generator) -> None:
        """Initialise from ``generator``; ``shape`` tells what is seen, and the range of actions."""
        self._config = config
        own = dataclasses.replace(config.on_policy, step=ON_POLICY[config.finetuning], log_std=math.log(config.noise))
        self.actor_config = dataclasses.replace(
            shape, hidden=own.hidden, head="gaussian", activation=own.activation, exploration_noise=()
        )
        values = dataclasses.replace(self.actor_config, low=(0.0,), high=(1.0,), exploration_noise=(), head="values")
        self.learner = OnPolicy(own, self.actor_config, values, generator)
        self._adam = torch.optim.Adam(self.learner.actor.parameters(), config.worker.lr)
        self.updates = 0

    def head(self) -> Head:
        """The head of the present policy."""
        return make_head(self.actor_config, self.learner.actor_arrays())

    def outputs(self, inputs: Float32) -> Float32:
        """What the head takes, (batch, action_dim)."""
        return self.learner.act(torch.from_numpy(inputs)).numpy()

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to mean actions (batch, action_dim) in raw units."""
        actor = self.learner.actor
        return actor.centre.cpu() + actor.half_range.cpu() * self.learner.act(inputs)

    def update_many(self, batches: TransitionBatch, count: int) -> list[dict[str, float]]:
        """``count`` steps of cloning, each on its equal share of ``batches``; figures of each."""
        return [self._clone(batch) for batch in batches.split(count)]

    def learn(self, rollout: Rollout, shown: Callable[[], TransitionBatch] | None) -> Update:
        """One update from what the present policy lived; ``shown`` draws demonstrations to clone beside it."""
        self.learner.further_loss = None if shown is None else lambda: self._further(shown())
        figures = self.learner.update(rollout) | {"reward": float(rollout.rewards.mean())}
        self.learner.further_loss = None
        self.updates += 1
        return Update("worker", figures, as_tensors(rollout))

    def actor_arrays(self) -> dict[str, Float32]:
        """The policy's parameters as arrays of their own."""
        return self.learner.actor_arrays()

    def state_dict(self) -> dict[str, Any]:
        """Everything that later updates depend on."""
        own = {f"learner.{name}": part for name, part in self.learner.state_dict().items()}
        return own | networks_state({}, {"cloning": self._adam}) | {"updates": torch.tensor([self.updates])}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.learner.load_state_dict(below("learner.", state))
        load_networks(state, {}, {"cloning": self._adam})
        self.updates = int(state["updates"][0])

    def _clone(self, batch: TransitionBatch) -> dict[str, float]:
        self.updates += 1
        return descend(self._adam, self._config.worker, self.updates, self._distance(batch))

    def _further(self, batch: TransitionBatch) -> Callable[[], torch.Tensor]:
        return lambda: self._config.cloning_weight * self._distance(batch)

    def _distance(self, batch: TransitionBatch) -> torch.Tensor:
        """L = mean ((mu(x) - a) / half-range)^2."""
        actor, batch = self.learner.actor, batch.to(self.learner.device)
        return (actor(batch.inputs) - as_drawn(actor, batch.actions)).square().mean()
