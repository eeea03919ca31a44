"""Lane Drive: a car keeps a lane, passes obstacles and crosses intersections as it is told, by five actions."""

from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from hrl_core.lane_drive import (
    ACTIONS,
    LANE,
    LENGTH,
    NAMES,
    OUT_OF_TIME,
    ROAD,
    SHOWN_FROM,
    Float64,
    LaneCars,
    Road,
    draw_road,
    draw_start,
    reward,
)

MOST_STEPS = 400
_PIXELS = 8
"""Of a metre in a picture."""
_BEHIND = 5.0
"""Metres behind the car that a picture shows."""
_GRASS, _ASPHALT, _LINE, _OBSTACLE, _CAR = (90, 130, 80), (70, 75, 85), (235, 235, 230), (200, 70, 50), (60, 120, 220)
Told = dict[str, Float64]


class LaneDriveEnv(gymnasium.Env[Told, np.int64]):
    """Drive 300 m of a road of two lanes without a hit and without leaving it.

    | index | meaning | unit |
    |---|---|---|
    | 0, 1 | d: to the left of the centre line, and of the nearest lane's centre | 3.5 m, 1.75 m |
    | 2, 3, 4 | heading off the road's, steering, speed | 0.5 rad, 0.45 rad, 12 m/s |
    | 5-10 | curvature here and 4, 8, 14, 22, 32 m ahead, 0 within intersections | 1/18 m |
    | 11-14 | right lane, then left: way to the next obstacle up to 1, whether one is seen | 40 m, 1 |
    | 15, 16 | way to the next intersection up to 1, whether the car is within one | 40 m, 1 |
    | 17-19 | command, from 40 m before until the end of an intersection: left, straight, right | 1 |

    Action: 0 nothing, 1 left, 2 right, 3 accelerate, 4 brake. Reward: 0.2 a metre, -0.1 a step, -0.15 a step on the
    verge; 5 at the end, -5 for a hit or for leaving, all of which terminate, -2 at the time limit. The goal is the
    share of the 300 m that is to be driven.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, obstacles: str = "clear", anywhere: bool = False, render_mode: str | None = None) -> None:
        """Stand nowhere before ``reset``.

        Args:
            obstacles: where they stand: ``none``, ``clear`` (of intersections) or ``anywhere``.
            anywhere: whether episodes begin anywhere along the road instead of at its beginning.
            render_mode: None or ``rgb_array``.
        """
        self.render_mode = render_mode
        self.goal = np.ones(1)
        self._obstacles, self._anywhere = obstacles, anywhere
        self._cars, self._steps = LaneCars(1), 0
        way = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.observation_space = spaces.Dict(  # pyright: ignore[reportAttributeAccessIssue] - a Dict space is one
            observation=spaces.Box(-np.inf, np.inf, (len(NAMES),), np.float64), achieved_goal=way, desired_goal=way
        )
        self.action_space = spaces.Discrete(len(ACTIONS))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Told, dict[str, Any]]:
        """Draw road and start; ``options["goal"]`` is another share of the way, up to 1."""
        super().reset(seed=seed)
        road = draw_road(self.np_random, self._obstacles)
        self._cars.place(0, road, draw_start(self.np_random, road, self._anywhere))
        self._steps = 0
        goal = np.array((options or {}).get("goal", [1.0]), np.float64)
        if goal.shape != (1,) or not 0 < goal[0] <= 1:
            raise ValueError(f"options['goal'] needs a share of the way, from 0 to 1, got {goal.tolist()}")
        self.goal = goal
        return self._told(), {"is_success": False}

    def step(self, action: np.int64) -> tuple[Told, float, bool, bool, dict[str, Any]]:
        """Apply the action for one control period."""
        moved = self._cars.advance(np.array([action]))
        self._steps += 1
        failed = moved.hit | moved.left
        done = (self._cars.state[:, 0] >= self.goal * LENGTH) & ~failed
        earned = float(reward(moved, done, failed)[0])
        ended = bool(done[0] or failed[0])
        if self._steps == MOST_STEPS and not ended:
            earned += OUT_OF_TIME
        return self._told(), earned, ended, False, {"is_success": bool(done[0])}

    def simulation_state(self) -> Float64:
        """Everything that stepping depends on: steps, goal, state and road."""
        return np.concatenate(([self._steps], self.goal, self._cars.state[0], *self._cars.road(0)))

    def restore(self, state: Float64) -> Told:
        """Go back to a ``simulation_state``; return the observation there."""
        self._steps, self.goal = int(state[0]), state[1:2].copy()
        ends = np.cumsum([part.size for part in self._cars.road(0)])[:-1]
        self._cars.place(0, Road(*np.split(state[7:], ends)), state[2:7])
        return self._told()

    def render(self) -> npt.NDArray[np.uint8]:  # pyright: ignore[reportIncompatibleMethodOverride] - one mode only
        """The road straightened out, the car at the left and its way to the right; shape (80, 360, 3)."""
        s, d, _, _, _ = self._cars.state[0]
        road, across = self._cars.road(0), np.arange(-5, 5, 1 / _PIXELS) + 0.5 / _PIXELS
        along = np.arange(-_BEHIND, SHOWN_FROM, 1 / _PIXELS) + s
        picture = np.empty((len(across), len(along), 3), np.uint8)
        picture[:] = np.where((np.abs(across) < ROAD)[:, None, None], _ASPHALT, _GRASS)
        picture[np.abs(across) < 0.1] = np.where((along % 4 < 2)[:, None], _LINE, _ASPHALT)
        for begin, end in zip(road.begins, road.ends, strict=True):
            picture[:, (along >= begin) & (along < end)] = _ASPHALT
        boxes = [(at, LANE * (2 * left - 1), _OBSTACLE) for at, left in zip(road.obstacles, road.on_left, strict=True)]
        for at, middle, color in [*boxes, (s, d, _CAR)]:
            picture[np.ix_(np.abs(across - middle) < 0.9, np.abs(along - at) < 2.0)] = color
        return picture[::-1]

    def _told(self) -> Told:
        return {
            "observation": self._cars.observe()[0],
            "achieved_goal": self._cars.state[0, :1] / LENGTH,
            "desired_goal": self.goal.copy(),
        }


def make_lane_drive(obstacles: str = "clear", anywhere: bool = False, render_mode: str | None = None) -> LaneDriveEnv:
    """Entry point of ``hrl/LaneDrive-v0``."""
    return LaneDriveEnv(obstacles, anywhere, render_mode)
