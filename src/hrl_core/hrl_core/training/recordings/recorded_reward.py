"""The reward of a recorded task, without its environment: the rule that gives all recorded rewards again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode
from hrl_core.task.spec import TaskSpec

Rule = Callable[[npt.NDArray, npt.NDArray], npt.NDArray]
"""Reward of achieved goals under desired ones, (..., goal_dim) each."""


class RecordedReward:
    """Minus the distance to the goal, -1 until success, or minus the groups that are not in place.

    Whichever agrees with all episodes so far.
    """

    def __init__(self, spec: TaskSpec) -> None:
        """Start from the evaluation goals of the task; an empty box of goals without them."""
        goals = np.array(spec.evaluation_goals, dtype=np.float64).reshape(len(spec.evaluation_goals), len(spec.goal))
        self._low, self._high = goals.min(axis=0, initial=np.inf), goals.max(axis=0, initial=-np.inf)
        rules: list[Rule] = [_minus_distance]
        if not spec.own_success:
            rules.append(lambda achieved, desired: spec.success_holds(achieved, desired) - 1.0)
        if spec.success.groups:
            rules.append(lambda achieved, desired: _minus_missing(spec, achieved, desired))
        self._rules = dict(enumerate(rules))
        """Those that are left, by number."""

    @property
    def goal_box(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Corners of the box that goals were drawn from, (goal_dim,) each."""
        return self._low, self._high

    @property
    def known(self) -> bool:
        """Whether a rule is left; only then can task goals be relabelled."""
        return bool(self._rules)

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """By the first rule that is left; batches along leading axes."""
        return next(iter(self._rules.values()))(achieved_goal, desired_goal)

    def learn(self, episodes: Iterable[BagEpisode]) -> None:
        """Widen the box to the goals of ``episodes`` and drop the rules that their rewards do not follow."""
        for episode in episodes:
            self._low = np.minimum(self._low, episode.desired_goals.min(axis=0))
            self._high = np.maximum(self._high, episode.desired_goals.max(axis=0))
            lived = episode.achieved_goals[1:], episode.desired_goals[:-1]
            self._rules = {
                number: rule
                for number, rule in self._rules.items()
                if np.allclose(rule(*lived), episode.rewards, rtol=1e-6, atol=1e-6)
            }

    def state_dict(self) -> dict[str, Any]:
        """The box, and the rules that are left."""
        return {"low": self._low, "high": self._high, "rules": list(self._rules)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._low, self._high = state["low"], state["high"]
        self._rules = {number: rule for number, rule in self._rules.items() if number in state["rules"]}


def _minus_distance(achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray:
    return -np.linalg.norm(achieved - desired, axis=-1)


def _minus_missing(spec: TaskSpec, achieved: npt.NDArray, desired: npt.NDArray) -> npt.NDArray:
    return -spec.out_of_place(achieved, desired).astype(float)
