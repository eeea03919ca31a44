"""What is drawn, as plain data: the kinds and conventions of visualization_msgs/Marker, without ROS.

Lengths in metres, frames as REP-103 (x ahead, y left, z up), colours (red, green, blue, alpha) in 0 to 1.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Point = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
"""(w, x, y, z), a rotation."""
Color = tuple[float, float, float, float]
Points = npt.NDArray[np.float64]
FLOOR = 0
"""Number of the floor among what stands still."""
NOWHERE: Point = (0.0, 0.0, 0.0)
UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
NO_POINTS: Points = np.empty((0, 3))


class ShapeKind(IntEnum):
    """Numbers of visualization_msgs/Marker."""

    ARROW = 0
    CUBE = 1
    SPHERE = 2
    CYLINDER = 3
    LINE_STRIP = 4
    LINE_LIST = 5
    SPHERE_LIST = 7
    TEXT = 9
    MESH = 10


class Shape(NamedTuple):
    """One marker. A shape without extent (no points, empty text) is not drawn."""

    group: str
    """Namespace of the marker: what a person switches on and off."""
    number: int
    """Unique in its group."""
    kind: ShapeKind
    color: Color
    scale: Point
    """Extents; an arrow's shaft diameter, head diameter, head length; a line's width first; a text's height last."""
    position: Point = NOWHERE
    orientation: Quaternion = UPRIGHT
    points: Points = NO_POINTS
    """Of lists, strips and arrows (tail, tip), shape (n, 3)."""
    colors: Points = NO_POINTS
    """One colour per point, shape (n, 4), or none."""
    text: str = ""
    mesh: str = ""
    """Where a mesh is to be had, a ``file:`` URI."""

    @property
    def key(self) -> tuple[str, int]:
        """What names a marker."""
        return self.group, self.number

    def same_as(self, other: "Shape") -> bool:
        """Whether two shapes look the same."""
        plain = self._replace(points=NO_POINTS, colors=NO_POINTS) == other._replace(points=NO_POINTS, colors=NO_POINTS)
        return plain and np.array_equal(self.points, other.points) and np.array_equal(self.colors, other.colors)


def arrow(group: str, number: int, color: Color, tail: Point, tip: Point, width: float) -> Shape:
    """Arrow from ``tail`` to ``tip`` with a shaft ``width`` [m] thick."""
    ends = np.array((tail, tip))
    length = float(np.linalg.norm(ends[1] - ends[0]))
    head = min(4 * width, 0.5 * length)
    points = ends if length > 0 else NO_POINTS
    return Shape(group, number, ShapeKind.ARROW, color, (width, 2.5 * width, head), points=points)


def sphere(group: str, number: int, color: Color, centre: Point, diameter: float) -> Shape:
    """Sphere of a diameter [m]."""
    return Shape(group, number, ShapeKind.SPHERE, color, (diameter, diameter, diameter), position=centre)


def disc(group: str, number: int, color: Color, centre: Point, radius: float, height: float) -> Shape:
    """Upright cylinder of a radius and a height [m]."""
    return Shape(group, number, ShapeKind.CYLINDER, color, (2 * radius, 2 * radius, height), position=centre)


def strip(group: str, number: int, color: Color, points: Points, width: float) -> Shape:
    """Line through points (n, 3)."""
    shown = points if len(points) > 1 else NO_POINTS
    return Shape(group, number, ShapeKind.LINE_STRIP, color, (width, 0.0, 0.0), points=shown)


def text(group: str, number: int, color: Color, position: Point, height: float, words: str) -> Shape:
    """Text that faces the viewer, capital letters ``height`` [m] tall."""
    return Shape(group, number, ShapeKind.TEXT, color, (0.0, 0.0, height), position=position, text=words)


def circle(centre: Point, radius: float, segments: int = 64) -> Points:
    """Points (segments + 1, 3) of a closed horizontal circle."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    around = np.stack((np.cos(angle), np.sin(angle), np.zeros_like(angle)), axis=1)
    return np.asarray(centre) + radius * around
