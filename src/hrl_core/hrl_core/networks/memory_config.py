"""What the network of a policy that remembers has besides its layers, without the network."""

from dataclasses import dataclass

from hrl_core.errors import CheckpointError
from hrl_core.typed_fields import Count, Index


@dataclass(frozen=True)
class MemoryConfig:
    """An LSTM behind the hidden layers, and how what is said is made of its output (FuN, arXiv 1703.01161)."""

    units: Count
    """Numbers in its hidden state and in its output."""
    dilation: Count = 1
    """r, groups of the state: at step t group t mod r is advanced, the output is the sum of all (section 3.2)."""
    directions: Index = 0
    """Length d of the directions that a worker follows, its last inputs; 0: it follows none."""
    pooled: Index = 0
    """c, how many of the last directions are summed up (section 3)."""
    embedding: Index = 0
    """k, numbers that the sum is brought to, without a bias."""

    def __post_init__(self) -> None:
        """Refuse what only a part of is there."""
        if len({bool(self.directions), bool(self.pooled), bool(self.embedding)}) > 1:
            raise CheckpointError("actor: memory.directions, pooled and embedding are 0, or none of them is")

    def shapes(self, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters.

        Args:
            inputs: length of what the hidden layers say.
            outputs: of what is said; 0: it is the output of the LSTM itself.
        """
        u, k = self.units, self.embedding
        shapes: dict[str, tuple[int, ...]] = {
            "lstm.weight_ih": (4 * u, inputs),
            "lstm.weight_hh": (4 * u, u),
            "lstm.bias_ih": (4 * u,),
            "lstm.bias_hh": (4 * u,),
        }
        if outputs:
            rows = outputs * (k or 1)
            shapes |= {"output.weight": (rows, u), "output.bias": (rows,)}
        if k:
            shapes |= {"embedding.weight": (k, self.directions)}
        return shapes | {"value.weight": (1, u + k), "value.bias": (1,)}
