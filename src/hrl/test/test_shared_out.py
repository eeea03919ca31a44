"""Work that is shared out comes to the same bits, whoever does it."""

import hashlib
import json
from pathlib import Path

import pytest

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task

pytestmark = pytest.mark.slow


def sha256(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.cluster
@pytest.mark.needs("ray")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("policy", ["flat_fetch_reach", "snn4hrl_point_maze_sparse", "option_critic_four_rooms_point"])
def test_a_policy_is_as_good_whoever_evaluates_it(policy, capsys):
    told = []
    for workers in ("0", "1", "2"):
        words = ["--checkpoint", policy, "--episodes", "150", "--workers", workers, "--json"]
        assert cli.main(["evaluate", *words]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0]["results"] == told[1]["results"] == told[2]["results"]
    assert sum(result["episodes"] for result in told[0]["results"]) >= 150


@pytest.mark.cluster
@pytest.mark.needs("ray")
@pytest.mark.timeout(300)
def test_bags_are_relabelled_alike_whoever_does_it(tmp_path, capsys):
    task = load_task("PointMaze")
    save_checkpoint(random_checkpoint(task, 1), tmp_path / "policy")
    for number in range(3):
        steps = task.max_episode_steps * (number + 1)
        write_recording(tmp_path / "bags" / f"bag_{number}", random_messages(task, steps))
    made = []
    for workers in ("0", "1", "2"):
        out = tmp_path / workers
        words = [str(tmp_path / "bags"), "--checkpoint", str(tmp_path / "policy"), "--workers", workers]
        assert cli.main(["relabel", *words, "--out", str(out)]) == 0
        made.append(sha256(out))
    assert made[0] == made[1] == made[2]
    assert len({Path(name).parent for name in made[0]}) == 3
    capsys.readouterr()
    assert cli.main(["relabel", *words, "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("already there") == 3
    assert sha256(out) == made[0]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--workers", "-1"], "--workers -1: must be 1 or more"),
        (["--cluster", "here"], "--cluster here: must be HOST:PORT"),
    ],
)
def test_impossible_workers_are_refused(words, why, capsys):
    assert cli.main(["evaluate", "--checkpoint", "hiro_ant_maze", *words]) == 2
    assert why in capsys.readouterr().err
