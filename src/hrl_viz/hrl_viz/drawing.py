"""Markers in a viser scene: each marker one node, changed in place where only its pose or points change.

It draws what MarkerArray messages say and nothing else, so that the page and rviz never differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import trimesh
import viser
from visualization_msgs.msg import Marker, MarkerArray

from hrl_viz import mesh_files

Array = npt.NDArray[np.float32]
_BALL = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
_SHADOWS = {"cast_shadow": False, "receive_shadow": False}


_POINTS_OF = {Marker.SPHERE_LIST: "batched_positions"}
"""Property of a node that holds its points, where it is not ``points``."""


@dataclass
class _Node:
    """A marker in the scene."""

    look: tuple
    points: bytes
    handle: Any
    """None: it is not drawn, and not tried again while it looks the same."""


class Drawing:
    """The markers now in the scene."""

    def __init__(self, server: viser.ViserServer) -> None:
        """Start with an empty scene."""
        self._server = server
        self._nodes: dict[tuple[str, int], _Node] = {}
        self.positions: dict[tuple[str, int], npt.NDArray[np.float64]] = {}
        """Where each marker is, for a camera that follows one."""

    def apply(self, array: MarkerArray) -> None:
        """Add, change and remove markers; browsers see all of it at once."""
        with self._server.atomic():
            for marker in array.markers:
                if marker.action == Marker.DELETEALL:
                    for key in list(self._nodes):
                        self._remove(key)
                elif marker.action == Marker.DELETE:
                    self._remove((marker.ns, marker.id))
                else:
                    self._draw(marker)

    def _remove(self, key: tuple[str, int]) -> None:
        node = self._nodes.pop(key, None)
        self.positions.pop(key, None)
        if node is not None and node.handle is not None:
            node.handle.remove()

    def _draw(self, marker: Marker) -> None:
        key, look, points = (marker.ns, marker.id), _look(marker), _points(marker.points)
        position, wxyz = _position(marker), _wxyz(marker)
        known = self._nodes.get(key)
        if known is None or known.look != look:
            self._remove(key)
            handle = self._add(f"/{marker.ns}/{marker.id}", marker, points, {"position": position, "wxyz": wxyz})
            self._nodes[key], self.positions[key] = _Node(look, points.tobytes(), handle), position
            return
        self.positions[key], handle = position, known.handle
        if handle is None:
            return
        if marker.type == Marker.TEXT_VIEW_FACING and handle.text != marker.text:
            handle.text = marker.text
        if known.points != points.tobytes():
            known.points = points.tobytes()
            setattr(handle, _POINTS_OF.get(marker.type, "points"), _laid_out(marker.type, points))
        if not np.array_equal(handle.position, position):
            handle.position = position
        if not np.array_equal(handle.wxyz, wxyz):
            handle.wxyz = wxyz

    def _add(self, name: str, marker: Marker, points: Array, where: dict[str, Any]) -> Any:  # noqa: ANN401
        """Add a node of the marker's kind; None for kinds that are not drawn."""
        scene, color, alpha = self._server.scene, _rgb(marker.color), marker.color.a
        solid: dict[str, Any] = {**where, **_SHADOWS, "opacity": None if alpha >= 1 else alpha}
        x, y, z = marker.scale.x, marker.scale.y, marker.scale.z
        if marker.type == Marker.CUBE:
            return scene.add_box(name, color=color, dimensions=(x, y, z), **solid)
        if marker.type == Marker.SPHERE:
            return scene.add_icosphere(name, radius=0.5, color=color, scale=(x, y, z), **solid)
        if marker.type == Marker.CYLINDER:
            return scene.add_cylinder(name, radius=0.5, height=1.0, color=color, scale=(x, y, z), **solid)
        if marker.type == Marker.MESH_RESOURCE:
            mesh = mesh_files.load(marker.mesh_resource)
            if mesh is None:
                return None
            shape = {"color": color, "scale": (x, y, z), "flat_shading": True}
            return scene.add_mesh_simple(name, mesh.vertices, mesh.faces, **shape, **solid)
        if marker.type == Marker.TEXT_VIEW_FACING:
            size: dict[str, Any] = {"font_size_mode": "scene", "font_scene_height": z, "anchor": "bottom-center"}
            return scene.add_label(name, marker.text, depth_test=False, **size, **where)
        if marker.type == Marker.ARROW and len(points) == 2:
            shape = {"shaft_radius": x / 2, "head_radius": y / 2, "head_length": z}
            return scene.add_arrows(name, _laid_out(marker.type, points), color, **shape, **where)
        if marker.type in (Marker.LINE_STRIP, Marker.LINE_LIST) and len(points) > 1:
            return scene.add_line_segments(name, _laid_out(marker.type, points), color, thickness=x, **where)
        if marker.type == Marker.SPHERE_LIST and len(points):
            return self._balls(name, marker, points, {**where, **_SHADOWS})
        return None

    def _balls(self, name: str, marker: Marker, points: Array, common: dict[str, Any]) -> Any:  # noqa: ANN401
        given = marker.colors if len(marker.colors) == len(points) else [marker.color] * len(points)
        scale = np.array([marker.scale.x, marker.scale.y, marker.scale.z], np.float32)
        return self._server.scene.add_batched_meshes_simple(
            name,
            np.asarray(_BALL.vertices, np.float32),
            np.asarray(_BALL.faces, np.uint32),
            batched_wxyzs=np.tile(np.array([1, 0, 0, 0], np.float32), (len(points), 1)),
            batched_positions=points,
            batched_scales=np.tile(scale, (len(points), 1)),
            batched_colors=np.array([_rgb(color) for color in given], np.uint8),
            batched_opacities=np.array([color.a for color in given], np.float32),
            lod="off",
            **common,
        )


def _look(marker: Marker) -> tuple:
    """Everything but pose, text and points, which are changed in place (of balls, as long as they are as many)."""
    scale, colors = marker.scale, marker.colors
    count = len(marker.points) if marker.type == Marker.SPHERE_LIST else min(len(marker.points), 2)
    shades = tuple((color.r, color.g, color.b, color.a) for color in (marker.color, *colors))
    return marker.type, (scale.x, scale.y, scale.z), shades, count, marker.mesh_resource


def _points(points: Iterable[Any]) -> Array:
    return np.array([(p.x, p.y, p.z) for p in points], np.float32).reshape(-1, 3)


def _laid_out(kind: int, points: Array) -> Array:
    """Points (n, 3) as viser wants them: tail and tip, segments, or centres."""
    if kind == Marker.ARROW:
        return points[None]
    if kind == Marker.LINE_LIST:
        return points.reshape(-1, 2, 3)
    return np.stack((points[:-1], points[1:]), axis=1) if kind == Marker.LINE_STRIP else points


def _rgb(color: Any) -> tuple[int, int, int]:  # noqa: ANN401 - a ColorRGBA
    return round(255 * color.r), round(255 * color.g), round(255 * color.b)


def _position(marker: Marker) -> npt.NDArray[np.float64]:
    p = marker.pose.position
    return np.array((p.x, p.y, p.z))


def _wxyz(marker: Marker) -> npt.NDArray[np.float64]:
    q = marker.pose.orientation
    return np.array((q.w, q.x, q.y, q.z))
