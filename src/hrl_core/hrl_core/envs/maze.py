"""A grid of cells becomes walls, platforms and movable blocks around a robot (HIRO's mazes, arXiv 1805.08296 B.2)."""

from dataclasses import dataclass
from enum import Enum
from importlib import resources

import mujoco
import numpy as np

_ASSETS = resources.files("hrl_core.envs") / "assets"
_WALL_RGBA = (0.55, 0.6, 0.68, 1.0)
_BLOCK_RGBA = (0.85, 0.45, 0.25, 1.0)
_STIFF_SOLIMP = (0.995, 0.995, 0.01)
_SOLIMP_LENGTH = 3


class Cell(Enum):
    """What a grid letter stands for."""

    FREE = "."
    WALL = "#"
    ROBOT = "R"
    CHASM = "~"
    BLOCK_XY = "+"
    """Movable block that slides along x and y."""
    BLOCK_YZ = "v"
    """Movable block that slides along y and drops along z."""


@dataclass(frozen=True)
class Slide:
    """One slide joint of a movable block."""

    axis: str
    travel: tuple[float, float] | None = None
    """Joint range [m]; None: unlimited."""


@dataclass(frozen=True)
class BlockSpec:
    """A movable block."""

    mass: float
    """[kg]"""
    slides: tuple[Slide, ...]
    shrink: float = 1.0
    """Factor on the half-size along x and y, so that it fits between walls."""


@dataclass(frozen=True)
class MazeSpec:
    """A maze; rows run along +y, columns along +x, the robot's cell is at the origin."""

    rows: tuple[str, ...]
    """Grid letters of ``Cell``, the row of lowest y first."""
    cell_size: float
    """Edge of a cell [m]."""
    wall_height: float
    """[m]"""
    platform_height: float = 0.0
    """Height of the ground beside a chasm [m]; 0: flat floor."""
    blocks: tuple[tuple[Cell, BlockSpec], ...] = ()
    """Movable blocks by letter."""

    def cells(self, kind: Cell) -> list[tuple[float, float]]:
        """Centres (x, y) [m] of every cell of a kind, in reading order."""
        robot_row, robot_column = self._robot()
        return [
            ((j - robot_column) * self.cell_size, (i - robot_row) * self.cell_size)
            for i, row in enumerate(self.rows)
            for j, letter in enumerate(row)
            if letter == kind.value
        ]

    def is_free(self, x: float, y: float) -> bool:
        """Whether the point (x, y) [m] lies in a cell without wall or chasm."""
        robot_row, robot_column = self._robot()
        i = round(y / self.cell_size) + robot_row
        j = round(x / self.cell_size) + robot_column
        inside = 0 <= i < len(self.rows) and 0 <= j < len(self.rows[0])
        return inside and self.rows[i][j] not in (Cell.WALL.value, Cell.CHASM.value)

    def _robot(self) -> tuple[int, int]:
        for i, row in enumerate(self.rows):
            if Cell.ROBOT.value in row:
                return i, row.index(Cell.ROBOT.value)
        raise ValueError(f"maze has no robot cell '{Cell.ROBOT.value}': {self.rows}")


def robot_spec(robot_asset: str) -> mujoco.MjSpec:
    """The robot of ``assets/robot_asset`` on its floor, to be put among walls."""
    return mujoco.MjSpec.from_string((_ASSETS / robot_asset).read_text())


def for_few_geoms(spec: mujoco.MjSpec) -> None:
    """Switch off what costs more than it saves with one robot."""
    # A dozen robot geoms among a few dozen boxes: bounding-volume trees cost more than they cull (12 % of a step).
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    # One robot and at most one block are not worth splitting into islands (6 %); MuJoCo 2, HIRO's, had none either.
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_ISLAND


def build_model(robot_asset: str, maze: MazeSpec) -> mujoco.MjModel:
    """Compile the robot of ``assets/robot_asset`` inside the maze.

    Geoms and bodies are named ``wall_K``, ``platform_K`` and ``block_K``; block joints ``block_K_x`` and so on.
    """
    spec = robot_spec(robot_asset)
    half = maze.cell_size / 2
    base = maze.platform_height
    if base > 0:
        spec.body("torso").pos[2] += base
        ground = [cell for kind in Cell if kind is not Cell.CHASM for cell in maze.cells(kind)]
        for k, (x, y) in enumerate(ground):
            add_box(spec.worldbody, f"platform_{k}", (x, y, base / 2), (half, half, base / 2))
    for k, (x, y) in enumerate(maze.cells(Cell.WALL)):
        centre = (x, y, base + maze.wall_height / 2)
        add_box(spec.worldbody, f"wall_{k}", centre, (half, half, maze.wall_height / 2))
    for kind, block in maze.blocks:
        for k, (x, y) in enumerate(maze.cells(kind)):
            _add_block(spec, f"block_{k}", block, (x, y, base + maze.wall_height / 2), half, maze.wall_height / 2)
    if maze.blocks:
        # HIRO stiffens every contact of a maze with movable blocks; the default class reaches only later geoms.
        for geom in spec.geoms:
            geom.solimp[:_SOLIMP_LENGTH] = _STIFF_SOLIMP
    for_few_geoms(spec)
    return spec.compile()


def add_box(
    body: mujoco.MjsBody,
    name: str,
    position: tuple[float, ...],
    half_size: tuple[float, ...],
    rgba: tuple[float, ...] = _WALL_RGBA,
) -> mujoco.MjsGeom:
    """A box [m] that touches everything."""
    return body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=position,
        size=half_size,
        contype=1,
        conaffinity=1,
        rgba=rgba,
    )


def _add_block(
    spec: mujoco.MjSpec,
    name: str,
    block: BlockSpec,
    position: tuple[float, float, float],
    half: float,
    half_height: float,
) -> None:
    body = spec.worldbody.add_body(name=name, pos=position)
    size = (half * block.shrink, half * block.shrink, half_height)
    add_box(body, name, (0.0, 0.0, 0.0), size, _BLOCK_RGBA).mass = block.mass
    for slide in block.slides:
        body.add_joint(
            name=f"{name}_{slide.axis}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=np.eye(3)["xyz".index(slide.axis)],
            limited=slide.travel is not None,
            range=slide.travel or (0.0, 0.0),
            armature=0.0,
            damping=[0.0, 0.0, 0.0],
            margin=0.01,
        )
