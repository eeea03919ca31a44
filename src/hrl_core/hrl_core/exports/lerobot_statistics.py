"""The figures that LeRobot normalises with, per feature: exact, of float64 sums."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", "count", *_QUANTILES)

Statistics = dict[str, dict[str, list[Any]]]


def statistics(columns: Mapping[str, npt.NDArray[Any]]) -> Statistics:
    """Return feature -> figure -> values, one per element.

    Args:
        columns: feature -> (frames,) or (frames, size); at least one frame.
    """
    return {name: _feature(column) for name, column in columns.items()}


def _feature(column: npt.NDArray[Any]) -> dict[str, list[Any]]:
    values = column.astype(np.float64).reshape(len(column), -1)
    figures = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
    }
    quantiles = np.quantile(values, list(_QUANTILES.values()), axis=0)
    figures |= dict(zip(_QUANTILES, quantiles, strict=True))
    return {name: figure.tolist() for name, figure in figures.items()} | {"count": [len(column)]}
