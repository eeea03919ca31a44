"""How often recorded steps are drawn: by age, and by how rare the places and the goals of their episodes are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hrl_core.errors import HrlError

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SamplingConfig:
    """Factors on the weights of the sources; by default all steps of a source are drawn alike."""

    half_life: int = 0
    """Newer steps after which a step is drawn half as often; 0: age does not count."""
    novelty: float = 0.0
    """Of n episodes that ended in one cell of the space of goals, each counts n ** -novelty: 1 has all places drawn
    alike, however many episodes ended there; 0: where they ended does not count."""
    rare_goals: float = 0.0
    """The same of the goals that episodes were given."""
    cell: float = 1.0
    """Edge of a cell [units of the goal, of the ant metres]."""

    def __post_init__(self) -> None:
        """Refuse what would favour what is common."""
        for name in ("half_life", "novelty", "rare_goals"):
            if getattr(self, name) < 0:
                raise HrlError(f"sampling.{name} must be at least 0 (which is off), got {getattr(self, name)}")
        if not self.cell > 0:
            raise HrlError(f"sampling.cell must be above 0, got {self.cell}")

    @property
    def of_goals(self) -> bool:
        """Whether it asks about goals."""
        return self.novelty > 0 or self.rare_goals > 0


def of_age(config: SamplingConfig, steps: npt.NDArray[np.int64]) -> Weights:
    """Factors of episodes of ``steps`` (episodes,), the oldest first: 2 ** -(newer steps / half_life)."""
    if not config.half_life:
        return np.ones(len(steps))
    newer = steps.sum() - np.cumsum(steps)
    return np.exp2(-newer / config.half_life)


def of_rarity(power: float, cell: float, places: npt.NDArray) -> Weights:
    """Factors n ** -power of ``places`` (episodes, goal_dim), of which n share a cell."""
    if not power:
        return np.ones(len(places))
    cells = np.floor(places / cell).astype(np.int64)
    _, which, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    return counts.astype(np.float64)[which.reshape(-1)] ** -power
