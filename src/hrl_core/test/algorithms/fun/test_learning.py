"""FuN remembers: the sign at the beginning of a corridor decides about the turn at its end."""

import dataclasses
import json

import pytest

from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.trainer import Trainer


@pytest.mark.learning
@pytest.mark.timeout(900)
def test_the_sign_of_the_t_maze_is_remembered_to_its_end(tmp_path):
    task, chosen = load_task("t_maze"), preset(algorithm="fun")
    config = dataclasses.replace(chosen, steps=300_000, evaluation_interval=50_000)
    evaluation = VectorEnv(task, 50, 2)
    Trainer(task, config, VectorEnv(task, config.num_envs, 1), evaluation, tmp_path / "run", 1).run()
    told = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    # A turn by chance is right half of the time.
    assert told["worker/success"] >= 0.85
    assert told["evaluation/own_goals/success_rate"] >= 0.85
