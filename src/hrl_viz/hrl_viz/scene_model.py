"""The task's MuJoCo model as shapes: what stands still, and the robot wherever its joints put it."""

from collections.abc import Iterable, Mapping, Sequence

import mujoco
import numpy as np

import hrl_core.envs  # noqa: F401 - registers the Gymnasium ids
from hrl_core.envs.abilities import find_simulation, nothing
from hrl_core.envs.making import make_env
from hrl_core.envs.surroundings import movable_bodies
from hrl_core.messages import Vector
from hrl_core.task.spec import TaskSpec
from hrl_viz import palette
from hrl_viz.joint_sources import joint_sources
from hrl_viz.mesh_files import MeshFiles
from hrl_viz.shapes import FLOOR, Color, Point, Points, Quaternion, Shape, ShapeKind
from hrl_viz.stages import find_stage

STATIC, ROBOT = "scene", "robot"
GRID_SPACING = 2.0
_SIDES = (-1, 1)
_FIRST = 10
"""Number of the first geom's first shape; a geom has three numbers."""
_GEOM = mujoco.mjtGeom
_SEEN = 1e-3
"""Least way [m], or part of a turn, by which a ghost is drawn beside what it is the ghost of."""
_HIDDEN_GROUP = 3
"""From this group on geoms are for collisions, not for eyes (MuJoCo's convention)."""


class SceneModel:
    """Geometry of one task."""

    def __init__(self, spec: TaskSpec, wall_height: float = 0.0, mesh_files: bool = False) -> None:
        """Make the environment for its MuJoCo model; without one, or a stage instead, only the overlay is drawn.

        Args:
            spec: the task.
            wall_height: walls are drawn at most this tall [m], since tall ones hide the robot; 0: as they are.
            mesh_files: whether meshes are drawn, as files that are written for that; else their bounding boxes are.

        Raises:
            TaskError: the environment cannot be made.
        """
        names = [element.name for element in spec.observation]
        self.model = _model(spec, names)
        self._wall_height = wall_height
        self._meshes = MeshFiles(self.model) if mesh_files else None
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        self._sources = joint_sources(self.model, names)
        self._ends = self._free_ends()
        geoms = [g for g in range(self.model.ngeom) if self.model.geom_group[g] < _HIDDEN_GROUP]
        geoms = [g for g in geoms if self._color(g)[3] > 0]
        fixed = [self.model.body_weldid[self.model.geom_bodyid[g]] == 0 for g in geoms]
        self._fixed = [g for g, still in zip(geoms, fixed, strict=True) if still]
        self._moving = [g for g, still in zip(geoms, fixed, strict=True) if not still]

    @property
    def empty(self) -> bool:
        """Whether there is neither a MuJoCo model to draw nor a stage."""
        return self.model.ngeom == 0

    @property
    def meshed(self) -> bool:
        """Whether meshes are part of it."""
        return any(self.model.geom_type[g] == _GEOM.mjGEOM_MESH for g in (*self._fixed, *self._moving))

    @property
    def placed(self) -> bool:
        """Whether the task tells where the robot is; one that is free and not observed is drawn where it began."""
        free = [joint for joint in range(self.model.njnt) if self.model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE]
        beside, told = movable_bodies(self.model), {source.address for source in self._sources}
        robots = [joint for joint in free if self.model.body(self.model.jnt_bodyid[joint]).name not in beside]
        return all(int(self.model.jnt_qposadr[joint]) in told for joint in robots)

    def static_shapes(self) -> list[Shape]:
        """Floor, grid, walls, platforms: everything that never moves."""
        planes = [g for g in self._fixed if self.model.geom_type[g] == _GEOM.mjGEOM_PLANE]
        solid = [g for g in self._fixed if g not in planes]
        shapes: list[Shape] = []
        for k, g in enumerate(solid):
            drawn = self._shapes(g, STATIC, _FIRST + 3 * k, self.data)
            wall = self.model.geom(g).name.startswith("wall")
            shapes += [self._lowered(shape)._replace(color=palette.WALL) for shape in drawn] if wall else drawn
        low, high = self.extent
        chasm = any(self.model.geom(g).name.startswith("platform") for g in solid)
        if planes:
            shapes.append(_floor(low, high, palette.CHASM if chasm else palette.FLOOR))
        if planes and not chasm:
            shapes.append(_grid(low, high))
        return shapes

    @property
    def extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner (x, y) [m] of what stands still, the endless floor left aside."""
        return self._outline(1.0)

    @property
    def bounded(self) -> bool:
        """Whether anything says how far the scene reaches; else ``extent`` is a guess."""
        return any(self.model.geom_type[g] == _GEOM.mjGEOM_BOX for g in self._fixed)

    @property
    def inner_extent(self) -> tuple[np.ndarray, np.ndarray]:
        """As ``extent``, but from the middles of the outermost walls: their far sides are not worth the room."""
        return self._outline(0.0)

    @property
    def interior(self) -> tuple[np.ndarray, np.ndarray]:
        """As ``extent``, but up to the inner faces of the outermost walls."""
        return self._outline(-1.0)

    def take(self, state: Vector, joints: Mapping[str, float], poses: Mapping[str, tuple[Point, Quaternion]]) -> None:
        """Move the robot.

        Args:
            state: observation, layout of the task.
            joints: joint positions that the observation lacks, by name.
            poses: of free bodies beside the robot, by name.
        """
        for source in self._sources:
            if source.elements:
                source.put(state, self.data.qpos)
            elif source.joint in joints:
                self.data.qpos[source.address] = joints[source.joint]
        for joint in range(self.model.njnt):
            body = self.model.body(self.model.jnt_bodyid[joint]).name
            if body in poses and self.model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
                address = self.model.jnt_qposadr[joint]
                self.data.qpos[address : address + 7] = (*poses[body][0], *poses[body][1])
        mujoco.mj_kinematics(self.model, self.data)

    def robot_shapes(self) -> list[Shape]:
        """Everything that moves, where ``take`` has put it; a capsule is a cylinder with a ball at each end."""
        return self._bodies(set(self._moving), ROBOT, self.data)

    def ghost_shapes(self, state: Vector, group: str, color: Color) -> list[Shape]:
        """Return what would move to come to ``state``, as it would be, in one colour; the rest is where it is."""
        ghost = mujoco.MjData(self.model)
        ghost.qpos[:] = self.data.qpos
        for source in self._sources:
            source.put(state, ghost.qpos)
        mujoco.mj_kinematics(self.model, ghost)
        moved = {g for g in self._moving if self._moved(g, ghost)}
        return [shape._replace(color=color) for shape in self._bodies(moved, group, ghost)]

    @property
    def body_names(self) -> list[str]:
        """Names of all bodies of the model."""
        return [self.model.body(k).name for k in range(self.model.nbody)]

    @property
    def height(self) -> float:
        """Height [m] of the robot's first part as it is now, for tasks that do not observe it."""
        return float(self.data.geom_xpos[self._moving[0], 2]) if self._moving else 0.0

    @property
    def size(self) -> float:
        """Robot's size [m], by which arrows and letters are scaled."""
        moving = self.data.geom_xpos[self._moving] if self._moving else np.zeros((1, 3))
        return float(np.clip(np.ptp(moving, axis=0).max(initial=0.0), 0.2, 1.5))

    def _outline(self, reach: float) -> tuple[np.ndarray, np.ndarray]:
        """Corners (x, y) [m] of the outermost boxes, ``reach`` half sizes outwards of their middles."""
        boxes = [g for g in self._fixed if self.model.geom_type[g] == _GEOM.mjGEOM_BOX]
        if not boxes:
            return np.array((-5.0, -5.0)), np.array((5.0, 5.0))
        centre, half = self.data.geom_xpos[boxes][:, :2], reach * self.model.geom_size[boxes][:, :2]
        first, last, axes = centre.argmin(axis=0), centre.argmax(axis=0), np.arange(2)
        return (centre - half)[first, axes], (centre + half)[last, axes]

    def _bodies(self, drawn: set[int], group: str, data: mujoco.MjData) -> list[Shape]:
        """Shapes of some of what moves; a geom has the same numbers whoever else is drawn, so that its kind stays."""
        parts = (self._shapes(g, group, _FIRST + 3 * k, data) for k, g in enumerate(self._moving) if g in drawn)
        return [shape for part in parts for shape in part]

    def _free_ends(self) -> set[tuple[int, int]]:
        """Capsules' ends (geom, side) to draw: where one capsule ends and another begins, one ball is enough."""
        ends: dict[tuple[float, ...], tuple[int, int]] = {}
        for g in range(self.model.ngeom):
            if self.model.geom_type[g] == _GEOM.mjGEOM_CAPSULE:
                for side in _SIDES:
                    place = self._capsule_end(g, side, self.data)
                    ends.setdefault((*(round(part, 3) for part in place), float(self.model.geom_size[g, 0])), (g, side))
        return set(ends.values())

    def _capsule_end(self, g: int, side: int, data: mujoco.MjData) -> Point:
        axis = data.geom_xmat[g].reshape(3, 3)[:, 2]
        return _point(data.geom_xpos[g] + side * self.model.geom_size[g, 1] * axis)

    def _shapes(self, g: int, group: str, number: int, data: mujoco.MjData) -> list[Shape]:
        """Shapes of one geom: one, or three for a capsule; a mesh that has no file is its bounding box."""
        size, kind, color = self.model.geom_size[g], self.model.geom_type[g], self._color(g)
        rotation = data.geom_xmat[g].reshape(3, 3)
        centre = data.geom_xpos[g]
        turned = _quaternion(rotation)
        if kind == _GEOM.mjGEOM_PLANE:
            return []
        if kind == _GEOM.mjGEOM_MESH:
            if self._meshes is not None and (uri := self._meshes.uri(g)):
                unit = (1.0, 1.0, 1.0)
                return [Shape(group, number, ShapeKind.MESH, color, unit, _point(centre), turned, mesh=uri)]
            aabb = self.model.geom_aabb[g]
            middle = _point(centre + rotation @ aabb[:3])
            return [Shape(group, number, ShapeKind.CUBE, color, _point(2 * aabb[3:]), middle, turned)]
        scales = {
            _GEOM.mjGEOM_SPHERE: (ShapeKind.SPHERE, (2 * size[0],) * 3),
            _GEOM.mjGEOM_ELLIPSOID: (ShapeKind.SPHERE, 2 * size),
            _GEOM.mjGEOM_BOX: (ShapeKind.CUBE, 2 * size),
            _GEOM.mjGEOM_CYLINDER: (ShapeKind.CYLINDER, (2 * size[0], 2 * size[0], 2 * size[1])),
            _GEOM.mjGEOM_CAPSULE: (ShapeKind.CYLINDER, (2 * size[0], 2 * size[0], 2 * size[1])),
        }
        if kind not in scales:
            return []
        shape, scale = scales[kind]
        shapes = [Shape(group, number, shape, color, _point(scale), _point(centre), turned)]
        if kind == _GEOM.mjGEOM_CAPSULE:
            diameter = 2 * float(size[0])
            for k, side in enumerate(_SIDES):
                if (g, side) in self._ends:
                    end = self._capsule_end(g, side, data)
                    shapes.append(
                        Shape(group, number + 1 + k, ShapeKind.SPHERE, color, (diameter, diameter, diameter), end)
                    )
        return shapes

    def _lowered(self, shape: Shape) -> Shape:
        (x, y, z), (width, depth, tall) = shape.position, shape.scale
        if not 0 < self._wall_height < tall:
            return shape
        middle = z - tall / 2 + self._wall_height / 2
        return shape._replace(position=(x, y, middle), scale=(width, depth, self._wall_height))

    def _color(self, g: int) -> Color:
        material = int(self.model.geom_matid[g])
        rgba = self.model.geom_rgba[g] if material < 0 else self.model.mat_rgba[material]
        red, green, blue, alpha = rgba.tolist()
        return red, green, blue, alpha

    def _moved(self, g: int, ghost: mujoco.MjData) -> bool:
        """Whether a geom is elsewhere, or turned, in another state."""
        way = np.abs(ghost.geom_xpos[g] - self.data.geom_xpos[g]).max()
        return bool(max(way, np.abs(ghost.geom_xmat[g] - self.data.geom_xmat[g]).max()) > _SEEN)


def _model(spec: TaskSpec, names: Sequence[str]) -> mujoco.MjModel:
    """That of the environment, or the stage of one that has none, if the task tells all that moves on it."""
    simulation = find_simulation(make_env(spec))
    if simulation is not None:
        return simulation.model
    stage = find_stage(spec.env_id)
    told = stage is not None and all(source.elements for source in joint_sources(stage, names))
    return stage if told else nothing().model


def _floor(low: np.ndarray, high: np.ndarray, color: Color) -> Shape:
    (x, y), (width, depth) = (low + high) / 2, high - low
    size = (float(width) + 2.0, float(depth) + 2.0, 0.02)
    return Shape(STATIC, FLOOR, ShapeKind.CUBE, color, size, (float(x), float(y), -0.02))


def _grid(low: np.ndarray, high: np.ndarray) -> Shape:
    """Lines every ``GRID_SPACING`` metres, through the origin."""
    lines: list[tuple[float, float, float]] = []
    for axis in (0, 1):
        first, last = np.ceil(low[axis] / GRID_SPACING), np.floor(high[axis] / GRID_SPACING)
        for value in GRID_SPACING * np.arange(first, last + 1):
            for end in (low[1 - axis], high[1 - axis]):
                x, y = (value, end) if axis == 0 else (end, value)
                lines.append((float(x), float(y), 0.005))
    points: Points = np.array(lines)
    return Shape(STATIC, 1, ShapeKind.LINE_LIST, palette.GRID, (0.03, 0.0, 0.0), points=points)


def _quaternion(rotation: np.ndarray) -> Quaternion:
    result = np.empty(4)
    mujoco.mju_mat2Quat(result, rotation.ravel())
    w, x, y, z = result.tolist()
    return w, x, y, z


def _point(values: Iterable[float]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
