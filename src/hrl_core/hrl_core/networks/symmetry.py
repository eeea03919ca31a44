"""The ant's four-fold symmetry: turned by a quarter, with its legs renamed, it is the same robot.

A quarter turn maps the legs 1 -> 2 -> 3 -> 4 -> 1; the ankle's sign flips from 1 to 2 and from 3 to 4,
because the model gives these legs opposite joint ranges. Vectors, the vector part of the quaternion and the
angular velocity turn alike (checked against the simulator in the tests). A worker
that sees every situation turned until the subgoal lies within 45 degrees of +x needs one gait instead of
four.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from hrl_core.errors import TaskError
from hrl_core.task.spec import TaskSpec
from hrl_core.typed_fields import Index, Must

_TURNS = 4
_LEGS = 4
_VECTORS = (("x", "y"), ("qx", "qy"), ("vx", "vy"), ("wx", "wy"))
_JOINT = re.compile(r"(hip|ankle)_([1-4])(_rate|_command_\d+)?")
_FLIPPED_ANKLES = (2, 4)
"""Legs whose ankle angle changes sign when the turn arrives at them."""

_Sign = Annotated[int, Must(lambda sign: sign in (1, -1), "1 or -1")]
SignedIndex = tuple[Index, _Sign]
"""(source element, sign): element i of the turned vector is sign * vector[source]."""


@dataclass(frozen=True)
class QuarterTurn:
    """How inputs and outputs of a policy change when the world turns by +90 degrees about the vertical."""

    inputs: tuple[SignedIndex, ...]
    outputs: tuple[SignedIndex, ...]
    heading: tuple[Index, Index]
    """Input elements (x, y) of the vector that is brought within 45 degrees of +x."""


def worker_quarter_turn(task: TaskSpec, subgoal: Sequence[str]) -> QuarterTurn:
    """The symmetry of a worker's input (observation, then subgoal) and action.

    Args:
        task: names observation and action.
        subgoal: names of the subgoal's elements.

    Raises:
        TaskError: the subgoal has no x, y to turn by.
    """
    observation = [element.name for element in task.observation]
    subgoal = list(subgoal)
    if not {"x", "y"} <= set(subgoal):
        raise TaskError(f"task '{task.name}': the four-fold symmetry needs x and y in the subgoal, it has {subgoal}")
    offset = len(observation)
    inputs = _turned(observation) + [(offset + source, sign) for source, sign in _turned(subgoal)]
    heading = (offset + subgoal.index("x"), offset + subgoal.index("y"))
    return QuarterTurn(tuple(inputs), tuple(_turned([a.name for a in task.action])), heading)


def _turned(names: Sequence[str]) -> list[SignedIndex]:
    """Signed source of each element after a quarter turn: (x, y) becomes (-y, x)."""
    result: list[SignedIndex] = []
    partner = {y: (x, 1) for x, y in _VECTORS} | {x: (y, -1) for x, y in _VECTORS}
    for i, name in enumerate(names):
        joint = _JOINT.fullmatch(name)
        if name in partner:
            source, sign = partner[name]
            result.append((names.index(source), sign))
        elif joint is not None:
            kind, leg, what = joint[1], int(joint[2]), joint[3] or ""
            before = (leg - 2) % _LEGS + 1
            sign = -1 if kind == "ankle" and leg in _FLIPPED_ANKLES else 1
            result.append((names.index(f"{kind}_{before}{what}"), sign))
        else:
            result.append((i, 1))
    return result


def turn_tables(turn: Sequence[SignedIndex]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Sources and signs of 0, 1, 2, 3 quarter turns, each (4, n): turned = signs[k] * vector[sources[k]]."""
    sources = [np.arange(len(turn))]
    signs = [np.ones(len(turn), np.float32)]
    once_source = np.array([source for source, _ in turn], dtype=np.int64)
    once_sign = np.array([sign for _, sign in turn], dtype=np.float32)
    for _ in range(_TURNS - 1):
        signs.append(once_sign * signs[-1][once_source])
        sources.append(sources[-1][once_source])
    return np.stack(sources), np.stack(signs)


def sector(x: float, y: float) -> int:
    """Quarter turns from +x to the axis nearest to (x, y); comparisons only, so that all callers agree."""
    if abs(y) <= abs(x):
        return 0 if x >= 0 else 2
    return 1 if y > 0 else 3
