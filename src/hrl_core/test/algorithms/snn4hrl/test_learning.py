"""Skills come apart, and a manager over them finds what single actions never would."""

import dataclasses
import json

import pytest

from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer


@pytest.mark.learning
@pytest.mark.timeout(900)
def test_skills_come_apart_and_a_manager_over_them_gets_through_the_sparse_maze(tmp_path):
    told, skills = {}, str(tmp_path / "point_field" / "last")
    for task, steps, kept in (("point_field", 360_000, ""), ("point_maze_sparse", 480_000, skills)):
        spec, chosen = load_task(task), preset(algorithm="snn4hrl", task=task)
        agent = dataclasses.replace(chosen.agent, frozen_skills=kept)
        config = dataclasses.replace(chosen, agent=agent, steps=steps, evaluation_interval=steps // 6)
        evaluation = VectorEnv(spec, 50, 2, goals=spec.evaluation_goals * 50)
        Trainer(spec, config, VectorEnv(spec, config.num_envs, 0), evaluation, tmp_path / task, 0).run()
        told[task] = json.loads((tmp_path / task / "metrics.jsonl").read_text().splitlines()[-1])
    # Means over the last sixth.
    assert told["point_field"]["worker/information"] >= 1.5
    assert told["point_field"]["worker/reward"] >= 0.9
    assert told["point_maze_sparse"]["evaluation/0_8/success_rate"] >= 0.95
