"""One joint in the YAML file of a robot."""

import math
from dataclasses import dataclass
from typing import Annotated

from hrl_core.control.safety import BEHAVIOURS
from hrl_core.typed_fields import FieldError, Finite, Must, Name, NotNegative, Positive, one_of, require_fields

_Limit = Annotated[float, Must(lambda x: x > 0, "a number above 0")]
_SIGNS = (1.0, -1.0)


@dataclass(frozen=True)
class JointConfig:
    """One joint of the task and what it is on the robot."""

    name: Name
    """The robot's name of it."""
    position: tuple[Finite, Finite]
    """Limits of a plausible position, task units [rad]."""
    sign: Annotated[float, Must(lambda sign: sign in _SIGNS, "1 or -1")] = 1.0
    offset: Finite = 0.0
    """Robot position where the task's is 0 [rad]."""
    scale: Positive = 1.0
    """Robot position per task position; efforts scale by the inverse."""
    effort: _Limit = math.inf
    """Greatest magnitude of the command in task units, if that is less than the task's."""
    rate: _Limit = math.inf
    """Greatest change of the command per second, task units."""
    unit: Positive = 1.0
    """What an action of 1 stands for, in the unit of the interface on the task's side [N m, rad/s, rad]."""
    safe: Annotated[str, one_of(BEHAVIOURS)] | None = None
    """Of the joint; None: ``zero``, or ``hold`` where commands are positions (``RobotConfig.safe_of``)."""
    damping: NotNegative = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        require_fields(self)
        low, high = self.position
        if not low < high:
            raise FieldError(("position",), f"must be [low, high] with low below high, got {low:g} and {high:g}")
        if (self.safe == "damping") != (self.damping > 0):
            told = f"{f'safe: {self.safe}' if self.safe else 'no safe'} with damping: {self.damping:g}"
            raise FieldError(("damping",), f"must be above 0 with safe: damping, and left out otherwise, got {told}")
