"""A group: environments that share a task, and the master that learns it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.skill_shapes import Shapes
from hrl_core.learners.on_policy import OnPolicy
from hrl_core.prefixed import below
from hrl_core.randomness import Purpose, step_seed

Goal = tuple[float, ...]


class Group:
    """One master, the task that it is for, and how far it is with it."""

    def __init__(self, number: int, config: MlshConfig, shapes: Shapes, goals: Sequence[Goal], seed: int) -> None:
        """Begin with the first task.

        Args:
            number: of the group.
            config: the switches.
            shapes: of masters.
            goals: the tasks, which are taken in turn; none: there is but one.
            seed: of the run.
        """
        self._number, self._config, self._shapes, self._goals, self._seed = number, config, shapes, goals, seed
        # Group g of G begins its first task g (W + U) / G updates late: until then its master warms up.
        late = config.staggered and not config.frozen_skills
        self.clock = -(number * config.period // config.groups) if late else 0
        self.tasks = 0
        self.master = self._new_master()

    @property
    def goal(self) -> Goal:
        """The task, which neither master nor skills see."""
        return self._goals[(self._number + self.tasks) % len(self._goals)] if self._goals else ()

    @property
    def first_goal(self) -> Goal:
        """The first of all tasks."""
        return self._goals[0] if self._goals else ()

    @property
    def joint(self) -> bool:
        """Whether the skills learn from it: not while its master is warming up."""
        return self.clock >= self._config.warmup and not self._config.frozen_skills

    def go_on(self) -> bool:
        """Begin the next task, with a new master, if this one has had its time; whether it has."""
        if self._config.frozen_skills or self.clock < self._config.period:
            return False
        self.clock, self.tasks = 0, self.tasks + 1
        self.master = self._new_master()
        return True

    def _new_master(self) -> OnPolicy:
        """Weights, moments of the optimiser and their count anew: nothing of an earlier task is left."""
        seed = step_seed(self._seed, Purpose.MASTER, 0, self._number, self.tasks)
        return OnPolicy(self._config.manager, *self._shapes, torch.Generator().manual_seed(seed))

    def state_dict(self) -> dict[str, Any]:
        """The master, and how far it is."""
        master = {f"master.{name}": part for name, part in self.master.state_dict().items()}
        return {**master, "clock": self.clock, "tasks": self.tasks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.clock, self.tasks = state["clock"], state["tasks"]
        self.master = self._new_master()
        self.master.load_state_dict(below("master.", state))
