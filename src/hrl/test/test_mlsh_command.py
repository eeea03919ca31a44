"""``hrl train --algorithm mlsh``: from the command to policies that are evaluated, rolled out, and learned over."""

import json

import pytest

from hrl import cli
from hrl.commands.train_arguments import parse_training
from hrl_core.checkpoints.checkpoint import load_checkpoint

SMALL = (
    "--algorithm mlsh --num_envs 4 --groups 2 --warmup 1 --joint 1 --worker.hidden 8 8 --worker.epochs 1 "
    "--manager.hidden 8 --evaluation_episodes 2"
).split()


def test_each_of_its_tasks_has_a_preset_of_its_own() -> None:
    for task, skills, name in (("FourRoomsMulti", 4, "four_rooms_multi"), ("movement_bandits", 2, "movement_bandits")):
        request = parse_training(["--algorithm", "mlsh", "--task", task, "--out", "somewhere"])
        assert (request.spec.name, request.config.agent.skills) == (name, skills)
    other = parse_training(
        ["--algorithm", "mlsh", "--task", "AntTwoWalks", "--preset", "movement_bandits", "--out", "x"]
    )
    assert other.config.agent.horizon == 10


def test_a_run_becomes_a_policy_and_its_skills_serve_a_fresh_master(tmp_path, capsys) -> None:
    run, master = tmp_path / "run", tmp_path / "master"
    words = [*SMALL, *"--steps 400 --evaluation_interval 200 --task movement_bandits --seed 3".split()]
    assert cli.main(["train", *words, "--out", str(run)]) == 0
    assert list(load_checkpoint(run / "best").actors) == ["worker", "worker_value", "manager", "manager_value"]
    capsys.readouterr()
    assert cli.main(["evaluate", "--checkpoint", str(run), "--episodes", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == len(
        load_checkpoint(run / "best").task.evaluation_goals
    )
    assert cli.main(["rollout", "--policy", str(run), "--episodes", "1", "--json"]) == 0
    assert cli.main(["train", "--resume", str(run), *words]) == 0
    assert "nothing is left to do" in capsys.readouterr().out
    kept = ["--frozen_skills", str(run / "last"), "--groups", "1", "--num_envs", "2"]
    assert cli.main(["train", *words, *kept, "--out", str(master)]) == 0
    old, new = load_checkpoint(run / "last"), load_checkpoint(master / "last")
    same = {name: (old.weights[name] == weights).all() for name, weights in new.weights.items()}
    assert all(same[name] for name in same if name.startswith("worker"))
    assert not same["manager.layers.0.weight"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "movement_bandits", "--groups", "3"], "num_envs 4 cannot be dealt among 3 groups"),
        (["--task", "grid_world"], "task 'grid_world' needs --task_goal with 2 numbers"),
        (["--task", "movement_bandits", "--frozen_skills", "nowhere"], "nowhere"),
        (["--task", "movement_bandits", "--skills", "0"], "skills, horizon, groups, warmup + joint: at least 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_written(tmp_path, capsys, words, message) -> None:
    assert cli.main(["train", *SMALL, *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_from_recordings_it_learns_a_master_only(tmp_path, capsys) -> None:
    words = ["--algorithm", "mlsh", "--task", "movement_bandits", "--from-bags", str(tmp_path)]
    assert cli.main(["train", *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "only a master over skills that stay as they are" in said
    assert len(said.strip().splitlines()) == 1
