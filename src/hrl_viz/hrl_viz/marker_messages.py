"""Shapes as visualization_msgs, made once and then changed in place; only what looks different is sent."""

from collections.abc import Container, Iterable

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Quaternion, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from hrl_viz.shapes import Shape, ShapeKind

REPEATS = 3
"""How often a removal is sent again with everything: who listens without acknowledging may have missed it."""


class MarkerStream:
    """Turns the shapes of one moment after the other into marker arrays."""

    def __init__(self) -> None:
        """Start with nothing shown."""
        self._shown: dict[tuple[str, int], Shape] = {}
        self._messages: dict[tuple[str, int], Marker] = {}
        self._gone: dict[tuple[str, int], int] = {}
        """What was removed, and how often that is still to be said again."""

    def update(self, shapes: Iterable[Shape], frame: str, stamp: Time, everything: bool) -> MarkerArray:
        """Return what changed since the last call.

        Args:
            shapes: everything to be seen now.
            frame: frame id.
            stamp: environment time.
            everything: send what has not changed as well, and removals again, for those who came late or missed
                something.
        """
        visible = {shape.key: shape for shape in shapes if _extended(shape)}
        markers = [_removal(key, frame, stamp) for key in self._removed(visible, everything)]
        for key, shape in visible.items():
            before = self._shown.get(key)
            changed = before is None or not shape.same_as(before)
            if changed:
                self._messages[key] = _filled(self._messages.get(key) or Marker(), shape, before)
            if changed or everything:
                marker = self._messages[key]
                marker.header.frame_id, marker.header.stamp = frame, stamp
                markers.append(marker)
        self._shown = visible
        return MarkerArray(markers=markers)

    def _removed(self, visible: Container[tuple[str, int]], everything: bool) -> list[tuple[str, int]]:
        """What has gone since the last call; of ``everything`` also what went not long before, and is still gone."""
        self._gone = {key: left for key, left in self._gone.items() if key not in visible}
        again = list(self._gone) if everything else []
        for key in again:
            self._gone[key] -= 1
        new = [key for key in self._shown if key not in visible]
        for key in new:
            self._messages.pop(key, None)
        self._gone = {key: left for key, left in self._gone.items() if left} | dict.fromkeys(new, REPEATS)
        return new + again


def _removal(key: tuple[str, int], frame: str, stamp: Time) -> Marker:
    marker = Marker(ns=key[0], id=key[1], action=Marker.DELETE)
    marker.header.frame_id, marker.header.stamp = frame, stamp
    return marker


def _extended(shape: Shape) -> bool:
    """Whether there is anything to see: rviz complains about empty lists and texts."""
    if shape.kind == ShapeKind.TEXT:
        return bool(shape.text)
    lists = (ShapeKind.ARROW, ShapeKind.LINE_STRIP, ShapeKind.LINE_LIST, ShapeKind.SPHERE_LIST)
    return shape.kind not in lists or len(shape.points) > 0


def _filled(marker: Marker, shape: Shape, before: Shape | None) -> Marker:
    """Write a shape into a message; what is as ``before`` stays untouched."""
    if before is None:
        marker.ns, marker.id, marker.type, marker.action = shape.group, shape.number, int(shape.kind), Marker.ADD
    if before is None or shape.scale != before.scale:
        marker.scale = _of(Vector3, shape.scale)
    if before is None or shape.color != before.color:
        marker.color = _color(shape.color)
    if before is None or shape.position != before.position:
        marker.pose.position = _of(Point, shape.position)
    if before is None or shape.orientation != before.orientation:
        w, x, y, z = shape.orientation
        marker.pose.orientation = Quaternion(w=w, x=x, y=y, z=z)
    if len(shape.points) or len(marker.points):
        marker.points = [_of(Point, point) for point in shape.points.tolist()]
    if len(shape.colors) or len(marker.colors):
        marker.colors = [_color(color) for color in shape.colors.tolist()]
    marker.text, marker.mesh_resource = shape.text, shape.mesh
    return marker


def _of(kind: type, values: Iterable[float]) -> object:
    x, y, z = map(float, values)
    return kind(x=x, y=y, z=z)


def _color(values: Iterable[float]) -> ColorRGBA:
    r, g, b, a = values
    return ColorRGBA(r=r, g=g, b=b, a=a)
