"""Where in observation, subgoal and goal vectors a position is written, found by the names of the elements."""

from collections.abc import Sequence

from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_viz.shapes import Point


class Place:
    """Finds x, y and perhaps z in vectors of one layout; x alone is a place on the line y = 0."""

    def __init__(self, names: Sequence[str], prefix: str | None = None) -> None:
        """Look for ``PREFIXx`` and ``PREFIXy``.

        Args:
            names: element names of the layout.
            prefix: of the names of the position; None: of the first pair there is.
        """
        known = set(names)
        pairs = [name[:-1] for name in names if name.endswith("x") and f"{name[:-1]}y" in known]
        pairs = pairs if prefix is None else [pair for pair in pairs if pair == prefix]
        self.prefix = pairs[0] if pairs else ""
        on_a_line = not pairs and "x" in known and not prefix
        axes = "xy" if pairs else "x" if on_a_line else ""
        self._indices = [list(names).index(self.prefix + axis) for axis in axes]
        self._height = list(names).index(f"{self.prefix}z") if axes and f"{self.prefix}z" in known else None

    @property
    def exists(self) -> bool:
        """Whether the layout holds a position."""
        return bool(self._indices)

    def of(self, vector: Vector, height: float) -> Point:
        """Position in ``vector``; ``height`` where the layout has no z. Only where ``exists``."""
        x, *y = (float(vector[index]) for index in self._indices)
        return x, y[0] if y else 0.0, height if self._height is None else float(vector[self._height])


class TaskPlaces:
    """The places of one task."""

    def __init__(self, spec: TaskSpec, subgoal: Sequence[str] = ()) -> None:
        """Find them; ``subgoal`` names the elements of the lowest level's goal space."""
        observed = [element.name for element in spec.observation]
        self.subgoal = Place(subgoal)
        self.robot = Place(observed, self.subgoal.prefix if self.subgoal.exists else None)
        self.goal = Place([element.name for element in spec.goal])

    @property
    def any(self) -> bool:
        """Whether anything has a place."""
        return self.robot.exists or self.goal.exists or self.subgoal.exists
