"""The networks of FuN (arXiv 1703.01161, section 3) and of the flat LSTM, over whole episodes and step by step.

z_t = relu(W x_t)                           perception, shared by both levels
s_t = relu(W_s z_t)                         latent state
y_t = dilated LSTM(s_t), g_t = y_t / |y_t|  the manager's direction
w_t = phi(g_{t-c+1} + ... + g_t)            the last c directions, pooled; phi has no bias
U_t = LSTM(z_t),  pi_t = softmax(U_t w_t)   the worker's policy
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import normalize

from hrl_core.algorithms.fun.config import END_TO_END, FunConfig
from hrl_core.algorithms.fun.shapes import Shapes
from hrl_core.networks.dilated_lstm import DilatedLSTM, State, window_sums

_ISSUED = 1e-3
"""How far a direction that was issued is from the manager's own at least, if it is another; own ones differ by rounding
alone, random ones by about 1.4."""


_POLICY_GAIN = 0.1
"""Of the last layer's initial weights: a policy begins near chance, or it may never come upon what is paid for."""


class Said(NamedTuple):
    """What networks say of episodes; leading axes (steps, episodes)."""

    logits: torch.Tensor
    """Of the worker's choices, (..., choices)."""
    worth: torch.Tensor
    """What states are worth to the worker, V_W."""


class SaidByManager(NamedTuple):
    """The same of the manager."""

    latent: torch.Tensor
    """s, (..., d)."""
    directions: torch.Tensor
    """g, its own, (..., d)."""
    followed: torch.Tensor
    """g as the worker was told, (..., d)."""
    random: torch.Tensor
    """Whether that was another."""
    worth: torch.Tensor
    """V_M."""


class Memory(NamedTuple):
    """What is remembered of several episodes that are at the same step."""

    worker: State
    manager: State
    directions: torch.Tensor
    """The last ones that were issued, the newest last, (c, episodes, d)."""


class Feudal(nn.Module):
    """Manager and worker."""

    def __init__(self, shapes: Shapes, config: FunConfig, generator: torch.Generator) -> None:
        """Initialise all layers U(+-1/sqrt(fan_in)) from ``generator``."""
        super().__init__()
        worker, d, k = shapes["worker"], config.size, config.embedding
        self._choices, self._config = worker.output_dim, config
        self.perception = _linear(worker.input_dim - d, d, generator)
        self.latent = _linear(d, d, generator)
        self.manager = DilatedLSTM(d, d, config.dilation, generator)
        self.manager_value = _linear(d, 1, generator)
        self.worker = DilatedLSTM(d, d, 1, generator)
        self.output = _linear(d, self._choices * k, generator, gain=_POLICY_GAIN)
        self.embedding = _linear(d, k, generator, bias=False)
        self.value = _linear(d + k, 1, generator)

    def forward(self, inputs: torch.Tensor, issued: torch.Tensor) -> tuple[Said, SaidByManager]:
        """Go through episodes (steps, episodes, inputs) from their first step.

        Args:
            inputs: observations.
            issued: the direction that the worker was told, (steps, episodes, d); zeros: the manager's own.
        """
        z = torch.relu(self.perception(inputs))
        s = torch.relu(self.latent(z))
        y = self.manager(s)
        g = normalize(y, dim=-1)
        random = (issued.abs().sum(-1) > 0) & ((issued - g.detach()).norm(dim=-1) > _ISSUED)
        followed = torch.where(random[..., None], issued, g)
        # The worker teaches the manager nothing, unless both are to be one network.
        told = followed if self._config.manager_loss == END_TO_END else followed.detach()
        manager = SaidByManager(s, g, followed.detach(), random, self.manager_value(y)[..., 0])
        return self._choose(self.worker(z), window_sums(told, self._config.horizon)), manager

    def initial(self, episodes: int) -> Memory:
        """Nothing is remembered at the beginning of episodes."""
        directions = torch.zeros(self._config.horizon, episodes, self._config.size)
        return Memory(self.worker.initial(episodes), self.manager.initial(episodes), directions)

    @torch.no_grad()
    def advance(
        self, memory: Memory, inputs: torch.Tensor, step: int, random: torch.Tensor
    ) -> tuple[Memory, torch.Tensor]:
        """Take a step.

        Args:
            memory: of the steps before.
            inputs: observations, (episodes, inputs).
            step: of the episodes, from 0.
            random: directions in the manager's stead, (episodes, d); zeros: its own.

        Returns:
            What is remembered then, and logits (episodes, choices).
        """
        z = torch.relu(self.perception(inputs))
        managing, y = self.manager.advance(memory.manager, torch.relu(self.latent(z)), step)
        own = normalize(y, dim=-1)
        issued = torch.where(random.abs().sum(-1, keepdim=True) > 0, random, own)
        directions = torch.cat((memory.directions[1:], issued[None]))
        working, hidden = self.worker.advance(memory.worker, z, step)
        said = self._choose(hidden, directions.sum(0))
        return Memory(working, managing, directions), said.logits

    def named(self) -> dict[str, dict[str, torch.Tensor]]:
        """The parameters of each party as a checkpoint names them; perception is in both."""
        worker = {**_named(self.worker, self.output, self.value, self.perception), **_as("embedding", self.embedding)}
        return {
            "worker": worker,
            "manager": _named(self.manager, None, self.manager_value, self.perception, self.latent),
        }

    def _choose(self, hidden: torch.Tensor, pooled: torch.Tensor) -> Said:
        """Logits U w, and what the state is worth, of LSTM outputs and pooled directions (..., d) each."""
        w = self.embedding(pooled)
        u = self.output(hidden).unflatten(-1, (self._choices, -1))
        return Said((u @ w[..., None])[..., 0], self.value(torch.cat((hidden, w), -1))[..., 0])


class Flat(nn.Module):
    """The LSTM that FuN is compared with: pi_t = softmax(LSTM(z_t)), values from the same output."""

    def __init__(self, shapes: Shapes, config: FunConfig, generator: torch.Generator) -> None:
        """Initialise all layers U(+-1/sqrt(fan_in)) from ``generator``."""
        super().__init__()
        shape = shapes["worker"]
        units = shape.parameter_shapes()["value.weight"][1]
        self.perception = _linear(shape.input_dim, config.size, generator)
        self.worker = DilatedLSTM(config.size, units, 1, generator)
        self.output = _linear(units, shape.output_dim, generator, gain=_POLICY_GAIN)
        self.value = _linear(units, 1, generator)

    def forward(self, inputs: torch.Tensor, issued: torch.Tensor) -> tuple[Said, None]:
        """As ``Feudal``, of observations and task goals; nobody issues directions."""
        del issued
        hidden = self.worker(torch.relu(self.perception(inputs)))
        return Said(self.output(hidden), self.value(hidden)[..., 0]), None

    def initial(self, episodes: int) -> Memory:
        """Nothing is remembered at the beginning of episodes."""
        hidden, cell, directions = (torch.zeros(1, episodes, 0) for _ in range(3))
        return Memory(self.worker.initial(episodes), State(hidden, cell), directions)

    @torch.no_grad()
    def advance(
        self, memory: Memory, inputs: torch.Tensor, step: int, random: torch.Tensor
    ) -> tuple[Memory, torch.Tensor]:
        """As ``Feudal``, without directions."""
        del random
        own, hidden = self.worker.advance(memory.worker, torch.relu(self.perception(inputs)), step)
        return memory._replace(worker=own), self.output(hidden)

    def named(self) -> dict[str, dict[str, torch.Tensor]]:
        """The parameters as a checkpoint names them."""
        return {"worker": _named(self.worker, self.output, self.value, self.perception)}


def make_network(shapes: Shapes, config: FunConfig, generator: torch.Generator) -> Feudal | Flat:
    """The network of a configuration."""
    return (Flat if config.flat else Feudal)(shapes, config, generator)


def _linear(inputs: int, outputs: int, generator: torch.Generator, bias: bool = True, gain: float = 1.0) -> nn.Linear:
    layer, bound = nn.Linear(inputs, outputs, bias), gain * inputs**-0.5
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layer


def _named(
    lstm: DilatedLSTM, output: nn.Linear | None, value: nn.Linear, *layers: nn.Linear
) -> dict[str, torch.Tensor]:
    """Parameters as ``ActorConfig.parameter_shapes`` names them."""
    named = [(f"layers.{i}", layer) for i, layer in enumerate(layers)] + [("value", value)]
    named += [] if output is None else [("output", output)]
    return lstm.named() | {name: tensor for prefix, layer in named for name, tensor in _as(prefix, layer).items()}


def _as(prefix: str, layer: nn.Linear) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in layer.state_dict().items()}
