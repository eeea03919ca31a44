"""Tables of comparisons in Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np

from hrl.results.over_seeds import BOOTSTRAP_SEED
from hrl_core.statistics import bootstrap_interval, mean


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its heads."""
    return "\n".join(map(_line, [heads, ["---"] * len(heads), *rows]))


def over_seeds(scores: Sequence[float], digits: int = 2) -> str:
    """Mean and 95 % bootstrap interval of it; of a single run the figure alone."""
    values = np.array(scores, float)
    if len(values) == 1:
        return f"{values[0]:.{digits}f} (single run)"
    low, high = bootstrap_interval([values], mean, np.random.default_rng(BOOTSTRAP_SEED))
    return f"{values.mean():.{digits}f} [{float(low):.{digits}f}, {float(high):.{digits}f}]"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
