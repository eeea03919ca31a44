"""Actor networks and their description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hrl_core.errors import CheckpointError
from hrl_core.symmetry import QuarterTurn, sector, turn_tables

OUTPUT_INIT = 0.003
"""Half-range of the output layer's initial weights (DDPG, arXiv 1509.02971, section 7)."""


@dataclass(frozen=True)
class ActorConfig:
    """A multilayer perceptron with ReLU, whose tanh output is scaled to [low, high] per element.

    Its first layer sees *features*: the inputs, each multiplied by its scale, then scaled differences of two
    inputs. This map is linear, so that acting folds it into the first layer.
    """

    input_dim: int
    """Size of the input vector."""
    hidden: tuple[int, ...]
    """Units of each hidden layer."""
    low: tuple[float, ...]
    """Lower bounds of the output, raw units."""
    high: tuple[float, ...]
    """Upper bounds of the output, raw units."""
    masked: tuple[int, ...] = ()
    """Input elements multiplied by zero (HIRO hides x, y from its worker)."""
    exploration_noise: tuple[float, ...] = field(default=())
    """Standard deviation of the Gaussian exploration per output element, raw units."""
    input_scale: tuple[float, ...] = ()
    """Factor on each input element; empty: 1."""
    differences: tuple[tuple[int, int, float], ...] = ()
    """Appended features: (i, j, factor) gives factor * (input[i] - input[j]), e.g. the way left to the task
    goal."""
    held_exploration: float = 0.0
    """Of a manager: chance per decision, while exploring, to hold a random subgoal for a few decisions."""
    turn: QuarterTurn | None = None
    """Four-fold symmetry to act under: inputs are turned to a standard heading and outputs turned back."""

    def __post_init__(self) -> None:
        """Refuse contradicting sizes."""
        if len(self.low) != len(self.high) or len(self.exploration_noise) not in (0, len(self.low)):
            raise CheckpointError("actor: low, high and exploration_noise must have one entry per output")
        if len(self.input_scale) not in (0, self.input_dim):
            raise CheckpointError(f"actor: input_scale needs {self.input_dim} entries, got {len(self.input_scale)}")
        if any(not 0 <= k < self.input_dim for i, j, _ in self.differences for k in (i, j)):
            raise CheckpointError(f"actor: differences name inputs outside 0..{self.input_dim - 1}")
        if self.turn is not None and (len(self.turn.inputs), len(self.turn.outputs)) != (
            self.input_dim,
            self.output_dim,
        ):
            raise CheckpointError("actor: turn must have one entry per input and output")
        if not self.exploration_noise:
            object.__setattr__(self, "exploration_noise", (0.0,) * len(self.low))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ActorConfig":
        """Rebuild from ``dataclasses.asdict`` after a passage through JSON."""
        plain = {name: _tuples(value) for name, value in data.items() if name != "turn"}
        turn = data.get("turn")
        rebuilt = None if turn is None else QuarterTurn(**{name: _tuples(value) for name, value in turn.items()})
        return cls(**plain, turn=rebuilt)

    @property
    def output_dim(self) -> int:
        """Size of the output vector."""
        return len(self.low)

    @property
    def feature_dim(self) -> int:
        """Size of what the first layer sees."""
        return self.input_dim + len(self.differences)

    def bounds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Lower and upper bounds of the output as float32, whatever numbers they were made from."""
        return torch.tensor(self.low, dtype=torch.float32), torch.tensor(self.high, dtype=torch.float32)

    def feature_matrix(self) -> torch.Tensor:
        """The linear map from inputs to features, shape (feature_dim, input_dim)."""
        scale = torch.tensor(self.input_scale, dtype=torch.float32) if self.input_scale else torch.ones(self.input_dim)
        scale[list(self.masked)] = 0.0
        rows = torch.zeros(len(self.differences), self.input_dim)
        for row, (i, j, factor) in zip(rows, self.differences, strict=True):
            row[i] += factor
            row[j] -= factor
        return torch.cat((torch.diag(scale), rows))

    def check(self, input_dim: int, output_dim: int, name: str) -> None:
        """Raise ``CheckpointError`` unless the sizes are those the task needs."""
        if (self.input_dim, self.output_dim) != (input_dim, output_dim):
            raise CheckpointError(
                f"{name} actor maps {self.input_dim} -> {self.output_dim} numbers, the task needs "
                f"{input_dim} -> {output_dim}; use a checkpoint trained for this task"
            )


def _tuples(value: Any) -> Any:  # noqa: ANN401
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


class Turner:
    """Batched turning of a policy's inputs and outputs under its symmetry."""

    def __init__(self, turn: QuarterTurn) -> None:
        """Tabulate the four turns."""
        self._heading = turn.heading
        (self._in, self._in_sign), (self._out, self._out_sign) = (
            (torch.from_numpy(sources), torch.from_numpy(signs))
            for sources, signs in (turn_tables(turn.inputs), turn_tables(turn.outputs))
        )

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

    def __init__(self, config: ActorConfig, generator: torch.Generator | None = None) -> None:
        """Initialise hidden layers U(+-1/sqrt(fan_in)) with zero bias, the output layer U(+-0.003)."""
        super().__init__()
        self.config = config
        sizes = (config.feature_dim, *config.hidden, config.output_dim)
        self.linears = [nn.Linear(n, m) for n, m in pairwise(sizes)]
        self.layers = nn.ModuleList(self.linears)
        low, high = config.bounds()
        self.features = config.feature_matrix()
        self.centre, self.half_range = (high + low) / 2, (high - low) / 2
        self._turner = None if config.turn is None else Turner(config.turn)
        with torch.no_grad():
            for layer in self.linears:
                bound = OUTPUT_INIT if layer is self.linears[-1] else layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.zero_()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map (batch, input_dim) to (batch, output_dim) in raw units."""
        if self._turner is None:
            return self._standard(inputs)
        sectors = self._turner.sectors(inputs)
        return self._turner.outputs(self._standard(self._turner.inputs(inputs, sectors)), sectors)

    def _standard(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = inputs @ self.features.T
        for layer in self.linears[:-1]:
            hidden = torch.relu(layer(hidden))
        return self.centre + self.half_range * torch.tanh(self.linears[-1](hidden))


class _Pass(NamedTuple):
    """Weights of one heading, everything linear folded in."""

    layers: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
    centre: npt.NDArray[np.float32]
    half_range: npt.NDArray[np.float32]


class FastActor:
    """The same actor for one observation at a time, in NumPy.

    With warm caches it takes 12 us (modules: 41, bare tensor functions: 18); between two messages, when the caches are
    cold, 43 us against 99 for tensor functions. Its bits depend on the number of threads: see ``hrl_core.threads``.
    """

    def __init__(self, config: ActorConfig, weights: Mapping[str, torch.Tensor]) -> None:
        """Check the weights against the configuration.

        Raises:
            CheckpointError: a tensor is missing, has another shape or is not finite.
        """
        expected = {name: tensor.shape for name, tensor in Actor(config).state_dict().items()}
        for name, shape in expected.items():
            tensor = weights.get(name)
            if tensor is None or tensor.shape != shape:
                got = "nothing" if tensor is None else tuple(tensor.shape)
                raise CheckpointError(f"tensor '{name}': expected shape {tuple(shape)}, got {got}")
            if not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(f"tensor '{name}' holds non-finite numbers")
        self._heading = None if config.turn is None else config.turn.heading
        self._passes = _folded(config, weights)

    def __call__(self, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Map (input_dim,) to (output_dim,) in raw units."""
        heading = self._heading
        chosen = self._passes[0 if heading is None else sector(inputs[heading[0]], inputs[heading[1]])]
        hidden = inputs
        for weight, bias in chosen.layers[:-1]:
            hidden = weight.dot(hidden)
            hidden += bias
            np.maximum(hidden, 0.0, out=hidden)
        weight, bias = chosen.layers[-1]
        return chosen.centre + chosen.half_range * np.tanh(weight.dot(hidden) + bias)


def _folded(config: ActorConfig, weights: Mapping[str, torch.Tensor]) -> list[_Pass]:
    """Fold features and turns into the first and last layer, one set of weights per sector."""
    layers = [
        (weights[f"layers.{i}.weight"].detach().clone(), weights[f"layers.{i}.bias"].detach().clone())
        for i in range(len(config.hidden) + 1)
    ]
    low, high = config.bounds()
    centre, half_range = (high + low) / 2, (high - low) / 2
    layers[0] = (layers[0][0] @ config.feature_matrix(), layers[0][1])
    if config.turn is None:
        return [_as_arrays(layers, centre, half_range)]
    passes = []
    inputs, outputs = turn_tables(config.turn.inputs), turn_tables(config.turn.outputs)
    for k in range(4):
        source, sign = (torch.from_numpy(table[-k % 4]) for table in inputs)
        first = torch.zeros_like(layers[0][0])
        first[:, source] = layers[0][0] * sign
        source, sign = (torch.from_numpy(table[k]) for table in outputs)
        last = (sign[:, None] * layers[-1][0][source], sign * layers[-1][1][source])
        turned = [(first, layers[0][1]), *layers[1:-1], last]
        passes.append(_as_arrays(turned, sign * centre[source], half_range[source]))
    return passes


def _as_arrays(
    layers: Sequence[tuple[torch.Tensor, torch.Tensor]], centre: torch.Tensor, half_range: torch.Tensor
) -> _Pass:
    pairs = [(weight.contiguous().numpy(), bias.contiguous().numpy()) for weight, bias in layers]
    return _Pass(pairs, centre.numpy(), half_range.numpy())
