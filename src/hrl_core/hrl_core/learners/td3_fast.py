"""The updates of ``td3``, differentiated by hand for speed on one core: see ``dense``."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from hrl_core.learners.dense import DenseStack, FlatAdam, Pass
from hrl_core.learners.products import Product, Products
from hrl_core.learners.td3_config import LEAST_VALUE, TD3Config
from hrl_core.learners.td3_metrics import UpdateRecord, update_metrics
from hrl_core.learners.transitions import ActionPenalty, TransitionBatch
from hrl_core.networks.actor import Turner
from hrl_core.networks.actor_config import ActorConfig, Float32

TWINS = 2


class FastTD3:
    """``td3.TD3``, differentiated by hand."""

    def __init__(self, config: TD3Config, actor_config: ActorConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``, which also draws the smoothing noise."""
        self.config, self.actor_config, self._generator = config, actor_config, generator
        action_dim = actor_config.output_dim
        features = actor_config.feature_dim
        make = partial(
            DenseStack,
            hidden=config.hidden,
            generator=generator,
            products=Products(config.products),
            small_output=config.small_output,
        )
        self.actor = make(features, output_dim=action_dim)
        self.critics = make(
            features + action_dim, output_dim=1, copies=TWINS, tail_dim=action_dim, tail_twice=config.action_twice
        )
        self.target_actor, self.target_critics = self.actor.like(), self.critics.like()
        self.average_actor = self.actor.like() if config.average_tau else self.actor
        self.target_actor.flat.copy_(self.actor.flat)
        self.average_actor.flat.copy_(self.actor.flat)
        self.target_critics.flat.copy_(self.critics.flat)
        self._feature_matrix = torch.from_numpy(actor_config.feature_matrix())
        # Per action, as a column: samples are columns inside the networks.
        self._centre, self._half_range = (torch.from_numpy(part)[:, None] for part in actor_config.output_range())
        ones = torch.ones_like(self._half_range)
        self._noise_unit = self._half_range if config.noise_in_range else ones
        self._action_scale = 1 / self._half_range if config.normalise_actions else ones
        self._turner = None if actor_config.turn is None else Turner(actor_config.turn)
        self._actor_adam = FlatAdam(self.actor, config.actor_lr)
        self._critic_adam = FlatAdam(self.critics, config.critic_lr)
        self._snapshot: DenseStack | None = None
        self.updates = 0
        self.action_penalty: ActionPenalty | None = None

    def act(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to noise-free actions (batch, action_dim) in raw units."""
        return self._act_by(self.actor, inputs)

    def snapshot(self) -> Callable[[torch.Tensor], torch.Tensor]:
        """``act`` as it is now, whatever is learned meanwhile; until the next snapshot."""
        if self._snapshot is None:
            self._snapshot = self.actor.like(own_room=True)
        self._snapshot.flat.copy_(self.actor.flat)
        return partial(self._act_by, self._snapshot)

    def update(self, batch: TransitionBatch) -> dict[str, float]:
        """One critic update and, every ``policy_delay``-th time, one actor and soft update."""
        return self.update_many(batch, 1)[0]

    def update_many(self, batches: TransitionBatch, count: int) -> list[dict[str, float]]:
        """``count`` updates, each on its equal share of ``batches``.

        Targets move with every ``policy_delay``-th update only: the updates until then value their next states
        in one pass. Figures are worked out for all updates together as well.
        """
        size = len(batches.rewards) // count
        whole = self._columns(batches.standardised(self._turner))
        # split makes all views of a tensor in one call.
        parts = [_Columns(*part) for part in zip(*(t.split(size, -1) for t in whole), strict=True)]
        records: list[UpdateRecord] = []
        while len(records) < count:
            begin = len(records)
            end = min(count, begin + self.config.policy_delay - self.updates % self.config.policy_delay)
            targets = self._targets(_Columns(*(t[..., begin * size : end * size] for t in whole)), size)
            for part, target in zip(parts[begin:end], targets.split(size), strict=True):
                records.append(self._update(part, target))
        return update_metrics(records, self.config.huber_delta)

    def targets(self, batch: TransitionBatch) -> torch.Tensor:
        """TD targets r + discount * min_i Q'_i(s', mu'(s') + clipped noise), shape (batch,)."""
        return self._targets(self._columns(batch), len(batch.rewards))

    def values(self, inputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Both critics' values of raw actions at turned inputs, shape (2, batch)."""
        room = self.critics.room(len(inputs))
        torch.mm(self._feature_matrix, inputs.T, out=room.head)
        room.write_tail(actions.T, self._action_scale)
        return torch.cat([self.critics.at(len(inputs), k).forward() for k in range(TWINS)])

    def products(self) -> list[Product]:
        """All matrix products of updates, at the numbers of samples that updates take together."""
        size = self.config.batch_size
        passes = [stack.at(n) for stack in (self.actor, self.critics) for n in {size, size * self.config.policy_delay}]
        return [product for one in passes for product in one.products]

    def actor_weights(self) -> dict[str, torch.Tensor]:
        """The (averaged) actor's parameters under the names of ``networks.Actor``."""
        actor = self.average_actor
        named = [(f"layers.{i}.weight", w[0]) for i, w in enumerate(actor.weights)]
        named += [(f"layers.{i}.bias", b[0, 0]) for i, b in enumerate(actor.biases)]
        return {name: tensor.clone() for name, tensor in named}

    def actor_arrays(self) -> dict[str, Float32]:
        """The same as arrays."""
        return {name: tensor.numpy() for name, tensor in self.actor_weights().items()}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Parameters, targets, optimiser moments, update counter and generator; no copies, they change with updates."""
        state = {name: network.flat for name, network in self._named_networks()}
        for name, adam in self._named_adams():
            state |= {f"{name}_adam.{key}": tensor for key, tensor in adam.state_dict().items()}
        return state | {"updates": torch.tensor([self.updates]), "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, network in self._named_networks():
            network.flat.copy_(state[name])
        for name, adam in self._named_adams():
            adam.load_state_dict({key: state[f"{name}_adam.{key}"] for key in adam.state_dict()})
        self.updates = int(state["updates"][0])
        self._generator.set_state(state["generator"])

    def _average(self) -> None:
        """Follow the online actor: all updates alike at first, the latest 1 / average_tau later."""
        if self.config.average_tau:
            share = max(self.config.average_tau, self.config.policy_delay / self.updates)
            self.average_actor.flat.lerp_(self.actor.flat, share)

    def _named_networks(self) -> list[tuple[str, DenseStack]]:
        """Every network once: without averaging, the average actor is the actor."""
        averaged = self.average_actor is not self.actor
        return [(name, getattr(self, name)) for name in _NETWORKS if averaged or name != "average_actor"]

    def _named_adams(self) -> tuple[tuple[str, FlatAdam], ...]:
        return ("actor", self._actor_adam), ("critics", self._critic_adam)

    def _columns(self, batch: TransitionBatch) -> "_Columns":
        """What networks need of transitions at the standard heading."""
        features = self._feature_matrix.shape[0]
        critic_inputs = torch.empty(self.critics.widths[0], len(batch.rewards))
        torch.mm(self._feature_matrix, batch.inputs.T, out=critic_inputs[:features])
        torch.mul(batch.actions.T, self._action_scale, out=critic_inputs[features:])
        next_features = torch.mm(self._feature_matrix, batch.next_inputs.T)
        meant = torch.ones_like(batch.rewards) if batch.meant is None else batch.meant
        return _Columns(batch.inputs.T, critic_inputs, batch.rewards, batch.discounts, next_features, meant)

    def _act_by(self, actor: DenseStack, inputs: torch.Tensor) -> torch.Tensor:
        if self._turner is None:
            return self._act(actor, inputs)
        sectors = self._turner.sectors(inputs)
        return self._turner.outputs(self._act(actor, self._turner.inputs(inputs, sectors)), sectors)

    def _act(self, actor: DenseStack, inputs: torch.Tensor) -> torch.Tensor:
        """Actions (batch, action_dim) at turned inputs, block by block, so that a block stays in the cache."""
        actions = inputs.new_empty(len(inputs), len(self._centre))
        for block, out in zip(inputs.split(_BLOCK), actions.split(_BLOCK), strict=True):
            columns = -(-len(block) // _COLUMNS) * _COLUMNS
            torch.mm(self._feature_matrix, block.T, out=actor.room(columns).head[:, : len(block)])
            out.copy_(self._policy(actor.at(columns))[:, : len(block)].T)
        return actions

    def _policy(self, actor: Pass) -> torch.Tensor:
        """Actions (action_dim, columns) at the features written into an actor's room."""
        return torch.addcmul(self._centre, self._half_range, actor.forward().tanh_())

    def _targets(self, batch: "_Columns", size: int) -> torch.Tensor:
        """TD targets (batch,); noise is drawn for ``size`` of them at a time, however many are valued together."""
        config, columns = self.config, batch.rewards.shape[0]
        critics = self.target_critics.room(columns)
        self.target_actor.room(columns).head.copy_(batch.next_features)
        critics.head.copy_(batch.next_features)
        actions = self._policy(self.target_actor.at(columns))
        actions.addcmul_(self._noise(columns, size), self._noise_unit)
        if config.clip_target_actions:
            torch.clamp(actions, self._centre - self._half_range, self._centre + self._half_range, out=actions)
        critics.write_tail(actions, self._action_scale)
        values = [self.target_critics.at(columns, k).forward()[0] for k in range(TWINS)]
        targets = torch.addcmul(batch.rewards, batch.discounts, torch.minimum(*values))
        if config.reward_bounds is not None:
            low, high = (bound / (1 - config.discount) for bound in config.reward_bounds)
            targets.clamp_(low, high)
        return targets

    def _noise(self, columns: int, size: int) -> torch.Tensor:
        """Clipped smoothing noise (action_dim, columns), drawn for ``size`` of them at a time."""
        noise, bound = torch.empty(columns, self._centre.shape[0]), self.config.target_noise_clip
        for part in noise.split(size):
            part.normal_(0.0, self.config.target_noise, generator=self._generator)
        return noise.clamp_(-bound, bound).T

    def _update(self, batch: "_Columns", targets: torch.Tensor) -> UpdateRecord:
        """One update."""
        errors = self._update_critics(batch, targets)
        self.updates += 1
        if self.updates % self.config.policy_delay:
            return UpdateRecord(errors, targets)
        value, squashed = self._update_actor(batch)
        self.target_actor.flat.lerp_(self.actor.flat, self.config.tau)
        self.target_critics.flat.lerp_(self.critics.flat, self.config.tau)
        self._average()
        return UpdateRecord(errors, targets, value, squashed)

    def _update_critics(self, batch: "_Columns", targets: torch.Tensor) -> list[torch.Tensor]:
        """Descend the mean Huber loss of both critics; returns their errors, each (1, batch)."""
        columns, delta = targets.shape[0], self.config.huber_delta
        room = self.critics.room(columns)
        room.write(batch.critic_inputs)
        errors = []
        for k in range(TWINS):
            critic = self.critics.at(columns, k)
            error = critic.forward() - targets
            # The derivative of the Huber loss is the clipped error.
            torch.clamp(error, -delta, delta, out=critic.output_grad).mul_(room.share)
            critic.backward()
            errors.append(error)
        self._critic_adam.step()
        return errors

    def _update_actor(self, batch: "_Columns") -> tuple[torch.Tensor, torch.Tensor]:
        """Climb the first critic: d/dz of -w mean Q_1(s, mu(s)) + penalty * mean z^2 + cloning, z before the tanh.

        Without cloning, w is 1. With it, w is alpha / mean |Q_1(s, mu(s))| and cloning adds the mean squared distance
        [half-ranges] to the recorded actions (TD3+BC, arXiv 2106.06860). Follows the critics' update of the same batch,
        whose room still holds the features.

        Returns:
            Values (1, batch) and tanh z (action_dim, batch).
        """
        columns = batch.rewards.shape[0]
        actor, critic, room = self.actor.at(columns), self.critics.at(columns), self.critics.room(columns)
        self.actor.room(columns).head.copy_(room.head)
        pre_tanh = actor.forward()
        squashed = pre_tanh.tanh()
        actions = torch.addcmul(self._centre, self._half_range, squashed)
        room.write_tail(actions, self._action_scale)
        value = critic.forward().clone()
        alpha = self.config.bc_alpha
        critic.output_grad.fill_(-(alpha / max(float(value.abs().mean()), LEAST_VALUE) if alpha else 1.0) / columns)
        gradient = critic.gradient_of_tail().mul_(self._action_scale * self._half_range)
        if self.action_penalty is not None:
            gradient += self.action_penalty(batch.inputs.T, actions.T).T * self._half_range
        if alpha:
            recorded = batch.critic_inputs[-len(actions) :] / self._action_scale
            distance = squashed - (recorded - self._centre) / self._half_range
            gradient.add_(distance.mul_(batch.meant), alpha=2 / distance.numel())
        torch.addcmul(gradient, gradient, squashed * squashed, value=-1, out=actor.output_grad)
        if self.config.pre_tanh_penalty:
            actor.output_grad.add_(pre_tanh, alpha=2 * self.config.pre_tanh_penalty / pre_tanh.numel())
        actor.backward()
        self._actor_adam.step()
        return value, squashed


class _Columns(NamedTuple):
    """Transitions as networks see them: a sample is a column, (..., batch)."""

    inputs: torch.Tensor
    """What features are made of, for an ``ActionPenalty``."""
    critic_inputs: torch.Tensor
    """Features, then actions as critics see them."""
    rewards: torch.Tensor
    discounts: torch.Tensor
    next_features: torch.Tensor
    meant: torch.Tensor


_NETWORKS = ("actor", "target_actor", "average_actor", "critics", "target_critics")
_BLOCK, _COLUMNS = 256, 16
"""Samples acted on at a time, and the multiple that a smaller number is rounded up to: few sizes of rooms."""
