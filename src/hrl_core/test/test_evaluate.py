"""Evaluating a policy that draws: every episode draws for itself."""

import dataclasses

import numpy as np
import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.checkpoints.manifest import GREEDY, SAMPLED
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import evaluate_checkpoint

TASK = dataclasses.replace(load_task("four_rooms_point"), max_episode_steps=10)
SKILLS = HierarchySpec((LevelSpec("ways", "skill", skills=("one", "other"), horizon=0, worker_may_terminate=True),))


class Told(VectorEnv):
    """Environments that remember the actions they were told, the episodes all beginning in one place."""

    def __init__(self, episodes):
        self.told = []
        super().__init__(TASK, episodes, seed=3)

    def restart(self):
        super().restart()
        self.states[:] = 0.0

    def step(self, actions):
        self.told.append(actions.copy())
        return super().step(actions)


@pytest.mark.parametrize("hierarchy", [FLAT, SKILLS], ids=["flat", "skills"])
@pytest.mark.parametrize("evaluation", [GREEDY, SAMPLED])
def test_episodes_that_begin_alike_differ_where_the_policy_draws_and_nowhere_else(hierarchy, evaluation):
    policy = dataclasses.replace(random_checkpoint(TASK, 1, hierarchy=hierarchy), evaluation=evaluation)
    outcomes = []
    for _ in range(2):
        envs = Told(20)
        outcomes.append(evaluate_checkpoint(policy, envs))
        first = envs.told[0][:, 0]
        assert (len(np.unique(first)) > 1) == (evaluation == SAMPLED)
    assert outcomes[0] == outcomes[1], "every call sees the same episodes"
