"""Skills become different by themselves: each place of the bandits has a skill that goes there."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms.mlsh.protocol import skill_alone
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer


@pytest.mark.learning
@pytest.mark.timeout(900)
def test_skills_of_movement_bandits_share_the_places_among_them(tmp_path):
    task = load_task("movement_bandits")
    config = dataclasses.replace(preset(algorithm="mlsh", task=task.name), steps=990_000, evaluation_interval=990_000)
    evaluation = VectorEnv(task, 1, 2, goals=task.evaluation_goals[:1])
    Trainer(task, config, VectorEnv(task, config.num_envs, 0), evaluation, tmp_path / "run", 0).run()
    policy = load_checkpoint(tmp_path / "run" / "last")
    earned = np.array(
        [
            [skill_alone(policy, VectorEnv(task, 40, 3, goals=[goal] * 40), skill).returns.mean() for skill in range(2)]
            for goal in task.evaluation_goals
        ]
    )
    # Random moves earn 4, the straight way 45; one skill that went to either place would be half as good on both.
    assert earned.max(axis=1).min() > 30, earned
    assert earned.min() < 10, earned
    assert set(earned.argmax(axis=1)) == {0, 1}, earned
