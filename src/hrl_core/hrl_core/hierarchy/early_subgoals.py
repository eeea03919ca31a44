"""Subgoals that come before the observation they are for: by the wall clock a manager does not wait for the worker."""

from hrl_core.messages import Observation, Subgoal, SubgoalKind

_MOST = 100
"""Kept of a level: a manager may hear observations much earlier than the worker, not for ever."""


class EarlySubgoals:
    """Those of one level."""

    def __init__(self) -> None:
        """Hold none."""
        self._held: list[Subgoal] = []
        """In the order of their numbers."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._held)

    def hold(self, subgoal: Subgoal) -> None:
        """Keep one for its observation; of many the newest, each once."""
        held = {(one.episode, one.seq): one for one in (*self._held, subgoal)}
        self._held = [held[key] for key in sorted(held)][-_MOST:]

    def take(self, observation: Observation) -> list[Subgoal]:
        """What is for an observation: the newest choice, and how it was confirmed; what is older is over."""
        due = [one for one in self._held if (one.episode, one.step) <= observation.key]
        self._held = self._held[len(due) :]
        choices = [k for k, one in enumerate(due) if one.kind != SubgoalKind.CONTINUE]
        return due[choices[-1] if choices else 0 :]
