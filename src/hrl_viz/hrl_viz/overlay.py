"""What a hierarchy wants, drawn over the scene: goal, subgoal, what came before, and the figures in words."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hrl_viz import palette
from hrl_viz.shapes import Color, Point, Shape, ShapeKind, arrow, circle, disc, sphere, strip, text

GOAL, SUBGOAL, RELABELLED = "goal", "subgoal", "relabelled_subgoal"
HISTORY, TRAIL, TEXT, OBJECTS = "subgoal_history", "trail", "text", "objects"
_NAME_SIZE = 0.5
"""Height of the letters, in sizes of the robot."""
BESIDE, ABOVE = 0.7, 1.9
"""Heights of the names of two subgoals, which often lie close together: one is not written over the other."""
_APPLE_DIAMETER = 0.8
_GROWTH = 0.6
"""By which what is drawn for a level is larger than for the one below, in sizes of the lowest."""
_LIFT = 0.03
"""Height of flat things above the floor [m], so that they do not flicker."""


def level_group(group: str, level: int) -> str:
    """Group of what is drawn for a level's subgoals; the lowest one's has no number."""
    return f"{group}_{level + 1}" if level else group


def grown(size: float, level: int) -> float:
    """Size of what is drawn for a level: the higher, the larger."""
    return size * (1 + _GROWTH * level)


def goal_shapes(goal: Point, radius: float, size: float) -> list[Shape]:
    """Task goal with its success radius [m], 0 or less for none; ``size`` [m] of the robot sets line widths."""
    x, y, z = goal
    shapes = [sphere(GOAL, 0, palette.GOAL, goal, 0.5 * size)]
    if radius > 0:
        shapes.append(disc(GOAL, 1, palette.faded(palette.GOAL, 0.18), (x, y, z + _LIFT), radius, 0.02))
        shapes.append(strip(GOAL, 2, palette.GOAL, circle((x, y, z + 2 * _LIFT), radius), 0.08 * size))
    label = (x, y, z + 0.9 * size)
    shapes.append(text(GOAL, 3, palette.GOAL, label, 0.6 * size, "goal"))
    return shapes


def subgoal_shapes(
    robot: Point, target: Point, size: float, group: str, color: Color, words: str, height: float = BESIDE
) -> list[Shape]:
    """Arrow from the robot to a subgoal's target, a ball there and its name ``height`` sizes of the robot above."""
    x, y, z = target
    return [
        arrow(group, 0, color, robot, target, 0.12 * size),
        sphere(group, 1, palette.faded(color, 0.6), target, 0.35 * size),
        text(group, 2, color, (x, y, z + height * size), _NAME_SIZE * size, words),
    ]


def history_shape(targets: Sequence[Point], size: float, group: str, color: Color) -> Shape:
    """Earlier targets, the oldest first and faintest."""
    points = np.array(targets).reshape(-1, 3)
    alphas = np.linspace(0.08, 0.5, len(points)) if len(points) else np.empty(0)
    colors = np.array([palette.faded(color, alpha) for alpha in alphas]).reshape(-1, 4)
    width = 0.22 * size
    scale = (width, width, width)
    return Shape(group, 0, ShapeKind.SPHERE_LIST, palette.faded(color, 0.5), scale, points=points, colors=colors)


def trail_shape(path: Sequence[Point], size: float) -> Shape:
    """Where the robot has been in this episode."""
    return strip(TRAIL, 0, palette.faded(palette.TRAIL, 0.9), np.array(path).reshape(-1, 3), 0.06 * size)


def object_shapes(objects: Mapping[str, Point], drawn_by_model: Sequence[str]) -> list[Shape]:
    """Apples, bombs and whatever else is listed but not part of the model."""
    shapes = []
    for name, position in objects.items():
        if name in drawn_by_model:
            continue
        kind, _, number = name.rpartition("_")
        color = {"apple": palette.APPLE, "bomb": palette.BOMB}.get(kind, palette.OTHER)
        offset = {"apple": 0, "bomb": 1000}.get(kind, 2000)
        unique = offset + (int(number) if number.isdigit() else len(shapes))
        shapes.append(sphere(OBJECTS, unique, color, position, _APPLE_DIAMETER))
    return shapes


def stand_in_shapes(group: str, robot: Point, thing: Point | None, size: float) -> list[Shape]:
    """A ball in the place of a robot, and a larger one in that of the thing that it brings somewhere, if any."""
    shapes = [sphere(group, 0, palette.TRAIL, robot, size)]
    return shapes if thing is None else [*shapes, sphere(group, 1, palette.OTHER, thing, 1.6 * size)]


class Figures(NamedTuple):
    """What the text says; NaN where unknown."""

    episode: int
    step: int
    way_left: str
    """To the task goal; empty where there is none."""
    episode_return: float
    intrinsic: float
    """Mean per step over the last subgoal."""
    success: bool
    subgoals: Sequence[int]
    """Numbers of the subgoals in force, outermost first."""
    skills: Sequence[str]
    """Names of the skills in control, outermost first."""


def figures_shape(figures: Figures, robot: Point, size: float, names: Sequence[Point] = ()) -> Shape:
    """Words above the robot, and above and behind the ``names`` of its subgoals."""
    x = robot[0]
    y = max([robot[1], *(name[1] for name in names)])
    z = max([robot[2] + 3.0 * size, *(name[2] + 1.8 * size for name in names)])
    number = f"  subgoal {' / '.join(map(str, figures.subgoals))}" if figures.subgoals else ""
    state = "  at the goal" if figures.success else ""
    lines = [
        f"episode {figures.episode}  step {figures.step}{number}",
        f"{figures.way_left}{state}",
        f"return {_number(figures.episode_return, 1)}  intrinsic {_number(figures.intrinsic, 2)} per step",
        " > ".join(figures.skills),
    ]
    words = "\n".join(line for line in lines if line)
    return text(TEXT, 0, palette.TEXT, (x, y, z), 0.55 * size, words)


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
