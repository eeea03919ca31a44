"""Evaluating a policy that draws: every episode draws for itself."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint
from hrl_core.checkpoints.manifest import GREEDY, SAMPLED
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import FLAT, HierarchySpec, LevelSpec
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import evaluate_checkpoint

SHIPPED = Path(__file__).parents[2] / "hrl" / "policies"
TASK = dataclasses.replace(load_task("four_rooms_point"), max_episode_steps=10)
SKILLS = HierarchySpec((LevelSpec("ways", "skill", skills=("one", "other"), horizon=0, worker_may_terminate=True),))


class Told(VectorEnv):
    """Environments that remember the actions they were told, the episodes all beginning in one place."""

    def __init__(self, episodes, seed=3):
        self.told = []
        super().__init__(TASK, episodes, seed=seed)

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


@pytest.mark.parametrize("evaluation", [GREEDY, SAMPLED])
def test_episodes_of_another_seed_draw_other_numbers(evaluation):
    """Those that report are none of those that chose, also where all begin in one place."""
    policy = dataclasses.replace(random_checkpoint(TASK, 1, hierarchy=FLAT), evaluation=evaluation)
    told = []
    for seed in (1_000_003, 3_000_017):
        envs = Told(20, seed)
        evaluate_checkpoint(policy, envs)
        told.append(envs.told[0])
    assert np.array_equal(*told) == (evaluation == GREEDY)


@pytest.mark.parametrize("name", ["lstm_tmaze", "fun_tmaze"])
def test_a_policy_that_remembers_is_evaluated_by_its_sessions_also_where_it_is_greedy(name):
    policy = load_checkpoint(SHIPPED / name)
    greedy = dataclasses.replace(policy, evaluation=GREEDY)
    (result,) = evaluate_checkpoint(greedy, VectorEnv(policy.task, 2, seed=0))
    assert result.episodes == 2
