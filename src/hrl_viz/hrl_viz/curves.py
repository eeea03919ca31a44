"""The last minutes in figures, for the page's plots; no drawing here."""

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

LENGTH = 400


class Curve(NamedTuple):
    """What a plot is called."""

    title: str
    """With unit."""
    color: str


class Curves:
    """Named series over simulated time [s]; each keeps its newest points and starts afresh when time goes back."""

    def __init__(self, curves: dict[str, Curve]) -> None:
        """Start empty."""
        self.curves = curves
        self._points: dict[str, deque[tuple[float, float]]] = {name: deque(maxlen=LENGTH) for name in curves}
        self._changed: set[str] = set()

    def add(self, name: str, seconds: float, value: float) -> None:
        """Add a point; what is not finite leaves no mark."""
        points = self._points[name]
        if not np.isfinite(value):
            return
        if points and seconds <= points[-1][0]:
            if seconds == points[-1][0]:
                return
            points.clear()
        points.append((seconds, value))
        self._changed.add(name)

    def changed(self) -> dict[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Times and values of the series that have grown since the last call."""
        names, self._changed = self._changed, set()
        arrays = {name: np.array(self._points[name]) for name in self.curves if name in names}
        return {name: (array[:, 0], array[:, 1]) for name, array in arrays.items()}
