"""Skills become different by themselves: in the Four Rooms they are worth more than any single policy could be."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms.mlsh.protocol import skill_alone
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer

ONE_POLICY = 97.2 / 4
"""Who is not told the goal does best to stay at the one that is easiest to stay at."""


@pytest.mark.learning
@pytest.mark.timeout(900)
def test_skills_of_the_four_rooms_are_worth_more_than_one_policy(tmp_path):
    task = load_task("four_rooms_multi")
    config = dataclasses.replace(preset(algorithm="mlsh", task=task.name), steps=960_000, evaluation_interval=960_000)
    evaluation = VectorEnv(task, 1, 2, goals=task.evaluation_goals[:1])
    Trainer(task, config, VectorEnv(task, config.num_envs, 0), evaluation, tmp_path / "run", 0).run()
    policy = load_checkpoint(tmp_path / "run" / "last")
    earned = [
        max(skill_alone(policy, VectorEnv(task, 10, 3, goals=[goal] * 10), k).returns.mean() for k in range(4))
        for goal in task.evaluation_goals
    ]
    assert np.mean(earned) > 1.2 * ONE_POLICY, earned
