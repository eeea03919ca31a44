"""Flat policies as a whole: every switch of every learner counts, and what does not fit is refused."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrl_core.algorithms.flat.bonus import BONUSES, make_bonus
from hrl_core.algorithms.flat.config import (
    DDPGFlatConfig,
    DQNFlatConfig,
    FlatConfig,
    OnPolicyFlatConfig,
    SACFlatConfig,
)
from hrl_core.algorithms.flat.learner import hierarchy
from hrl_core.algorithms.flat.on_policy import OnPolicyAgent
from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError, TaskError
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.on_policy import Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.td3_config import TD3Config
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.evaluate import evaluate_checkpoint
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer

VECTORS = dataclasses.replace(load_task("point_maze"), max_episode_steps=30)
CHOICES = dataclasses.replace(load_task("grid_world"), max_episode_steps=30)
STORED: dict[str, Any] = dict(replay=400, worker_replay=400, learning_starts=20)
# A wide Huber loss: in its linear part a larger error would change nothing.
TD3 = TD3Config(hidden=(8, 8), batch_size=16, huber_delta=1e3, exploration_noise=0.3)
PPO = OnPolicyConfig(hidden=(8, 8), epochs=2, batch_size=20)
AGENTS = {
    "td3": FlatConfig(worker=TD3, **STORED),
    "sac": SACFlatConfig(worker=SACConfig(hidden=(8, 8), batch_size=16), **STORED),
    "ddpg": DDPGFlatConfig(worker=DDPGConfig(hidden=(8, 8), batch_size=16), **STORED),
    # A rate at which online and target network soon disagree, and gradients that are scaled down.
    "dqn": DQNFlatConfig(worker=DQNConfig((8, 8), 3e-2, batch_size=16, target_interval=5, gradient_norm=0.1), **STORED),
    "ppo": OnPolicyFlatConfig(worker=PPO, rollout_steps=60, bonus="first", bonus_weight=0.1),
}
OTHER = {
    "hidden": (8, 4),
    "batch_size": 5,
    "replay": 60,
    "worker_replay": 30,
    "learning_starts": 60,
    "random_steps": 60,
    "hindsight_goals": 1,
    "discount": 0.5,
    "policy_delay": 3,
    "huber_delta": 1e-3,
    "target_noise_clip": 0.01,
    "target_entropy": 3.0,
    "target_interval": 3,
    "reward_bounds": (-0.001, 0.001),
    "step": "natural",
    "activation": "relu",
    "optimiser": "rmsprop",
    "gae_lambda": 0.2,
    "epochs": 3,
    "clip": 0.001,
    "trust_region": 0.5,
    "advantage_floor": 100.0,
    "rollout_steps": 30,
    "bonus": "",
}
TESTED_ELSEWHERE = {
    "learner",  # the presets of each: test_every_algorithm.py
    "worker.fast",  # equal within rounding: test_td3.py
    "worker.products",  # the same: test_products.py
    "worker.device",  # the same: test_devices.py
    "worker.average_tau",  # changes evaluations only: test_td3.py
    "bonus_decay",  # from the first reward on: vime/test_bonus.py
    *(f"vime.{name}" for name in switches(VimeConfig())),  # later than the first batch: vime/test_bonus.py
}
NATURAL = {"worker.trust_region", "worker.damping"}
"""Of no effect but with a natural step."""


class FirstInput:
    """An intrinsic reward: the first number that is seen."""

    def bonus(self, batch):
        return batch.inputs[:, 0]

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        del state


def bonus(spec, config, seed):
    """As ``bonus.BONUSES`` asks for it."""
    del spec, config, seed
    return FirstInput()


@pytest.fixture(autouse=True)
def plugged_in(monkeypatch):
    monkeypatch.setitem(BONUSES, "first", __name__)


def run(agent, steps=96, num_envs=3, **change):
    task = CHOICES if isinstance(agent, DQNFlatConfig) else VECTORS
    config = TrainConfig(algorithm="flat", agent=agent, steps=steps, num_envs=num_envs, **change)
    made = Trainer(task, config, VectorEnv(task, num_envs, 0), None, Path("unused"), 0)
    while made.env_steps < steps:
        made.iterate()
    return made


@functools.cache
def trained(agent):
    return np.concatenate([array.ravel() for array in acting_weights(run(agent).learner.levels()).values()])


@pytest.mark.parametrize(
    ("learner", "name"),
    [(learner, name) for learner, agent in AGENTS.items() for name in sorted(set(switches(agent)) - TESTED_ELSEWHERE)],
)
def test_every_switch_has_an_effect(learner, name):
    agent = AGENTS[learner]
    if name == "hindsight_goals":
        agent = dataclasses.replace(agent, her=True)
    if name in NATURAL:
        agent = dataclasses.replace(agent, worker=dataclasses.replace(PPO, step="natural"))
    level, _, last = name.rpartition(".")
    current = switches(agent)[name]
    new = OTHER[last] if last in OTHER else not current if isinstance(current, bool) else current * 2 + 0.1
    base = TrainConfig(algorithm="flat", agent=agent)
    changed = base.changed({level: {last: new}} if level else {last: new}).agent
    one, other = trained(agent), trained(changed)
    assert one.shape != other.shape or not np.array_equal(one, other)


@pytest.mark.parametrize("learner", ["td3", "ddpg", "dqn"])
def test_policies_that_draw_nothing_act_alike_in_batches_and_by_sessions(learner):
    policy = run(AGENTS[learner]).checkpoint({})
    envs = VectorEnv(policy.task, 4, 9)
    (one,), (other,) = (
        evaluate_checkpoint(dataclasses.replace(policy, evaluation=how), envs) for how in ("greedy", "sampled")
    )
    assert one.episode_return == pytest.approx(other.episode_return, rel=1e-4)


def test_sampled_evaluation_draws():
    policy = run(AGENTS["ppo"], evaluation="sampled").checkpoint({})
    assert policy.evaluation == "sampled"
    envs = VectorEnv(VECTORS, 4, 9)
    (drawn,) = evaluate_checkpoint(policy, envs)
    (greedy,) = evaluate_checkpoint(dataclasses.replace(policy, evaluation="greedy"), envs)
    assert drawn.episode_return != greedy.episode_return
    assert [drawn] == evaluate_checkpoint(policy, envs), "the same numbers every time"


def test_a_bonus_is_added_with_its_weight_and_told(monkeypatch):
    agent = OnPolicyAgent(VECTORS, AGENTS["ppo"], 0)
    zeros, flags = np.zeros((2, agent.shape.input_dim), np.float32), np.ones(2, np.bool_)
    inputs = zeros + np.array([[3.0], [-1.0]], np.float32)
    rewards, actions = np.array([1.0, 2.0], np.float32), np.zeros((2, len(VECTORS.action)), np.float32)
    learned = []
    monkeypatch.setattr(agent.worker, "update", lambda rollout: learned.append(rollout) or {})
    told = agent.learn(Rollout(inputs, actions, rewards, zeros, flags, flags))
    np.testing.assert_allclose(learned[0].rewards, [1.3, 1.9], rtol=1e-6)
    assert told.metrics == {"reward": 1.5, "bonus": 1.0, "bonus_weight": 0.1}
    with pytest.raises(HrlError, match="unknown bonus 'furst'; did you mean first"):
        make_bonus(OnPolicyFlatConfig(bonus="furst"), VECTORS, 0)


@pytest.mark.parametrize(
    ("learner", "task", "message"),
    [
        ("td3", CHOICES, "learns actions that are vectors; .* --learner dqn, ppo or a2c"),
        ("sac", CHOICES, "learns actions that are vectors"),
        ("ddpg", CHOICES, "learns actions that are vectors"),
        ("dqn", VECTORS, "learner dqn learns choices; the actions of task 'point_maze' are vectors"),
    ],
)
def test_actions_of_another_kind_are_refused(learner, task, message):
    with pytest.raises(TaskError, match=message):
        hierarchy(task, AGENTS[learner])


def test_presets_are_found_by_learner_and_refused_by_name():
    assert preset(algorithm="flat").agent.learner == "td3"
    assert preset("fast", "flat", "td3").agent.worker.hidden == (256, 256)
    for learner in ("sac", "ddpg", "dqn", "ppo", "a2c"):
        assert preset(algorithm="flat", learner=learner).agent.learner == learner
    for words, message in (
        (
            ("", "flat", "sack"),
            "'sack'; did you mean sac.*: choose one of td3, sac, ddpg, dqn, ppo, a2c",
        ),
        (("fast", "flat", "sac"), "unknown preset 'fast'.*: choose one of sac"),
        (("", "hiro", "sac"), "unknown learner 'sac': hiro has no choice of learners"),
    ):
        with pytest.raises(HrlError, match=message):
            preset(*words)
