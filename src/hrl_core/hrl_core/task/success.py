"""What a task calls success: near enough to the goal, as a whole, along every element, or group by group."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from hrl_core.typed_fields import (
    FieldError,
    Must,
    Name,
    NonEmpty,
    NotNegative,
    one_of,
    require_different,
    require_fields,
)

NORMS: Mapping[str, Callable[[npt.NDArray], npt.NDArray]] = {
    "l2": lambda way: np.sqrt(np.square(way).sum(axis=-1)),
    "l1": lambda way: np.abs(way).sum(axis=-1),
}
"""How long a way (..., goal_dim) is, (...,)."""
NEVER = -1.0
"""Radius of a task whose success is not a matter of distance."""
_Radius = Annotated[
    float,
    Must(lambda x: 0 <= x < math.inf or x == NEVER, "a finite number, 0 or above, or -1 where distance is no success"),
]


@dataclass(frozen=True)
class SuccessRule:
    """Success: the achieved goal lies within ``radius`` of the desired goal at the last step."""

    radius: _Radius
    """0: success is the environment's own word, ``info["is_success"]``; -1: success is not a matter of distance."""
    unit: Name
    norm: Annotated[str, one_of(tuple(NORMS))] = "l2"
    """How the way to the goal is measured: ``l2``, as the crow flies, or ``l1``, the sum along its elements."""
    tolerance: tuple[NotNegative, ...] = ()
    """Instead of a radius (-1): how far each element of the goal may be off, in its own unit."""
    ends_episode: bool = False
    """Whether the task is done with the first success: the episode terminates there."""
    groups: Mapping[Name, Annotated[tuple[Name, ...], NonEmpty]] = field(default_factory=dict)
    """Name -> elements of the goal: success is that every group for itself lies within ``radius``; none: all as one."""

    def __post_init__(self) -> None:
        """Refuse a radius that cannot be, a second one, or groups without one."""
        require_fields(self)
        if self.tolerance and self.radius != NEVER:
            raise FieldError(("tolerance",), f"takes the place of a radius: set radius to {NEVER:g}", self.tolerance)
        if self.norm != "l2" and self.radius <= 0:
            raise FieldError(("norm",), "needs a radius above 0: how long a way it is measured to be", self.norm)
        if self.groups and self.radius <= 0:
            raise FieldError(("groups",), "need a radius above 0, within which each of them is in place", self.groups)
        for name, elements in self.groups.items():
            require_different(elements, "groups", name)

    def require_elements(self, names: Sequence[str]) -> None:
        """Raise ``FieldError`` unless groups are of ``names``, the elements of the goal."""
        for group, elements in self.groups.items():
            for i, element in enumerate(elements):
                if element not in names:
                    problem = f"'{element}' is no element of the goal, which has {', '.join(names)}"
                    raise FieldError(("success", "groups", group, i), problem)

    def holds(self, achieved: npt.NDArray, desired: npt.NDArray, names: Sequence[str] = ()) -> npt.NDArray[np.bool_]:
        """Whether it holds for goals (..., goal_dim) each, (...,); never where it is the environment's own word.

        ``names`` are those of the elements of the goal, for a rule with groups.
        """
        if self.groups:
            return np.all(list(self.within(achieved, desired, names).values()), axis=0)
        if self.tolerance:
            return np.all(np.abs(achieved - desired) <= np.array(self.tolerance), axis=-1)
        return self._near(achieved, desired)

    def within(self, achieved: npt.NDArray, desired: npt.NDArray, names: Sequence[str]) -> dict[str, npt.NDArray]:
        """Which groups are in place, for goals (..., goal_dim) each with elements ``names``: name -> (...,)."""
        columns = {group: [names.index(element) for element in elements] for group, elements in self.groups.items()}
        return {group: self._near(achieved[..., part], desired[..., part]) for group, part in columns.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data; what has been added since is left out where it is not set, so that old tasks keep their hash."""
        plain = dataclasses.asdict(self)
        unset = dataclasses.asdict(SuccessRule(NEVER, self.unit))
        return {name: value for name, value in plain.items() if name in ("radius", "unit") or value != unset[name]}

    def ball(self, size: int) -> float:
        """Radius of the largest ball round a goal of ``size`` elements that counts as there all over."""
        return self.radius / size**0.5 if self.norm == "l1" else self.radius

    def _near(self, achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray[np.bool_]:
        return NORMS[self.norm](achieved - desired) <= (self.radius or NEVER)
