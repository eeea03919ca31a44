"""Lane Drive: cars on winding roads of two lanes, many side by side; NumPy alone.

A kinematic bicycle in the road's own coordinates: s along the centre line, d to the left of it. Every car has a road of
its own, drawn before it starts: pieces of constant curvature, intersections that are crossed as a command says, shown
from 40 m before, and standing obstacles. The curvature of the way through an intersection is not shown.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PERIOD = 0.1
"""Of a step [s]."""
LENGTH = 300.0
"""Of the way to drive [m]."""
LANE = 1.75
"""Of a lane's centre from the centre line [m]; the right lane is at -1.75."""
ROAD, VERGE = 3.5, 5.0
"""Half-widths of the road and of what can be driven on [m]."""
MOST_HEADING = 1.6
"""Off the road's direction [rad]: beyond it the car has turned round."""
WHEELBASE, MOST_STEERING, STEERING_RATE = 2.5, 0.45, 1.5
MOST_SPEED, GRIP = 12.0, 6.0
"""[m/s], and the most lateral acceleration [m/s^2]: a corner of 8 m cannot be had above 7 m/s."""
ACCELERATIONS = (-0.3, -0.3, -0.3, 3.0, -6.0)
STEERINGS = (0.0, 1.0, -1.0, 0.0, 0.0)
ACTIONS = ("nothing", "left", "right", "accelerate", "brake")
LEFT_TURN, STRAIGHT, RIGHT_TURN = range(3)
"""Commands."""
SHOWN_FROM = 40.0
"""How far ahead [m] intersections and obstacles are seen."""
PREVIEW = (0, 4, 8, 14, 22, 32)
"""Where ahead [m] the curvature is seen."""
NAMES = (
    *("d", "lane_offset", "heading", "steering", "v"),
    *(f"curvature_{ahead}" for ahead in PREVIEW),
    *("gap_right", "seen_right", "gap_left", "seen_left"),
    *("intersection", "inside", "turn_left", "straight", "turn_right"),
)
"""Elements of an observation."""
SCALES = (
    1 / 3.5,
    1 / LANE,
    2.0,
    1 / MOST_STEERING,
    1 / 12.0,
    *[18.0] * len(PREVIEW),
    1 / 40,
    1,
    1 / 40,
    1,
    1 / 40,
    *[1] * 4,
)
"""What each is multiplied by, so that all are of the order of one."""
BEHIND, HIT_ALONG, HIT_ACROSS = 5.0, 4.0, 1.9
"""Until where an obstacle that is passed is seen, and what is a hit [m]."""
OBSTACLES = ("none", "clear", "anywhere")
"""Where obstacles stand: nowhere; not within 20 m before and 32 m after an intersection; not within 14 m of one."""
_KEPT_FREE = {"clear": (20.0, 32.0), "anywhere": (14.0, 14.0)}
_CELLS = int(LENGTH) + 64
"""Metres of road that are drawn: what is seen from its end."""
_MOST_INTERSECTIONS, _MOST_OBSTACLES = 8, 16
_FAR = 1e6
_TURN_RADIUS, _STRAIGHT_LENGTH = 8.0, 13.0


class Road(NamedTuple):
    """What lies before one car."""

    curvature: Float64
    """Of every metre, to the left positive [1/m], (364,)."""
    begins: Float64
    """Of the intersections [m], far away where there is none, (8,)."""
    ends: Float64
    commands: Float64
    """How each is crossed, (8,)."""
    obstacles: Float64
    """Where along the road they stand [m], (16,)."""
    on_left: Float64
    """1: in the left lane, (16,)."""


def draw_road(
    rng: np.random.Generator,
    obstacles: str = "clear",
    commands: tuple[int, ...] = (LEFT_TURN, STRAIGHT, RIGHT_TURN),
    first: tuple[float, float] = (70.0, 120.0),
) -> Road:
    """Draw a road.

    Args:
        rng: source of randomness.
        obstacles: where they stand, one of ``OBSTACLES``.
        commands: that intersections can have; none: no intersections.
        first: between which places [m] the first one begins.
    """
    curvature = np.zeros(_CELLS)
    crossings: list[tuple[float, float, int]] = []
    s, begin = 0.0, rng.uniform(*first) if commands else _FAR
    while s < _CELLS:
        if s >= begin:
            command = int(rng.choice(commands))
            length = _STRAIGHT_LENGTH if command == STRAIGHT else _TURN_RADIUS * np.pi / 2
            bend = {LEFT_TURN: 1.0, STRAIGHT: 0.0, RIGHT_TURN: -1.0}[command] / _TURN_RADIUS
            crossings.append((s, s + length, command))
            begin = s + length + rng.uniform(70.0, 120.0)
        else:
            length = min(rng.uniform(12.0, 30.0), begin - s)
            bend = rng.uniform(-1.0, 1.0) / 18 if rng.random() < 0.5 else 0.0
        curvature[int(s) : int(s + length)] = bend
        s += length
    padding = [(_FAR, _FAR, STRAIGHT)] * (_MOST_INTERSECTIONS - len(crossings))
    begins, ends, kinds = np.array(crossings + padding, np.float64).T
    return Road(curvature, begins, ends, kinds, *_draw_obstacles(rng, obstacles, crossings))


def _draw_obstacles(
    rng: np.random.Generator, where: str, crossings: list[tuple[float, float, int]]
) -> tuple[Float64, Float64]:
    places, sides = np.full(_MOST_OBSTACLES, _FAR), np.zeros(_MOST_OBSTACLES)
    if where == "none":
        return places, sides
    before, after = _KEPT_FREE[where]
    s, count = rng.uniform(30.0, 60.0), 0
    while s < _CELLS:
        if not any(begin - before < s < end + after for begin, end, _ in crossings):
            places[count], sides[count] = s, rng.integers(2)
            count += 1
        s += rng.uniform(30.0, 60.0)
    return places, sides


class Moved(NamedTuple):
    """What a step led to; leading axis (cars,)."""

    ds: Float64
    """Way along the road [m]."""
    hit: Flags
    """An obstacle was hit."""
    left: Flags
    """The car is off what can be driven on, or has turned round."""
    on_verge: Flags


class LaneCars:
    """Cars, each on its road; steps and observations of all at once."""

    def __init__(self, count: int) -> None:
        """``count`` cars that are still to be placed."""
        self.count = count
        self.state = np.zeros((count, 5))
        """s, d, heading off the road's, steering, speed of every car."""
        self.roads = Road(
            np.zeros((count, _CELLS)),
            *(np.full((count, _MOST_INTERSECTIONS), _FAR) for _ in range(3)),
            *(np.full((count, _MOST_OBSTACLES), _FAR) for _ in range(2)),
        )
        """What lies before each car; leading axis (cars,)."""
        self._shown = np.zeros((count, _CELLS))
        """Curvature as it is seen: none within intersections."""
        self._all = np.arange(count)

    def place(self, car: int, road: Road, state: npt.ArrayLike) -> None:
        """Put a car on a road; ``state`` is (s, d, heading, steering, speed)."""
        for kept, new in zip(self.roads, road, strict=True):
            kept[car] = new
        self.state[car] = state
        self._shown[car] = road.curvature
        for begin, end in zip(road.begins, road.ends, strict=True):
            if begin < _CELLS:
                self._shown[car, int(begin) : int(end) + 1] = 0.0

    def road(self, car: int) -> Road:
        """The road of a car, a copy."""
        return Road(*(kept[car].copy() for kept in self.roads))

    def advance(self, actions: npt.NDArray[np.int64]) -> Moved:
        """Let a control period pass under actions (cars,), numbers of ``ACTIONS``.

        delta -> {-.45, 0, .45} at 1.5 rad/s;  v += a dt;  yaw rate = v tan(delta) / 2.5 within +-6 / v;
        ds = v cos(psi) / (1 - kappa d) dt;  d += v sin(psi) dt;  psi += yaw dt - kappa ds.
        """
        s, d, heading, steering, v = self.state.T
        curvature = self.roads.curvature[self._all, self._cell(s)]
        wanted = MOST_STEERING * np.take(STEERINGS, actions)
        most = STEERING_RATE * PERIOD
        steering = steering + np.clip(wanted - steering, -most, most)
        v = np.clip(v + np.take(ACCELERATIONS, actions) * PERIOD, 0.0, MOST_SPEED)
        grip = GRIP / np.maximum(v, 1e-6)
        yaw = np.clip(v * np.tan(steering) / WHEELBASE, -grip, grip)
        ds = v * np.cos(heading) / (1 - curvature * d) * PERIOD
        d = d + v * np.sin(heading) * PERIOD
        heading = heading + yaw * PERIOD - curvature * ds
        self.state = np.stack((s + ds, d, heading, steering, v), axis=1)
        left = (np.abs(d) > VERGE) | (np.abs(heading) > MOST_HEADING)
        return Moved(ds, self._hits(), left, np.abs(d) > ROAD)

    def observe(self) -> Float64:
        """Observations (cars, 20) in the order of ``NAMES``, each times its scale, a fresh array."""
        s, d, heading, steering, v = self.state.T
        seen = np.empty((self.count, len(NAMES)))
        seen[:, 0], seen[:, 1] = d, d - np.where(d > 0, LANE, -LANE)
        seen[:, 2], seen[:, 3], seen[:, 4] = heading, steering, v
        for column, ahead in enumerate(PREVIEW, 5):
            seen[:, column] = self._shown[self._all, self._cell(s + ahead)]
        for column, left in ((11, 0.0), (13, 1.0)):
            gaps = self.roads.obstacles - s[:, None]
            ahead = (gaps > -BEHIND) & (self.roads.on_left == left)
            gap = np.where(ahead, gaps, _FAR).min(axis=1)
            seen[:, column], seen[:, column + 1] = np.minimum(gap, SHOWN_FROM), gap <= SHOWN_FROM
        distance, command = self.next_intersection()
        seen[:, 15] = np.clip(distance, 0.0, SHOWN_FROM)
        seen[:, 16] = distance <= 0
        near = distance <= SHOWN_FROM
        for column in range(3):
            seen[:, 17 + column] = near & (command == column)
        return seen * SCALES

    def next_intersection(self) -> tuple[Float64, Float64]:
        """Way left to the next one [m], below 0 within, and its command; (cars,) each."""
        number = (self.roads.ends > self.state[:, :1]).argmax(axis=1)
        return self.roads.begins[self._all, number] - self.state[:, 0], self.roads.commands[self._all, number]

    def _cell(self, s: Float64) -> npt.NDArray[np.int64]:
        return np.clip(s.astype(np.int64), 0, _CELLS - 1)

    def _hits(self) -> Flags:
        along = np.abs(self.roads.obstacles - self.state[:, :1]) < HIT_ALONG
        across = np.abs(LANE * (2 * self.roads.on_left - 1) - self.state[:, 1:2]) < HIT_ACROSS
        return np.any(along & across, axis=1)


WORTH = 0.2
"""Reward of a metre."""
OUT_OF_TIME = -2.0
"""Reward of a time limit, beside the rest."""


def reward(moved: Moved, done: Flags, failed: Flags) -> Float64:
    """0.2 a metre, -0.1 a step, which standing still costs, -0.15 a step on the verge; 5 at the end, -5 for failure."""
    return WORTH * moved.ds - 0.1 - 0.15 * moved.on_verge + 5.0 * (done & ~failed) - 5.0 * failed


def draw_start(rng: np.random.Generator, road: Road, anywhere: bool = False) -> Float64:
    """A start in either lane, a tenth of them on the verge; shape (5,).

    Args:
        rng: source of randomness.
        road: of the car.
        anywhere: along the road, clear of obstacles and intersections, and not at its beginning.
    """
    s = 0.0
    while anywhere:
        s = rng.uniform(0.0, LENGTH - 20.0)
        at_intersection = ((road.begins < s + 5) & (s < road.ends)).any()
        if not at_intersection and not (np.abs(road.obstacles - s - 5.0) < 15.0).any():
            break
    side = rng.choice((-1.0, 1.0))
    if rng.random() < 0.1:
        return np.array([s, side * rng.uniform(ROAD, 4.3), rng.uniform(-0.7, 0.7), 0.0, rng.uniform(0.0, 4.0)])
    return np.array([s, side * LANE + rng.uniform(-0.3, 0.3), rng.uniform(-0.05, 0.05), 0.0, rng.uniform(2.0, 8.0)])
