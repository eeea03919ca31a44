"""A worker that demonstrates: what an expert intends, and noise on it, so that mistakes and their mending are shown."""

import math

import numpy as np

from hrl_core.demonstrations import expert_of
from hrl_core.hierarchy.policies import ActionChoice
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Vector
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec

_FORGOTTEN = 0.01
"""Share of what a step drew at which it no longer counts."""


class Demonstrator:
    """Acts in the place of a policy that pursues the task goal.

    Noise is added on purpose, whatever the episode is for (DART, arXiv 1703.09327), and both are told.
    """

    def __init__(self, task: TaskSpec, noise: float, version: int = 0, correlation: float = 0.0) -> None:
        """Take the expert of the task.

        Args:
            task: the task.
            noise: standard deviation [half-ranges], where what is intended bears all of it.
            version: of the policy in whose place it acts.
            correlation: of the noise of one step with that of the next, from 0 to below 1.

        Raises:
            HrlError: the task has no expert.
        """
        self.version, self._task, self._expert = version, task, expert_of(task)
        self._sigma = noise * (task.action_high - task.action_low) / 2
        remembered = math.ceil(math.log(_FORGOTTEN) / math.log(correlation)) if correlation > 0 else 1
        self._shares = math.sqrt(1 - correlation**2) * correlation ** np.arange(remembered)

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Demonstrate a step."""
        low, high = self._task.action_low, self._task.action_high
        action, share = self._expert(state, task.vector.astype(float))
        intended = action.clip(low, high)
        value = intended + share * self._sigma * self._noise(draws, len(low))
        return ActionChoice(value.clip(low, high), intended=intended)

    def _noise(self, draws: Draws, size: int) -> Vector:
        """Noise of deviation 1: n_t = sum_k rho^k sqrt(1 - rho^2) eps_{t-k} (Ornstein-Uhlenbeck).

        Worked out anew from what each step drew, so that who is started again in mid-episode goes on with the same.
        """
        drawn = [draws.of_earlier(k).standard_normal(size) for k in range(min(len(self._shares), draws.step + 1))]
        return self._shares[: len(drawn)] @ np.array(drawn)

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False
