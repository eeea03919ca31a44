"""Shapes rendered to pictures off-screen, by MuJoCo's renderer: films show what the markers show."""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import mujoco
import numpy as np
import numpy.typing as npt

from hrl_viz.shapes import Color, Point, Shape, ShapeKind

Picture = npt.NDArray[np.uint8]
_MAX_SHAPES = 5000
_GEOM = mujoco.mjtGeom
_STAGE = """
<mujoco>
  <visual>
    <headlight ambient="0.45 0.45 0.45" diffuse="0.25 0.25 0.25" specular="0 0 0"/>
    <quality shadowsize="4096" offsamples="8"/>
    <map znear="0.01" zfar="10" shadowclip="1"/>
    <global offwidth="{width}" offheight="{height}" fovy="{fov}"/>
  </visual>
  <statistic extent="40" center="0 0 0"/>
  <asset><texture type="skybox" builtin="flat" rgb1="1 1 1" rgb2="1 1 1" width="16" height="16"/></asset>
  <worldbody>
    <light directional="true" diffuse="0.5 0.5 0.5" specular="0 0 0" pos="0 0 40" dir="0.35 0.45 -1"/>
  </worldbody>
</mujoco>
"""
_FOV = 40.0
_THINNEST = 1.5
"""Width [pixel] of the thinnest line, where the camera looks at."""
_SOLID = {
    ShapeKind.CUBE: _GEOM.mjGEOM_BOX,
    ShapeKind.SPHERE: _GEOM.mjGEOM_ELLIPSOID,
    ShapeKind.CYLINDER: _GEOM.mjGEOM_CYLINDER,
}


class Camera(NamedTuple):
    """Where the picture is taken from."""

    target: Point
    distance: float
    """[m]"""
    elevation: float = 58.0
    """Above the horizon [degrees]."""
    azimuth: float = 90.0
    """Direction looked into, 0: along x [degrees]."""


def side_view(model: mujoco.MjModel) -> Camera | None:
    """What the model's own camera ``side`` looks at, as near to the origin as it looks; None: it has none."""
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "side")
    if number < 0:
        return None
    place, ahead = model.cam_pos0[number], -model.cam_mat0[number].reshape(3, 3)[:, 2]
    distance = float(-place @ ahead)
    x, y, z = (float(part) for part in place + distance * ahead)
    azimuth = math.degrees(math.atan2(ahead[1], ahead[0]))
    return Camera((x, y, z), distance, math.degrees(-math.asin(ahead[2])), azimuth)


class ShapeRenderer:
    """Draws shapes, except for text."""

    def __init__(self, width: int, height: int) -> None:
        """Open the renderer; needs MUJOCO_GL to be a backend that works here.

        Args:
            width: of the pictures [pixel].
            height: of the pictures [pixel].
        """
        self._model = mujoco.MjModel.from_xml_string(_STAGE.format(width=width, height=height, fov=_FOV))
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)
        self._height, self._pixel = height, 0.0
        """Of the pictures [pixel], and what a pixel shows at the camera's target [m]."""
        self._renderer = mujoco.Renderer(self._model, height, width, max_geom=_MAX_SHAPES)
        for flag in (mujoco.mjtRndFlag.mjRND_REFLECTION, mujoco.mjtRndFlag.mjRND_SHADOW):
            self._renderer.scene.flags[flag] = False

    def picture(self, shapes: Iterable[Shape], camera: Camera) -> Picture:
        """Return shape (height, width, 3)."""
        view = mujoco.MjvCamera()
        view.lookat[:], view.distance = camera.target, camera.distance
        view.elevation, view.azimuth = -camera.elevation, camera.azimuth
        self._renderer.update_scene(self._data, view)
        self._pixel = 2 * camera.distance * math.tan(math.radians(_FOV / 2)) / self._height
        # Opaque ones first: what is see-through shows what lies behind it.
        for shape in sorted(shapes, key=lambda shape: shape.color[3] < 1):
            self._add(shape)
        return self._renderer.render()

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()

    def _add(self, shape: Shape) -> None:
        points = shape.points
        if shape.kind in _SOLID:
            self._geom(_SOLID[shape.kind], np.array(shape.scale) / 2, shape.position, shape.orientation, shape.color)
        elif shape.kind == ShapeKind.ARROW and len(points):
            self._connect(_GEOM.mjGEOM_ARROW, shape.scale[0], points[0], points[1], shape.color)
        elif shape.kind == ShapeKind.LINE_STRIP:
            for start, end in itertools.pairwise(points):
                self._line(shape, start, end)
        elif shape.kind == ShapeKind.LINE_LIST:
            for start, end in zip(points[::2], points[1::2], strict=True):
                self._line(shape, start, end)
        elif shape.kind == ShapeKind.SPHERE_LIST:
            colors = shape.colors if len(shape.colors) else [shape.color] * len(points)
            for point, color in zip(points, colors, strict=True):
                self._geom(_GEOM.mjGEOM_ELLIPSOID, np.array(shape.scale) / 2, point, (1.0, 0.0, 0.0, 0.0), color)

    def _line(self, shape: Shape, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> None:
        """Draw a line; what is thinner than a pixel would fall apart into dashes."""
        radius = max(shape.scale[0], _THINNEST * self._pixel) / 2
        self._connect(_GEOM.mjGEOM_CAPSULE, radius, start, end, shape.color)

    def _next(self) -> mujoco.MjvGeom | None:
        scene = self._renderer.scene
        if scene.ngeom >= scene.maxgeom:
            return None
        scene.ngeom += 1
        return scene.geoms[scene.ngeom - 1]

    def _geom(
        self,
        kind: int,
        size: npt.NDArray[np.float64],
        position: Point | npt.NDArray[np.float64],
        orientation: tuple[float, ...],
        color: Color | npt.NDArray[np.float64],
    ) -> None:
        geom = self._next()
        if geom is None:
            return
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, np.array(orientation))
        if kind == _GEOM.mjGEOM_CYLINDER:
            size = np.array((size[0], size[2], 0.0))
        mujoco.mjv_initGeom(geom, kind, size, np.array(position), rotation, np.array(color, np.float32))

    def _connect(
        self, kind: int, width: float, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], color: Color
    ) -> None:
        geom = self._next()
        if geom is None:
            return
        mujoco.mjv_initGeom(geom, kind, np.zeros(3), np.zeros(3), np.eye(3).ravel(), np.array(color, np.float32))
        mujoco.mjv_connector(geom, kind, width, start, end)
        if kind == _GEOM.mjGEOM_ARROW:
            # An arrow is drawn half as long as it says.
            geom.size[2] *= 2
