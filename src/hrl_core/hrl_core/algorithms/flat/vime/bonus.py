"""The bonus of a batch: first what the model has to learn from it, then the model learns it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.flat.vime.information_gain import information_gain
from hrl_core.algorithms.flat.vime.model import BayesianNetwork
from hrl_core.learners.advantages import Floats
from hrl_core.learners.networks_state import load_networks, networks_state
from hrl_core.learners.on_policy import Rollout
from hrl_core.task.spec import TaskSpec

STEP = 0.1
"""Lambda, the share of a whole step that is taken; as every gain is measured in medians of others, it has no say."""
_ROWS_AT_ONCE = 1024
"""Whose gradients are held at the same time."""
_STILL = 1e-6
"""Share of the spread of an element below which the spread of its changes is rounding."""


class _Unit(NamedTuple):
    """What an array (rows, elements) is measured in: mean and standard deviation of the first batch."""

    mean: Floats
    std: Floats

    def of(self, values: Floats) -> torch.Tensor:
        """Values (rows, elements) in this unit."""
        return torch.from_numpy((values - self.mean) / self.std)


class Vime:
    """Curiosity: r' = r + eta D_KL[q(theta; phi_new) || q(theta; phi)] (section 2.2), eta being ``bonus_weight``.

    The units of states and changes are those of the first batch and stay: they are what a nat is a nat of.
    """

    def __init__(self, spec: TaskSpec, config: VimeConfig, seed: int) -> None:
        """Know nothing; what is drawn comes from ``seed``."""
        self._config, self._generator = config, torch.Generator().manual_seed(seed)
        self._states, self._choices = len(spec.observation), len(spec.choices)
        self._centre = ((spec.action_high + spec.action_low) / 2).astype(np.float32)
        self._half_range = ((spec.action_high - spec.action_low) / 2).astype(np.float32)
        inputs = self._states + (self._choices or len(spec.action))
        self.model = BayesianNetwork(inputs, self._states, config, self._generator)
        self._optimiser = torch.optim.Adam(self.model.parameters(), config.lr, fused=True)
        self._units: tuple[_Unit, _Unit] | None = None
        self._inputs, self._targets = torch.empty(0, inputs), torch.empty(0, self._states)
        self._seen, self._medians = 0, np.zeros(0, np.float64)

    def bonus(self, batch: Rollout) -> Floats:
        """What each transition (rows,) tells, in units of what one usually does; the first batch is worth nothing.

        A row pairs an observation with the one that followed it in its episode, the last one of an episode included.
        """
        states, after = batch.inputs[:, : self._states], batch.next_inputs[:, : self._states]
        first = self._units is None
        state_unit, change_unit = self._units = self._units or _units(states, after - states)
        inputs = torch.cat((state_unit.of(states), torch.from_numpy(self._acted(batch.actions))), dim=1)
        targets = change_unit.of(after - states)
        # Before the model learns from them: afterwards they would tell nothing.
        worth = np.zeros(len(inputs), np.float32) if first else self._worth(inputs, targets)
        self._learn(inputs, targets)
        return worth

    def gain(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Information gain of transitions as the model sees them [nat], (rows,)."""
        eps, rho = self.model.draw(self._generator), self.model.rho.detach()
        parts = zip(inputs.split(_ROWS_AT_ONCE), targets.split(_ROWS_AT_ONCE), strict=True)
        return torch.cat([information_gain(*self.model.gradients(*part, eps), rho, STEP) for part in parts])

    def _worth(self, inputs: torch.Tensor, targets: torch.Tensor) -> Floats:
        """min(gain / mean of the newest batches' medians, clip) (appendix, and released code)."""
        gain = self.gain(inputs, targets).numpy()
        self._medians = np.append(self._medians, np.median(gain).astype(np.float64))[-self._config.medians :]
        unit = max(float(self._medians.mean()), np.finfo(np.float32).tiny)
        return np.minimum(gain / np.float32(unit), np.float32(self._config.clip))

    def _learn(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Descend the loss on minibatches of all that is kept."""
        self._inputs = torch.cat((self._inputs, inputs))[-self._config.pool :]
        self._targets = torch.cat((self._targets, targets))[-self._config.pool :]
        self._seen += len(inputs)
        for _ in range(self._config.updates):
            rows = torch.randint(len(self._inputs), (self._config.batch_size,), generator=self._generator)
            eps = self.model.draw(self._generator)
            loss = self.model.loss(self._inputs[rows], self._targets[rows], self._seen, eps)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()

    def _acted(self, actions: Floats) -> Floats:
        """Actions as the world took them: clipped, in half-ranges; of choices one-hot."""
        if self._choices:
            return np.eye(self._choices, dtype=np.float32)[actions[:, 0].astype(np.int64)]
        return np.clip((actions - self._centre) / self._half_range, -1, 1).astype(np.float32)

    def state_dict(self) -> dict[str, Any]:
        """Everything that later bonuses depend on."""
        units = self._units or ()
        named = {f"unit.{i}.{name}": part for i, unit in enumerate(units) for name, part in unit._asdict().items()}
        return {
            **networks_state({"model": self.model}, {"optimiser": self._optimiser}),
            **named,
            "inputs": self._inputs,
            "targets": self._targets,
            "seen": self._seen,
            "medians": self._medians,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        load_networks(state, {"model": self.model}, {"optimiser": self._optimiser})
        known = "unit.0.mean" in state
        units = [_Unit(state[f"unit.{i}.mean"], state[f"unit.{i}.std"]) for i in range(2)] if known else None
        self._units = (units[0], units[1]) if units else None
        self._inputs, self._targets = state["inputs"].clone(), state["targets"].clone()
        self._seen, self._medians = int(state["seen"]), state["medians"].copy()
        self._generator.set_state(state["generator"])


def _units(states: Floats, changes: Floats) -> tuple[_Unit, _Unit]:
    """Units of states and of their changes, both (rows, elements); what does not vary stays as it is."""
    spread, spread_of_changes = states.std(axis=0), changes.std(axis=0)
    still = spread_of_changes <= _STILL * np.maximum(spread, 1.0)
    return (
        _Unit(states.mean(axis=0), np.where(spread > 0, spread, 1).astype(np.float32)),
        _Unit(changes.mean(axis=0), np.where(still, 1, spread_of_changes).astype(np.float32)),
    )


def bonus(spec: TaskSpec, config: OnPolicyFlatConfig, seed: int) -> Vime:
    """As ``flat.bonus.BONUSES`` asks for it."""
    return Vime(spec, config.vime, seed)
