"""Actor networks in torch: batches in, batches out."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.initial_weights import draw_weights
from hrl_core.networks.symmetry import QuarterTurn, turn_tables


def _constant(array: npt.NDArray[Any]) -> nn.Buffer:
    """What moves with a module to its device and is not learned."""
    return nn.Buffer(torch.from_numpy(array), persistent=False)


class Turner(nn.Module):
    """Batched turning of a policy's inputs and outputs under its symmetry."""

    def __init__(self, turn: QuarterTurn) -> None:
        """Tabulate the four turns."""
        super().__init__()
        self._heading = turn.heading
        self._in, self._in_sign = (_constant(table) for table in turn_tables(turn.inputs))
        self._out, self._out_sign = (_constant(table) for table in turn_tables(turn.outputs))

    def sectors(self, inputs: torch.Tensor) -> torch.Tensor:
        """Quarter turns from +x to the heading of each row, shape (batch,); see ``symmetry.sector``."""
        x, y = inputs[:, self._heading[0]], inputs[:, self._heading[1]]
        return torch.where(y.abs() <= x.abs(), torch.where(x >= 0, 0, 2), torch.where(y > 0, 1, 3))

    def inputs(self, inputs: torch.Tensor, sectors: torch.Tensor) -> torch.Tensor:
        """Turn inputs (batch, input_dim) back by their sectors, to the standard heading."""
        turns = (-sectors) % 4
        return inputs.gather(1, self._in[turns]).mul_(self._in_sign[turns])

    def outputs(self, outputs: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """Turn outputs (batch, output_dim) forward by ``turns`` quarters."""
        turns = turns % 4
        return outputs.gather(1, self._out[turns]).mul_(self._out_sign[turns])


class Actor(nn.Module):
    """The actor in plain modules: batches in, batches out."""

    def __init__(
        self, config: ActorConfig, generator: torch.Generator | None = None, small_output: bool = True
    ) -> None:
        """Draw its parameters; see ``draw_weights``."""
        super().__init__()
        self.config = config
        sizes = (config.feature_dim, *config.hidden, config.last_dim)
        self.linears = [nn.Linear(n, m) for n, m in pairwise(sizes)]
        self.layers = nn.ModuleList(self.linears)
        matrix = config.feature_matrix()
        self._matrix = _constant(matrix)
        self._offset = _constant(config.feature_offset()) if config.input_centre else None
        self._diagonal = None if config.differences else _constant(matrix.diagonal().copy())
        self.centre, self.half_range = map(_constant, config.output_range())
        self._turner = None if config.turn is None else Turner(config.turn)
        self._activation = torch.relu if config.activation == "relu" else torch.tanh
        if config.head == "gaussian":
            self.log_std = nn.Parameter(torch.zeros(config.output_dim))
        draw_weights([self.linears], generator, small_output)

    @classmethod
    def of_arrays(cls, config: ActorConfig, weights: Mapping[str, Float32]) -> "Actor":
        """An actor with the parameters of a checkpoint's level, not to be trained."""
        actor = cls(config)
        actor.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        return actor.requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to what the head takes, (batch, last_dim): under tanh in raw units already."""
        if self._turner is None:
            return self.standard(inputs)
        sectors = self._turner.sectors(inputs)
        return self._turner.outputs(self.standard(self._turner.inputs(inputs, sectors)), sectors)

    def standard(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same at inputs that are turned to the standard heading."""
        last = self.pre_tanh(self.features(inputs))
        return self.centre + self.half_range * torch.tanh(last) if self.config.head == "tanh" else last

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the first layer sees of inputs (batch, input_dim), shape (batch, feature_dim)."""
        features = inputs @ self._matrix.T if self._diagonal is None else inputs * self._diagonal
        return features if self._offset is None else features + self._offset

    def pre_tanh(self, features: torch.Tensor) -> torch.Tensor:
        """Output of the last layer, (batch, last_dim)."""
        hidden = features
        for layer in self.linears[:-1]:
            hidden = self._activation(layer(hidden))
        return self.linears[-1](hidden)
