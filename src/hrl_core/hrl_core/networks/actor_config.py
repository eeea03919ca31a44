"""What an actor network is made of, without the network."""

import dataclasses
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated

import numpy as np
import numpy.typing as npt

from hrl_core.errors import CheckpointError
from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.networks.memory_config import MemoryConfig
from hrl_core.networks.symmetry import QuarterTurn
from hrl_core.typed_fields import Count, Finite, Fraction, Index, NonEmpty, NotNegative, one_of

Float32 = npt.NDArray[np.float32]
HEADS = ("tanh", "gaussian", "squashed", "categorical", "values")
OF_VECTORS, OF_CHOICES = HEADS[:3], HEADS[3:]
"""Those that say vectors in [low, high], and those that say one of several choices."""
OF_SUBGOALS = ("tanh", "squashed")
"""Those that say subgoals, which never leave their box."""
DIRECTION = "direction"
"""Head of a network that remembers: there is no layer to it."""
ACTIVATIONS = ("relu", "tanh")
MOST_PARAMETERS = 2**24
"""Of one actor: 64 MiB; those of the paper have 100 thousand."""


@dataclass(frozen=True)
class ActorConfig:
    """A multilayer perceptron; what its last layer means is its head's affair (``networks.heads``).

    Its first layer sees *features*: the inputs, less their centre, each multiplied by its scale, then scaled
    differences of two inputs. This map is affine, so that acting folds it into the first layer.
    """

    input_dim: Count
    """Size of the input vector."""
    hidden: tuple[Count, ...]
    """Units of each hidden layer."""
    low: Annotated[tuple[Finite, ...], NonEmpty]
    """Lower bounds of the output, raw units."""
    high: tuple[Finite, ...]
    """Upper bounds of the output, raw units."""
    masked: tuple[Index, ...] = ()
    """Input elements multiplied by zero (HIRO hides x, y from its worker)."""
    exploration_noise: tuple[NotNegative, ...] = field(default=())
    """Standard deviation of the Gaussian exploration per output element, raw units."""
    random_probability: Fraction = 0.0
    """Chance, while exploring, of a uniformly random output in the place of a noisy one (HAC)."""
    test_probability: Fraction = 0.0
    """Of a manager: chance, while exploring, that a subgoal is a test, below which nobody explores (HAC)."""
    input_scale: tuple[Finite, ...] = ()
    """Factor on each input element; empty: 1."""
    input_centre: tuple[Finite, ...] = ()
    """What is taken off each input element before it is scaled; empty: 0. Differences are not centred."""
    differences: tuple[tuple[Index, Index, Finite], ...] = ()
    """Appended features: (i, j, factor) gives factor * (input[i] - input[j]), e.g. the way left to the task
    goal."""
    held_exploration: Fraction = 0.0
    """Of a manager: chance per decision, while exploring, to hold a random subgoal for a few decisions."""
    held_decisions: tuple[int, int] = HeldExploration.decisions
    """Fewest and most of these decisions."""
    held_lengths: tuple[float, float] = HeldExploration.lengths
    """Shortest and longest of these subgoals as a multiple of the half-range."""
    turn: QuarterTurn | None = None
    """Four-fold symmetry to act under: inputs are turned to a standard heading and outputs turned back."""
    head: Annotated[str, one_of((*HEADS, DIRECTION))] = "tanh"
    """``tanh``: numbers in [low, high]. ``gaussian``: means, in half-ranges, of numbers that are drawn and not clipped
    (PPO). ``squashed``: means and logarithms of standard deviations of numbers that are drawn and pass a tanh (SAC).
    ``categorical``: logits of choices, ``values``: values of choices (DQN), or of a state; low and high are 0 and 1.
    ``direction``: what the memory says, brought to length 1 (FuN's manager); low and high are -1 and 1."""
    activation: Annotated[str, one_of(ACTIVATIONS)] = "relu"
    """Of the hidden layers."""
    skills: Index = 0
    """So many networks that share nothing, stacked along a leading axis of every parameter: the last inputs, one of the
    skills as a one-hot vector, say which one acts, and none sees them (MLSH). 0: one network that sees all inputs."""
    memory: MemoryConfig | None = None
    """What follows the hidden layers in the place of a last one; None: it acts by what it sees alone."""

    def __post_init__(self) -> None:
        """Refuse contradicting sizes."""
        if len(self.low) != len(self.high) or len(self.exploration_noise) not in (0, len(self.low)):
            raise CheckpointError("actor: low, high and exploration_noise must have one entry per output")
        if self.head in OF_CHOICES and ({*self.low} != {0.0} or {*self.high} != {1.0}):
            raise CheckpointError(f"actor: the head '{self.head}' has low 0 and high 1")
        if self.head != "tanh" and self.turn is not None:
            raise CheckpointError(f"actor: the head '{self.head}' has no turn: only 'tanh' has")
        for name, numbers in (("input_scale", self.input_scale), ("input_centre", self.input_centre)):
            if len(numbers) not in (0, self.input_dim):
                raise CheckpointError(f"actor: {name} needs {self.input_dim} entries, got {len(numbers)}")
        if self.input_centre and (self.turn is not None or self.skills or self.memory is not None):
            raise CheckpointError("actor: input_centre goes with neither turn nor skills nor memory")
        named = {"masked": self.masked, "differences": [k for i, j, _ in self.differences for k in (i, j)]}
        named["turn.heading"] = () if self.turn is None else self.turn.heading
        for name, inputs in named.items():
            if any(not 0 <= k < self.input_dim for k in inputs):
                raise CheckpointError(f"actor: {name} must be inputs, 0 to {self.input_dim - 1}")
        if self.turn is not None:
            for turned, size in ((self.turn.inputs, self.input_dim), (self.turn.outputs, self.output_dim)):
                if len(turned) != size or sorted(source for source, _ in turned) != list(range(size)):
                    raise CheckpointError("actor: turn must name each input and output once")
        if self.skills and (self.skills >= self.input_dim or self.turn is not None):
            raise CheckpointError(f"actor: {self.skills} skills need as many inputs and others beside, and no turn")
        if self.skills:
            self.one_skill()
        self._require_memory()
        matrices = [math.prod(shape) for shape in self.parameter_shapes().values()]
        if sum(matrices) + self.feature_dim * self.input_dim > MOST_PARAMETERS:
            raise CheckpointError(f"actor: more than {MOST_PARAMETERS} parameters in its layers {self.hidden}")
        if not self.exploration_noise:
            object.__setattr__(self, "exploration_noise", (0.0,) * len(self.low))

    def _require_memory(self) -> None:
        """Refuse what a network with a memory cannot be, and one without what only that can be."""
        memory = self.memory
        if self.head == DIRECTION and ({*self.low} != {-1.0} or {*self.high} != {1.0}):
            raise CheckpointError("actor: the head 'direction' has low -1 and high 1")
        if memory is None:
            if self.head == DIRECTION:
                raise CheckpointError("actor: the head 'direction' needs a memory")
            return
        if self.head not in ("categorical", DIRECTION) or self.skills or self.differences or not self.hidden:
            raise CheckpointError(
                "actor: a network with a memory has the head 'categorical' or 'direction', a hidden layer, and neither "
                "skills nor differences"
            )
        if self.head == DIRECTION and (memory.directions or memory.units != self.output_dim):
            raise CheckpointError(f"actor: the head 'direction' says its memory's {memory.units} numbers itself")
        if memory.directions >= self.input_dim:
            raise CheckpointError(f"actor: {memory.directions} inputs for directions need others beside")

    def one_skill(self) -> "ActorConfig":
        """The network of one of the skills, which does not see which one it is."""
        seen = self.input_dim - self.skills
        return dataclasses.replace(self, input_dim=seen, input_scale=self.input_scale[:seen], skills=0)

    @property
    def held(self) -> HeldExploration:
        """How a manager explores by held subgoals."""
        return HeldExploration(self.held_exploration, self.held_decisions, self.held_lengths)

    @property
    def output_dim(self) -> int:
        """Size of the output vector."""
        return len(self.low)

    @property
    def last_dim(self) -> int:
        """Outputs of the last layer: under the head ``squashed`` two for each number."""
        return 2 * len(self.low) if self.head == "squashed" else len(self.low)

    @property
    def feature_dim(self) -> int:
        """Size of what the first layer sees."""
        return self.input_dim + len(self.differences)

    def output_range(self) -> tuple[Float32, Float32]:
        """Centre and half-range of the output, computed in float32 whatever numbers the bounds were made from."""
        low, high = np.array(self.low, np.float32), np.array(self.high, np.float32)
        return ((high + low) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)

    def feature_offset(self) -> Float32:
        """What the features of inputs at 0 are, shape (feature_dim,)."""
        offset = np.zeros(self.feature_dim, np.float32)
        if self.input_centre:
            seen = self.feature_matrix()[: self.input_dim]
            offset[: self.input_dim] = -(seen @ np.array(self.input_centre, np.float32))
        return offset

    def feature_matrix(self) -> Float32:
        """The linear part of the map from inputs to features, shape (feature_dim, input_dim)."""
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
        if self.skills:
            one = self.one_skill().parameter_shapes()
            return {name: (self.skills, *shape) for name, shape in one.items()}
        memory = self.memory
        sizes = (self.feature_dim, *self.hidden, self.last_dim)
        if memory is not None:
            sizes = (self.feature_dim - memory.directions, *self.hidden)
        shapes: dict[str, tuple[int, ...]] = {}
        for i, (n, m) in enumerate(pairwise(sizes)):
            shapes |= {f"layers.{i}.weight": (m, n), f"layers.{i}.bias": (m,)}
        if memory is not None:
            return shapes | memory.shapes(sizes[-1], 0 if self.head == DIRECTION else self.last_dim)
        # Logarithms of the standard deviations, the same in all states.
        return shapes | ({"log_std": (self.output_dim,)} if self.head == "gaussian" else {})

    def check(self, input_dim: int, output_dim: int, name: str, *heads: str) -> None:
        """Raise ``CheckpointError`` unless sizes and head (``heads``; none: tanh) are those the task needs."""
        if self.head not in (heads or HEADS[:1]):
            needed = " or ".join(f"'{head}'" for head in heads or HEADS[:1])
            raise CheckpointError(f"{name} actor has the head '{self.head}', its hierarchy needs {needed}")
        if (self.input_dim, self.output_dim) != (input_dim, output_dim):
            raise CheckpointError(
                f"{name} actor maps {self.input_dim} -> {self.output_dim} numbers, the task needs "
                f"{input_dim} -> {output_dim}; use a checkpoint trained for this task"
            )
