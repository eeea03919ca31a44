"""What environments without a simulator look like: MuJoCo models for the eye alone, by Gymnasium id.

Joints are named as the elements of the observation that tell them (``joint_sources``); nothing here is simulated.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import mujoco

from hrl_core import four_rooms
from hrl_core.envs import cart_pole_swing_up, four_rooms_point, grid_world
from hrl_core.envs.maze import add_box

Box = tuple[tuple[float, float], tuple[float, float]]
"""Middle and half size along x and y [m]."""
_PIECE, _POLE, _IRON = (0.85, 0.45, 0.25, 1.0), (0.85, 0.6, 0.3, 1.0), (0.5, 0.5, 0.5, 1.0)
_WALL_HEIGHT = 0.5
_GYMNASIUM_TRACK_END = 2.4
"""Where Gymnasium's CartPole ends an episode, to either side [m]."""
_CAPSULE, _CYLINDER = mujoco.mjtGeom.mjGEOM_CAPSULE, mujoco.mjtGeom.mjGEOM_CYLINDER


def find_stage(env_id: str) -> mujoco.MjModel | None:
    """The model of an environment, whatever module registers it; None: nobody has drawn one."""
    make = _STAGES.get(env_id.rpartition(":")[2])
    return None if make is None else make()


def _grid_world() -> mujoco.MjModel:
    """The map with a wall around it."""
    cells = ((x, y) for x in range(-1, grid_world.WIDTH + 1) for y in range(-1, grid_world.HEIGHT + 1))
    return _map((cell for cell in cells if not grid_world.is_free(*cell)), {"x": (1, 0, 0), "y": (0, 1, 0)})


def _four_rooms() -> mujoco.MjModel:
    """The map with north ahead: a column is x, a row is -y."""
    walls = ((c, -r) for r, row in enumerate(four_rooms.ROWS) for c, at in enumerate(row) if at == "#")
    return _map(walls, {"column": (1, 0, 0), "row": (0, -1, 0)})


def _map(walls: Iterable[tuple[float, float]], axes: Mapping[str, tuple[int, int, int]]) -> mujoco.MjModel:
    """Cells of one metre."""
    return _board((((x, y), (0.5, 0.5)) for x, y in walls), axes)


def _four_rooms_point() -> mujoco.MjModel:
    half, gaps, gap, thin = four_rooms_point.HALF, four_rooms_point.GAPS, four_rooms_point.GAP, 0.05
    # Inner walls, from the middle to the gaps and from the gaps to the ends; the outer ones stand outside.
    along = [(0.0, gaps - gap), *((side * (half + gaps + gap) / 2, (half - gaps - gap) / 2) for side in (-1, 1))]
    walls = [(at, 0.0, length) for at, length in along]
    walls += [(0.0, side * (half + thin), half + 2 * thin) for side in (-1, 1)]
    boxes: list[Box] = [((at, across), (length, thin)) for at, across, length in walls]
    boxes += [((across, at), (thin, length)) for at, across, length in walls]
    return _board(boxes, {"x": (1, 0, 0), "y": (0, 1, 0)})


def _board(walls: Iterable[Box], axes: Mapping[str, tuple[int, int, int]]) -> mujoco.MjModel:
    """Walls on a floor, and a piece that slides along ``axes``, by the name of the joint."""
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(1, 1, 1))
    for k, ((x, y), (width, depth)) in enumerate(walls):
        add_box(spec.worldbody, f"wall_{k}", (x, y, _WALL_HEIGHT / 2), (width, depth, _WALL_HEIGHT / 2))
    piece = spec.worldbody.add_body(name="piece")
    for name, axis in axes.items():
        piece.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=axis)
    piece.add_geom(name="foot", type=_CYLINDER, pos=(0, 0, 0.15), size=(0.25, 0.15, 0), rgba=_PIECE)
    piece.add_geom(name="head", pos=(0, 0, 0.45), size=(0.2, 0, 0), rgba=_PIECE)
    return spec.compile()


def _cart_pole(track_end: float) -> mujoco.MjModel:
    """A cart on its track; a positive angle of the pole leans along x."""
    spec = _seen_from_the_side(3 * track_end)
    track = (-track_end, 0, 0, track_end, 0, 0)
    spec.worldbody.add_geom(name="track", type=_CAPSULE, fromto=track, size=(0.03, 0, 0), rgba=_IRON)
    cart = spec.worldbody.add_body(name="cart")
    cart.add_joint(name="x", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(1, 0, 0))
    cart.add_geom(name="cart", type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.2, 0.12, 0.1), rgba=_PIECE)
    _add_rod(cart, "pole", (0, 1, 0), cart_pole_swing_up.POLE_LENGTH)
    return spec.compile()


def _pendulum() -> mujoco.MjModel:
    """Gymnasium's: a positive angle leans against x."""
    spec = _seen_from_the_side(3.5)
    spec.worldbody.add_geom(name="axle", size=(0.08, 0, 0), rgba=_IRON)
    _add_rod(spec.worldbody, "angle", (0, -1, 0), 1.0)
    return spec.compile()


def _add_rod(parent: mujoco.MjsBody, joint: str, axis: tuple[int, int, int], length: float) -> None:
    """A rod [m] that turns about an axis and stands upright at 0."""
    rod = parent.add_body(name="rod")
    rod.add_joint(name=joint, type=mujoco.mjtJoint.mjJNT_HINGE, axis=axis)
    rod.add_geom(name="rod", type=_CAPSULE, fromto=(0, 0, 0, 0, 0, length), size=(0.05, 0, 0), rgba=_POLE)


def _seen_from_the_side(distance: float) -> mujoco.MjSpec:
    """A world with nothing but a camera [m] away."""
    spec = mujoco.MjSpec()
    spec.worldbody.add_camera(name="side", pos=(0, -distance, 0.3), xyaxes=(1, 0, 0, 0, 0, 1))
    return spec


_STAGES: Mapping[str, Callable[[], mujoco.MjModel]] = {
    "hrl/GridWorld-v0": _grid_world,
    "hrl/FourRooms-v0": _four_rooms,
    "hrl/FourRoomsPlanning-v0": _four_rooms,
    "hrl/FourRoomsMulti-v0": _four_rooms,
    "hrl/FourRoomsPoint-v0": _four_rooms_point,
    "CartPole-v1": partial(_cart_pole, _GYMNASIUM_TRACK_END),
    "hrl/CartPoleSwingUp-v0": partial(_cart_pole, cart_pole_swing_up.TRACK_END),
    "Pendulum-v1": _pendulum,
}
