"""What each node of Lane Drive's tree is trained on: where it starts, what is success, what is failure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hrl_core.lane_drive import (
    LANE,
    LEFT_TURN,
    LENGTH,
    RIGHT_TURN,
    STRAIGHT,
    Flags,
    Float64,
    Road,
    draw_road,
    draw_start,
)

EVERY = (LEFT_TURN, STRAIGHT, RIGHT_TURN)
_AFTER = 8.0
"""Metres behind an intersection where a turn is judged."""


class _Start(Protocol):
    def __call__(self, rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
        """Draw a road and the (s, d, heading, steering, speed) to start it with."""
        ...


class _Judge(Protocol):
    def __call__(self, began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
        """Success, and failure other than hits and leaving the road, (cars,) each.

        Args:
            began: states that the episodes began with, (cars, 5).
            marks: ends [m] of the first intersections, (cars,).
            state: the present ones.
        """
        ...


@dataclass(frozen=True)
class Lesson:
    """The task of one node."""

    steps: int
    """Environment steps of its training."""
    limit: int
    """Most steps of an episode."""
    start: _Start
    judge: _Judge
    obstacles: str = "none"
    """Where they stand while it is trained."""
    soon: bool = False
    """Whether only being done counts, and not the way, which would reward those who put it off."""
    drift: float = 0.0
    """Cost of a step and a metre off the lane's centre."""


def _on_road(rng: np.random.Generator, commands: tuple[int, ...], obstacles: str = "none") -> tuple[Road, float]:
    """A road, and a place along it."""
    return draw_road(rng, obstacles, commands), rng.uniform(0.0, LENGTH - 130.0)


def _in_a_lane(rng: np.random.Generator, s: float, off: float, heading: float, speed: tuple[float, float]) -> Float64:
    """In either lane, at most so far off its centre, heading back where that is far."""
    offset, turned = rng.uniform(-off, off), rng.uniform(-heading, heading)
    if abs(offset) > 0.6:
        turned = -abs(turned) * np.sign(offset)
    return np.array([s, rng.choice((-LANE, LANE)) + offset, turned, rng.uniform(-0.2, 0.2), rng.uniform(*speed)])


def _staying(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
    road, s = _on_road(rng, (STRAIGHT,))
    return road, _in_a_lane(rng, s, 1.2, 0.3, (0.0, 10.0))


def _changing_from(lane: float, share: float) -> _Start:
    """A share of the starts in one lane, the rest in the other."""

    def start(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
        road, s = _on_road(rng, ())
        state = _in_a_lane(rng, s, 0.6, 0.12, (2.0, 11.0))
        if rng.random() < share:
            state[1] += lane - np.sign(state[1]) * LANE
        return road, state

    return start


def _recovering(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
    road, s = _on_road(rng, ())
    if rng.random() < 0.3:
        turned = rng.choice((-1.0, 1.0)) * rng.uniform(0.35, 0.8)
        return road, np.array([s, rng.uniform(-2.9, 2.9), turned, rng.uniform(-0.2, 0.2), rng.uniform(1.0, 7.0)])
    off, turned = rng.uniform(2.9, 4.4), rng.uniform(-0.7, 0.7 if rng.random() < 0.5 else 0.0)
    side, speed = rng.choice((-1.0, 1.0)), rng.uniform(0.0, 4.0)
    return road, np.array([s, side * off, side * turned, 0.0, speed])


def _crossing(*commands: int) -> _Start:
    def start(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
        road = draw_road(rng, "none", commands, first=(40.0, 60.0))
        s = road.begins[0] - rng.uniform(12.0, 35.0)
        return road, _in_a_lane(rng, s, 0.6, 0.15, (2.0, 11.0))

    return start


def _avoiding(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
    road = draw_road(rng, obstacles, (STRAIGHT,))
    while True:
        start = draw_start(rng, road, anywhere=True)
        if abs(start[1]) < 2.9 and start[0] < LENGTH - 120.0:
            return road, start


def _driving(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
    road = draw_road(rng, obstacles)
    return road, draw_start(rng, road, anywhere=rng.random() < 0.7)


def _from_the_beginning(rng: np.random.Generator, obstacles: str) -> tuple[Road, Float64]:
    road = draw_road(rng, obstacles)
    return road, draw_start(rng, road)


def _never(cars: int) -> Flags:
    return np.zeros(cars, np.bool_)


def _travelled(way: float) -> _Judge:
    return lambda began, marks, state: (state[:, 0] - began[:, 0] >= way, _never(len(state)))


def _stays(began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
    """120 m in the lane that it started in."""
    lane = np.where(began[:, 1] > 0, LANE, -LANE)
    return state[:, 0] - began[:, 0] >= 120.0, np.abs(state[:, 1] - lane) > 1.75


def in_lane(state: Float64, lane: float | Float64) -> Flags:
    """Within 0.6 m of a lane's centre, along it to 0.12 rad."""
    return (np.abs(state[:, 1] - lane) < 0.6) & (np.abs(state[:, 2]) < 0.12)


def _changes_to(lane: float) -> _Judge:
    return lambda began, marks, state: (in_lane(state, lane), np.abs(state[:, 1]) > 4.0)


def _changes(began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
    return in_lane(state, np.where(began[:, 1] > 0, -LANE, LANE)), np.abs(state[:, 1]) > 4.0


def _crosses(began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
    """Within 1.2 m of a lane's centre and along it to 0.3 rad, 8 m after the intersection."""
    off = np.abs(np.abs(state[:, 1]) - LANE)
    past, fit = state[:, 0] >= marks + _AFTER, (off < 1.2) & (np.abs(state[:, 2]) < 0.3)
    return past & fit, past & ~fit


def _recovers(began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
    """Within 2.6 m of the centre line, along it to 0.15 rad."""
    return (np.abs(state[:, 1]) < 2.6) & (np.abs(state[:, 2]) < 0.15), _never(len(state))


def _arrives(began: Float64, marks: Float64, state: Float64) -> tuple[Flags, Flags]:
    return state[:, 0] >= LENGTH, _never(len(state))


LESSONS: Mapping[str, Lesson] = {
    "StayInLane": Lesson(500_000, 300, _staying, _stays),
    "ChangeLeft": Lesson(350_000, 45, _changing_from(-LANE, 0.6), _changes_to(LANE), soon=True, drift=0.05),
    "ChangeRight": Lesson(350_000, 45, _changing_from(LANE, 0.6), _changes_to(-LANE), soon=True, drift=0.05),
    "TurnLeft": Lesson(500_000, 200, _crossing(LEFT_TURN), _crosses),
    "TurnRight": Lesson(500_000, 200, _crossing(RIGHT_TURN), _crosses),
    "Recover": Lesson(250_000, 120, _recovering, _recovers, soon=True),
    "ChangeLane": Lesson(100_000, 80, _changing_from(LANE, 0.0), _changes, soon=True, drift=0.05),
    "Avoid": Lesson(700_000, 300, _avoiding, _travelled(120.0), obstacles="clear"),
    "Cross": Lesson(300_000, 200, _crossing(*EVERY), _crosses),
    "Nav": Lesson(100_000, 400, _driving, _arrives),
}
"""Node -> what it is trained on."""
DRIVE = "Drive"
"""The whole task, every road from its beginning: no node's lesson, but what trees are examined by."""
EXAMS: Mapping[str, Lesson] = {**LESSONS, DRIVE: Lesson(0, 400, _from_the_beginning, _arrives, obstacles="clear")}
