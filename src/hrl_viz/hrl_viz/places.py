"""Where in observation, subgoal and goal vectors a position is written, found by the names of the elements."""

from collections.abc import Iterable, Sequence

from hrl_core.messages import Vector
from hrl_core.task.spec import Element, TaskSpec
from hrl_viz.shapes import Point

_LENGTHS = ("m", "1")
"""Units of a position; worlds of pure numbers have no metres."""
_ROBOTS = ("", "ee_", "grip_")
"""Prefixes of a robot's own position, which goes before those of things."""
_MAP = ("column", "row")
"""Of a cell in a map with north at the top, whose rows are counted southwards."""


class Place:
    """Finds x, y and perhaps z in vectors of one layout; x alone is a place on the line y = 0.

    Where there is none of it, row and column of a map are a place: x is the column, y minus the row.
    """

    def __init__(self, elements: Sequence[Element], prefix: str | None = None) -> None:
        """Look for lengths called ``x`` and ``y``, or ``PREFIX_x`` and ``PREFIX_y``; ``qx`` is of a quaternion.

        Args:
            elements: the layout.
            prefix: of the names of the position, with its underscore; None: the robot's own or else the first there is.
        """
        index = {element.name: i for i, element in enumerate(elements) if element.unit in _LENGTHS}
        found = [name[:-1] for name in index if name.endswith("x") and f"{name[:-1]}y" in index]
        own = [pair for pair in _ROBOTS if pair in found]
        pairs = [pair for pair in (*own, *found) if pair.endswith("_") or not pair]
        pairs = pairs if prefix is None else [pair for pair in pairs if pair == prefix]
        self.prefix = pairs[0] if pairs else ""
        on_a_line = not pairs and "x" in index and not prefix
        on_a_map = not pairs and not on_a_line and not prefix and all(name in index for name in _MAP)
        axes = _MAP if on_a_map else "xy" if pairs else "x" if on_a_line else ""
        self._indices = [index[self.prefix + axis] for axis in axes]
        self._ahead = -1.0 if on_a_map else 1.0
        self._height = index.get(f"{self.prefix}z") if axes else None

    @property
    def exists(self) -> bool:
        """Whether the layout holds a position."""
        return bool(self._indices)

    def of(self, vector: Vector, height: float) -> Point:
        """Position in ``vector``; ``height`` where the layout has no z. Only where ``exists``."""
        x, *y = (float(vector[index]) for index in self._indices)
        return x, self._ahead * y[0] if y else 0.0, height if self._height is None else float(vector[self._height])


class TaskPlaces:
    """The places of one task."""

    def __init__(self, spec: TaskSpec, subgoal: Iterable[str] = ()) -> None:
        """Find them; ``subgoal`` names the elements of the lowest level's goal space."""
        self.subgoal = subgoal_place(spec, subgoal)
        self.robot = Place(spec.observation, self.subgoal.prefix if self.subgoal.exists else None)
        self.goal = Place(spec.goal)

    @property
    def any(self) -> bool:
        """Whether anything has a place."""
        return self.robot.exists or self.goal.exists or self.subgoal.exists


def subgoal_place(spec: TaskSpec, names: Iterable[str]) -> Place:
    """The place in a goal space, whose elements are these of the observation."""
    known = {element.name: element for element in spec.observation}
    return Place([known[name] for name in names])
