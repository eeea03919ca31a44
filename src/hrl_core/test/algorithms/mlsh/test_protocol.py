"""Fresh masters, and skills alone."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.algorithms.mlsh.protocol import by_goal, fresh_masters, skill_alone
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.checkpoints.checkpoint import save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.text import load_task

BANDITS = load_task("movement_bandits")
SMALL = OnPolicyConfig(hidden=(4,), lr=0.05)
CONFIG = MlshConfig(horizon=10, groups=4, worker=SMALL, manager=SMALL)
EAST, WEST = 1, 2


@pytest.fixture
def policy():
    """Its first skill goes east, its second one west, whatever it sees."""
    levels = MlshLearner(BANDITS, CONFIG, VectorEnv(BANDITS, 4, 0), 0).levels()
    weights = levels["worker"].weights
    for array in weights.values():
        array[:] = 0
    weights["layers.1.bias"][0, EAST] = weights["layers.1.bias"][1, WEST] = 50.0
    return untrained_checkpoint("mlsh", BANDITS, hierarchy(BANDITS, CONFIG), levels, 0)


def test_a_skill_alone_does_what_it_does(policy):
    envs = VectorEnv(BANDITS, 3, 0, goals=[(0.0,)] * 3)
    for skill, end in ((0, 0.875), (1, 0.0675)):
        done = skill_alone(policy, envs, skill)
        np.testing.assert_allclose(done.states[-1, :, :2], [[end, 0.5]] * 3)
        # It is there for as long as its way passes the first place.
        way = np.clip(0.5 + 0.05 * np.arange(1, 51) * (1 if skill == 0 else -1), 0.0675, 0.875)
        ways = np.hypot(done.states[-1, :, 2, None] - way, done.states[-1, :, 3, None] - 0.5)
        assert done.returns.tolist() == (ways <= 0.125).sum(axis=1).tolist()
        assert not done.terminated.any()


def test_fresh_masters_have_the_tasks_alike_and_learn_which_skill_is_paid(policy, tmp_path):
    save_checkpoint(policy, tmp_path / "policy")
    envs = VectorEnv(BANDITS, 40, 1)

    class Eastern:
        """East is paid for those with the first place, west for those with the second."""

        def __getattr__(self, name):
            return getattr(envs, name)

        def step(self, actions):
            step = envs.step(actions)
            paid = np.where(envs.goals[:, 0] == 0, actions[:, 0] == EAST, actions[:, 0] == WEST)
            return step._replace(rewards=paid.astype(np.float64))

    config = dataclasses.replace(CONFIG, rollout_steps=50)
    paying: Any = Eastern()
    fresh = fresh_masters(BANDITS, config, paying, str(tmp_path / "policy"), 4, seed=3)
    assert fresh.returns.shape == (5, 4)
    assert {goal: part.shape for goal, part in by_goal(fresh.goals, fresh.returns).items()} == {
        (0.0,): (5, 2),
        (1.0,): (5, 2),
    }
    assert (fresh.returns[0] < 40).all()
    assert (fresh.returns[-1] > 45).all()
