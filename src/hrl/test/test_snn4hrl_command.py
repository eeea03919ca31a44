"""``hrl train --algorithm snn4hrl``: skills, then a manager over them, then policies that are evaluated and played."""

import json

import numpy as np
import pytest

from hrl import cli
from hrl.commands.train_arguments import parse_training
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.checkpoints.manifest import GREEDY, SAMPLED

SMALL = (
    "--algorithm snn4hrl --skills 3 --num_envs 6 --worker.hidden 8 --worker.epochs 1 --manager.hidden 8 "
    "--evaluation_episodes 2 --seed 3"
).split()


def test_each_of_its_tasks_has_a_preset_of_its_own() -> None:
    for task, evaluation in (("point_field", SAMPLED), ("PointMazeSparse", GREEDY), ("AntField", SAMPLED)):
        request = parse_training(["--algorithm", "snn4hrl", "--task", task, "--out", "somewhere"])
        assert request.config.evaluation == evaluation


def test_skills_of_one_run_serve_the_manager_of_another(tmp_path, capsys) -> None:
    skills, manager = tmp_path / "skills", tmp_path / "manager"
    words = [*SMALL, *"--task point_field --steps 600 --evaluation_interval 300".split()]
    assert cli.main(["train", *words, "--out", str(skills)]) == 0
    assert list(load_checkpoint(skills / "last").actors) == ["worker", "worker_value", "manager"]
    assert cli.main(["rollout", "--policy", str(skills), "--episodes", "1", "--json"]) == 0
    kept = ["--task", "point_maze_sparse", "--frozen_skills", str(skills / "last")]
    words = [*SMALL, *kept, *"--steps 3000 --evaluation_interval 3000".split()]
    assert cli.main(["train", *words, "--out", str(manager)]) == 0
    old, new = load_checkpoint(skills / "last"), load_checkpoint(manager / "last")
    same = {name for name, weights in old.weights.items() if np.array_equal(new.weights[name], weights)}
    assert same == {name for name in old.weights if name.startswith("worker")}
    capsys.readouterr()
    assert cli.main(["evaluate", "--checkpoint", str(manager), "--episodes", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 1
    assert cli.main(["train", "--resume", str(manager), *words]) == 0
    assert "nothing is left to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "point_field", "--skills", "4"], "num_envs 6 cannot be dealt among 4 skills"),
        (["--task", "point_field", "--position", "z"], "position: 'z' is no element of the observation"),
        (["--task", "point_field", "--cell", "0"], "cell: above 0"),
        (["--task", "point_maze_sparse", "--frozen_skills", "nowhere"], "nowhere"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_written(tmp_path, capsys, words, message) -> None:
    assert cli.main(["train", *SMALL, *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_it_does_not_learn_from_recordings_and_says_why(tmp_path, capsys) -> None:
    words = ["--algorithm", "snn4hrl", "--from-bags", str(tmp_path), "--out", str(tmp_path / "run")]
    assert cli.main(["train", *words]) == 2
    assert "'snn4hrl' does not learn from recordings, since skills are paid by" in capsys.readouterr().err
