"""Flat TD3 as a whole: every switch counts."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest

from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.envs.vector import VectorEnv
from hrl_core.learners.td3_config import TD3Config
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.trainer import Trainer

TASK = dataclasses.replace(load_task("point_maze"), max_episode_steps=30)
# A wide Huber loss: in its linear part a larger error would change nothing.
WORKER = TD3Config(hidden=(8, 8), batch_size=16, huber_delta=1e3, exploration_noise=0.3)
CONFIG = TrainConfig(
    algorithm="flat",
    agent=FlatConfig(worker=WORKER, replay=400, worker_replay=400, learning_starts=20),
    steps=150,
    num_envs=3,
)
OTHER = {
    "hidden": (8, 4),
    "batch_size": 5,
    "replay": 60,
    "worker_replay": 30,
    "learning_starts": 60,
    "discount": 0.5,
    "policy_delay": 3,
    "huber_delta": 1e-3,
    "target_noise_clip": 0.01,
    "reward_bounds": (-0.001, 0.001),
}
TESTED_ELSEWHERE = {
    "worker.fast",  # equal within rounding: test_td3.py
    "worker.average_tau",  # changes evaluations only: test_td3.py
}


@functools.cache
def trained(config):
    goals = [TASK.evaluation_goals[0]]
    envs = VectorEnv(TASK, config.num_envs, 0)
    run = Trainer(TASK, config, envs, VectorEnv(TASK, 1, 1, goals=goals), Path("unused"), 0)
    while run.env_steps < config.steps:
        run.iterate()
    return np.concatenate([array.ravel() for array in acting_weights(run.learner.levels()).values()])


@pytest.mark.parametrize("name", sorted(set(switches(CONFIG.agent)) - TESTED_ELSEWHERE))
def test_every_switch_has_an_effect(name):
    level, _, last = name.rpartition(".")
    current = switches(CONFIG.agent)[name]
    new = OTHER[last] if last in OTHER else not current if isinstance(current, bool) else current * 2 + 0.1
    one, other = trained(CONFIG), trained(CONFIG.changed({level: {last: new}} if level else {last: new}))
    assert one.shape != other.shape or not np.array_equal(one, other)
