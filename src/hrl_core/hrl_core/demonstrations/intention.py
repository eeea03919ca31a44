"""What an expert wants to do now."""

from typing import NamedTuple

from hrl_core.messages import Vector


class Intention(NamedTuple):
    """An action, and how exactly it must be done."""

    action: Vector
    """Shape (action_dim,), units of the task."""
    noise: float = 1.0
    """Share of a demonstration's noise that it bears: less where a slip undoes what has been done, as in a grip."""
