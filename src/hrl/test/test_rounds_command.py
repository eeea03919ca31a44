"""``hrl train --collectors``: the same bits come of any number of them, also if they are killed or the run resumed."""

import contextlib
import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from hrl import cli
from hrl.commands.collecting import make_collect
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import hierarchy_of
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.rounds.arithmetic import arithmetic
from hrl_core.training.rounds.blocks import Block
from hrl_core.training.rounds.config import RoundConfig

SMALL = (
    "--task PointMaze --num_envs 3 --round_blocks 2 --steps 6000 --evaluation_interval 3000 --evaluation_episodes 1 "
    "--evaluation_episodes_elsewhere 1 --checkpoint_interval 1500 --learning_starts 300 --worker_updates 0.2 "
    "--candidates 2 --products given --worker.hidden 8 8 --manager.hidden 8 8"
).split()
HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]
PATIENCE = 240


def on_a_cluster(test):
    for mark in (pytest.mark.cluster, pytest.mark.slow, pytest.mark.needs("ray"), pytest.mark.timeout(2 * PATIENCE)):
        test = mark(test)
    return test


def train(*words: str) -> int:
    return cli.main(["train", *words])


def policies(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*/weights.safetensors")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose episodes were collected by the process that learned from them."""
    folder = tmp_path_factory.mktemp("rounds") / "alone"
    assert train(*SMALL, "--collectors", "0", "--out", str(folder)) == 0
    return folder


@pytest.mark.parametrize(
    "words",
    [
        "--algorithm flat --learner td3 --task pendulum",
        "--algorithm option_critic --task four_rooms",
        "--algorithm hac --task mountain_car",
    ],
)
def test_whoever_learns_from_recordings_learns_by_rounds(words, tmp_path, capsys):
    few = "--num_envs 2 --round_blocks 1 --steps 300 --evaluation_episodes 1 --evaluation_episodes_elsewhere 1".split()
    assert train(*words.split(), *few, "--collectors", "0", "--out", str(tmp_path / "run")) == 0
    assert len(policies(tmp_path / "run")) == 2


def test_a_run_is_gone_on_with_by_its_folder(alone, capsys):
    assert train("--resume", str(alone)) == 0
    assert "is finished after 6000 steps" in capsys.readouterr().out
    assert train("--resume", str(alone), "--collectors", "0", "--round_blocks", "3") == 2
    assert "round_blocks: 3 != 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--collectors", "-1"], "--collectors -1: must be 1 or more"),
        (["--collectors", "0", "--cluster", "local"], "needs --collectors"),
        (["--collectors", "1", "--cluster", "nowhere"], "must be HOST:PORT"),
        (["--collectors", "0", "--algorithm", "tree"], "does not learn from recordings"),
        (["--collectors", "0", "--overlapp"], "did you mean"),
    ],
)
def test_impossible_words_are_refused(words, why, tmp_path, capsys):
    assert train(*words, "--out", str(tmp_path / "run")) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_machine_that_computes_otherwise_collects_no_exact_rounds():
    task = load_task("PointMaze")
    config = RoundConfig(preset("paper").changed({"num_envs": 1}))
    policy, block = random_checkpoint(task, 1, hierarchy=hierarchy_of(task)), Block(0, 1)
    other = arithmetic() | {"numpy": "0.1"}
    with pytest.raises(HrlError, match=r"numpy .* != 0\.1 .*--rounds free"):
        make_collect(task, config, 0, other)
    same = make_collect(task, config, 0, arithmetic())(block, policy)
    free = make_collect(task, dataclasses.replace(config, rounds="free"), 0, other)(block, policy)
    np.testing.assert_array_equal(same.episodes[0].states, free.episodes[0].states)


@on_a_cluster
def test_what_cannot_be_collected_is_told_as_without_collectors(tmp_path, capsys):
    words = "--algorithm flat --learner td3 --task pendulum --randomise friction=0.5:1.5".split()
    for collectors in ("0", "1"):
        assert train(*words, "--collectors", collectors, "--out", str(tmp_path / "run")) == 2
        assert "randomise: friction: Pendulum-v1 has no MuJoCo model" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@on_a_cluster
@pytest.mark.parametrize("collectors", [1, 2, 3])
def test_any_number_of_collectors_comes_to_the_same_bits(alone, collectors, tmp_path):
    folder = tmp_path / "run"
    assert train(*SMALL, "--collectors", str(collectors), "--out", str(folder)) == 0
    assert policies(folder) == policies(alone)


@on_a_cluster
def test_killed_collectors_and_learners_change_nothing(alone, tmp_path):
    folder = tmp_path / "run"
    words = [*HRL, "train", *SMALL, "--collectors", "2"]
    process = subprocess.Popen([*words, "--out", str(folder)], stderr=subprocess.PIPE, text=True)
    collectors = _until(lambda: _named("ray::_Collector", process.pid), 2)
    _until(lambda: list((folder / "blocks").glob("*.safetensors")), 2)
    collectors[0].send_signal(signal.SIGKILL)
    _until(lambda: list(folder.glob("latest.json")), 1)
    process.kill()
    process.communicate()
    assert train("--resume", str(folder), "--collectors", "1") == 0
    assert policies(folder) == policies(alone)


def _named(name: str, parent: int) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(parent).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # one that has ended meanwhile
            if any(name in word for word in process.cmdline()):
                found.append(process)
    return found


def _until(found, count: int) -> list:
    end = time.monotonic() + PATIENCE
    while len(there := found()) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
    return there
