"""One colour per meaning, in markers, reports and films; colour-blind people can tell them apart (Okabe and Ito)."""

from hrl_viz.shapes import Color

GOAL: Color = (0.0, 0.62, 0.45, 1.0)
SUBGOAL: Color = (0.0, 0.45, 0.70, 1.0)
_HIGHER: tuple[Color, ...] = ((0.85, 0.68, 0.0, 1.0), (0.42, 0.24, 0.60, 1.0))
"""Subgoals of the levels above the lowest; from the last one on all alike, told apart by their size."""
_SKILLS: tuple[Color, ...] = (
    (0.34, 0.71, 0.91, 1.0),
    (0.90, 0.60, 0.00, 1.0),
    (0.80, 0.40, 0.65, 1.0),
    (0.55, 0.25, 0.05, 1.0),
    (0.42, 0.24, 0.60, 1.0),
    (0.55, 0.60, 0.10, 1.0),
    (0.15, 0.25, 0.45, 1.0),
    (0.60, 0.60, 0.62, 1.0),
)
"""By the number of a skill; with more of them the colours come round again."""
RELABELLED: Color = (0.80, 0.40, 0.65, 1.0)
TRAIL: Color = (0.90, 0.45, 0.10, 1.0)
TEXT: Color = (0.10, 0.10, 0.12, 1.0)
FLOOR: Color = (0.93, 0.93, 0.91, 1.0)
WALL: Color = (0.42, 0.48, 0.56, 1.0)
CHASM: Color = (0.25, 0.18, 0.18, 1.0)
GRID: Color = (0.74, 0.75, 0.76, 1.0)
APPLE: Color = (0.45, 0.70, 0.15, 1.0)
BOMB: Color = (0.75, 0.10, 0.10, 1.0)
OTHER: Color = (0.85, 0.45, 0.25, 1.0)


def of_level(level: int) -> Color:
    """Colour of the subgoals of a level, from 0, which feeds the worker."""
    return (SUBGOAL, *_HIGHER)[min(level, len(_HIGHER))]


def of_skill(number: int) -> Color:
    """Colour of a skill, or of a leaf of a tree, by its number in a subgoal."""
    return _SKILLS[number % len(_SKILLS)]


def faded(color: Color, alpha: float) -> Color:
    """Return the colour, see-through."""
    return (*color[:3], alpha)


def hexadecimal(color: Color) -> str:
    """``#rrggbb``, as pages and figures write it."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in color[:3])
