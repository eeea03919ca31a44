"""What an actor network is made of, without the network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.errors import CheckpointError
from hrl_core.symmetry import QuarterTurn

Float32 = npt.NDArray[np.float32]


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

    def output_range(self) -> tuple[Float32, Float32]:
        """Centre and half-range of the output, computed in float32 whatever numbers the bounds were made from."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        return ((high + low) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)

    def feature_matrix(self) -> Float32:
        """The linear map from inputs to features, shape (feature_dim, input_dim)."""
        matrix = np.eye(self.feature_dim, self.input_dim, dtype=np.float32)
        if self.input_scale:
            np.fill_diagonal(matrix, self.input_scale)
        matrix[list(self.masked)] = 0.0
        for row, (i, j, factor) in zip(matrix[self.input_dim :], self.differences, strict=True):
            row[i] += factor
            row[j] -= factor
        return matrix

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters, as ``networks.Actor`` has them."""
        sizes = (self.feature_dim, *self.hidden, self.output_dim)
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (n, m) in enumerate(pairwise(sizes)):
            shapes |= {f"layers.{i}.weight": (m, n), f"layers.{i}.bias": (m,)}
        return shapes

    def check(self, input_dim: int, output_dim: int, name: str) -> None:
        """Raise ``CheckpointError`` unless the sizes are those the task needs."""
        if (self.input_dim, self.output_dim) != (input_dim, output_dim):
            raise CheckpointError(
                f"{name} actor maps {self.input_dim} -> {self.output_dim} numbers, the task needs "
                f"{input_dim} -> {output_dim}; use a checkpoint trained for this task"
            )


def _tuples(value: Any) -> Any:  # noqa: ANN401
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
