"""A worker that demonstrates: what an expert intends, and noise on it, so that mistakes and their mending are shown."""

from hrl_core.demonstrations import expert_of
from hrl_core.hierarchy.policies import ActionChoice
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.messages import Vector
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec


class Demonstrator:
    """Acts in the place of a policy that pursues the task goal.

    Noise is added on purpose, whatever the episode is for (DART, arXiv 1703.09327), and both are told.
    """

    def __init__(self, task: TaskSpec, noise: float, version: int = 0) -> None:
        """Take the expert of the task.

        Args:
            task: the task.
            noise: standard deviation [half-ranges].
            version: of the policy in whose place it acts.

        Raises:
            HrlError: the task has no expert.
        """
        self.version, self._task, self._expert = version, task, expert_of(task)
        self._sigma = noise * (task.action_high - task.action_low) / 2

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Demonstrate a step."""
        low, high = self._task.action_low, self._task.action_high
        intended = self._expert(state, task.vector.astype(float)).clip(low, high)
        value = intended + self._sigma * draws.rng.standard_normal(len(low))
        return ActionChoice(value.clip(low, high), intended=intended)

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Never."""
        del state, task, draws
        return False
