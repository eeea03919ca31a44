"""The networks of Option-Critic, and how they learn from what they have lived, in the order of the paper.

Q(s, w)      what it is worth to be under option w in state s
pi_w(a | s)  policy of an option              beta_w(s)   probability that it ends
pi(w | s)    = softmax(Q(s, .) / temperature), the policy over options
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import mse_loss

from hrl_core.algorithms.actor_shapes import goal_actor_config, input_scales
from hrl_core.algorithms.option_critic.config import OptionCriticConfig
from hrl_core.algorithms.protocols import LevelWeights
from hrl_core.hierarchy.spec import TERMINATION
from hrl_core.learners.advantages import gae
from hrl_core.learners.distributions import as_drawn, distribution
from hrl_core.learners.networks_state import arrays_of, load_networks, networks_state
from hrl_core.learners.on_policy import POLICY_GAIN, Rollout, clipped_loss, orthogonal
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.task.spec import TaskSpec


class _Batch(NamedTuple):
    """Rows as the losses need them; leading axis (rows,)."""

    option: torch.Tensor
    """Number of the option."""
    chooser: torch.Tensor
    """What Q sees of s."""
    worker: torch.Tensor
    """What the policy of the option sees of s."""
    drawn: torch.Tensor
    log_probability: torch.Tensor
    advantage: torch.Tensor
    worth: torch.Tensor
    """A + Q(s, w), what Q is moved to."""
    arrived: torch.Tensor
    """What the termination sees of s'."""
    gain: torch.Tensor
    """Q(s', w) - V(s') + xi: what going on under the option is worth; 0 where nothing follows."""


class OptionCritic:
    """Options, terminations and the policy over options, with one optimiser."""

    def __init__(self, spec: TaskSpec, config: OptionCriticConfig, generator: torch.Generator) -> None:
        """Initialise from ``generator``, which also orders the rows of minibatches."""
        self.config, self._generator = config, generator
        self._observed, self._goal = len(spec.observation), len(spec.goal)
        self.shapes = _shapes(spec, config)
        self.q, self.actor, self.ending = (Actor(shape, generator) for shape in self.shapes.values())
        for network, gain in ((self.q, 1.0), (self.actor, POLICY_GAIN), (self.ending, POLICY_GAIN)):
            orthogonal(network, gain, generator)
        if self.actor.config.head == "gaussian":
            nn.init.constant_(self.actor.log_std, config.log_std)
        moved = [*self.q.parameters(), *self.actor.parameters(), *self.ending.parameters()]
        self._optimiser = torch.optim.Adam(moved, config.lr, eps=1e-5, fused=True)
        self.updates = 0

    @property
    def input_dim(self) -> int:
        """Numbers in a row of inputs: observation, task goal, option as a one-hot vector."""
        return self._observed + self._goal + self.config.options

    def chooser_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the policy over options sees of rows of inputs: observation and task goal."""
        return inputs[:, : self._observed + self._goal]

    def worker_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the policies of options and their terminations see of them: observation and option."""
        return torch.cat((inputs[:, : self._observed], inputs[:, self._observed + self._goal :]), 1)

    @torch.no_grad()
    def preferences(self, inputs: torch.Tensor) -> Float32:
        """Logits of the policy over options, (batch, options)."""
        return (self.q(self.chooser_inputs(inputs)) / self.config.temperature).numpy()

    @torch.no_grad()
    def terminations(self, inputs: torch.Tensor) -> Float32:
        """Probability that the option of each row ends in its state, (batch,)."""
        return self.ending(self.worker_inputs(inputs))[:, 0].numpy()

    @torch.no_grad()
    def act(self, inputs: torch.Tensor) -> Float32:
        """What the head of the options' policies takes, (batch, last_dim)."""
        return self.actor(self.worker_inputs(inputs)).numpy()

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Learn from what the present policies lived; figures."""
        everything, rows = self._batch(rollout), len(rollout.rewards)
        told: list[dict[str, float]] = []
        for _ in range(self.config.epochs):
            order = torch.randperm(rows, generator=self._generator)
            batches = order.split(self.config.batch_size)
            told += [self._step(_Batch(*(column[chosen] for column in everything))) for chosen in batches]
        self.updates += 1
        figures = {name: float(np.mean([each[name] for each in told])) for name in told[0]}
        return figures | {"termination": float(self.terminations(torch.from_numpy(rollout.inputs)).mean())}

    def _batch(self, rollout: Rollout) -> _Batch:
        """Advantages of the actions of each option, and of going on with it.

        V(s)     = sum_w pi(w | s) Q(s, w)
        U(w, s') = (1 - beta_w(s')) Q(s', w) + beta_w(s') V(s')                    worth on arrival (paper, eq. 3)
        delta_t  = r_t + gamma U(w_t, s_t+1) - Q(s_t, w_t),  A_t = delta_t + gamma lambda A_t+1 while w_t+1 = w_t
        """
        config, inputs = self.config, torch.from_numpy(rollout.inputs)
        arrived = torch.from_numpy(rollout.next_inputs)
        option = inputs[:, -config.options :].argmax(1)
        with torch.no_grad():
            drawn = as_drawn(self.actor, torch.from_numpy(rollout.actions))
            log_probability = distribution(self.actor, self.worker_inputs(inputs)).log_prob(drawn)
            worth = _of(self.q(self.chooser_inputs(inputs)), option)
            next_q = self.q(self.chooser_inputs(arrived))
            beta = self.ending(self.worker_inputs(arrived))[:, 0]
        going_on = _of(next_q, option)
        changing = (torch.softmax(next_q / config.temperature, 1) * next_q).sum(1)
        on_arrival = (1 - beta) * going_on + beta * changing
        boundary = rollout.boundary.copy()
        boundary[:-1] |= (option[1:] != option[:-1]).numpy()
        rewards, ends = config.reward_scale * rollout.rewards, (rollout.terminal, boundary)
        advantages = gae(rewards, worth.numpy(), on_arrival.numpy(), *ends, config.discount, config.gae_lambda)
        advantage, follows = torch.from_numpy(advantages), torch.from_numpy(~rollout.terminal)
        gain = torch.where(follows, going_on - changing + config.deliberation_cost, 0.0)
        return _Batch(
            option,
            self.chooser_inputs(inputs),
            self.worker_inputs(inputs),
            drawn,
            log_probability,
            advantage,
            advantage + worth,
            self.worker_inputs(arrived),
            gain,
        )

    def _step(self, batch: _Batch) -> dict[str, float]:
        """Descend the sum of four losses.

        values:        c_V mean (Q(s, w) - (A + Q_old(s, w)))^2
        options:       -mean min(rho A, clip(rho, 1 - e, 1 + e) A),  rho = pi_w(a | s) / pi_w,old(a | s)
        terminations:  c_T mean beta_w(s') (Q(s', w) - V(s') + xi)     its gradient is that of theorem 2
        entropy:       -c_H mean H(pi_w(. | s))
        """
        config = self.config
        error = mse_loss(_of(self.q(batch.chooser), batch.option), batch.worth)
        policy = distribution(self.actor, batch.worker)
        log_ratio = policy.log_prob(batch.drawn) - batch.log_probability
        advantage = (batch.advantage - batch.advantage.mean()) / batch.advantage.std(correction=0).clamp(min=0.1)
        policy_loss = clipped_loss(log_ratio, advantage, config.clip)
        termination_loss = (self.ending(batch.arrived)[:, 0] * batch.gain).mean()
        entropy = policy.entropy().mean()
        loss = config.value_weight * error + policy_loss - config.entropy_weight * entropy
        loss = loss + config.termination_weight * termination_loss
        self._optimiser.zero_grad()
        loss.backward()
        moved = [p for group in self._optimiser.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(moved, config.gradient_norm)
        self._optimiser.step()
        return {"value_loss": error.item(), "policy_loss": policy_loss.item(), "entropy": entropy.item()}

    def levels(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps: the policy over options as logits, the options, and their terminations."""
        preferred, last = arrays_of(self.q.state_dict()), f"layers.{len(self.config.hidden)}."
        for name in (f"{last}weight", f"{last}bias"):
            preferred[name] /= np.float32(self.config.temperature)
        manager = dataclasses.replace(self.q.config, head="categorical")
        return {
            "worker": LevelWeights(self.actor.config, arrays_of(self.actor.state_dict()), self.updates),
            "manager": LevelWeights(manager, preferred, self.updates),
            TERMINATION: LevelWeights(self.ending.config, arrays_of(self.ending.state_dict()), self.updates),
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything that later updates depend on."""
        state = networks_state(self._networks, {"optimiser": self._optimiser})
        return state | {"updates": torch.tensor([self.updates]), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, self._networks, {"optimiser": self._optimiser})
        self.updates = int(state["updates"][0])
        self._generator.set_state(state["generator"])

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"q": self.q, "actor": self.actor, "ending": self.ending}


def _shapes(spec: TaskSpec, config: OptionCriticConfig) -> dict[str, ActorConfig]:
    """Q sees observation and task goal; the policies of options, and terminations, see observation and option."""
    count, hidden, activation = config.options, config.hidden, config.activation
    q = goal_actor_config(spec, hidden, np.zeros(count), np.ones(count), config.scale_inputs)
    scale = input_scales(spec) + (1.0,) * count if config.scale_inputs else ()
    sees, choices = len(spec.observation) + count, len(spec.choices)
    low, high = ((0.0,) * choices, (1.0,) * choices) if choices else (tuple(spec.action_low), tuple(spec.action_high))
    head = "categorical" if choices else "gaussian"
    actor = ActorConfig(sees, hidden, low, high, input_scale=scale, head=head, activation=activation)
    return {
        "q": dataclasses.replace(q, head="values", activation=activation),
        "actor": actor,
        "ending": ActorConfig(sees, hidden, (0.0,), (1.0,), input_scale=scale, activation=activation),
    }


def _of(values: torch.Tensor, option: torch.Tensor) -> torch.Tensor:
    """The value of each row's option, (batch,)."""
    return values.gather(1, option[:, None])[:, 0]
