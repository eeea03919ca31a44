"""``hrl train --from-bags``: which of its policies is the best, and that it goes on exactly where it was stopped."""

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.cli import main
from hrl.commands.bag_train_arguments import parse_bag_training
from hrl.policies.export import _commands
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.scores import headline_score

HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]
SMALL = (
    "--task PointMaze --updates 2000 --checkpoint_updates 300 --evaluation_episodes 2 "
    "--evaluation_episodes_elsewhere 1 "
    "--candidates 4 --products given --worker.hidden 16 16 --manager.hidden 16 16 --material.modes TRAIN EVAL"
).split()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of two episodes."""
    bag = tmp_path_factory.mktemp("recorded") / "bag"
    task = load_task("PointMaze")
    write_recording(bag, random_messages(task, 2 * task.max_episode_steps))
    return bag


@pytest.fixture(scope="module")
def whole(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main(["train", "--from-bags", str(recorded), "--out", str(folder), *SMALL]) == 0
    return folder


def weights_of(folder: Path) -> list[str]:
    return [
        hashlib.sha256((folder / name / "weights.safetensors").read_bytes()).hexdigest() for name in ("best", "last")
    ]


def stopped(command: list[str], folder: Path, sign: str, number: int) -> tuple[int, str]:
    """Send a signal when a file of the run is there; exit code and screen."""
    run = subprocess.Popen([*HRL, *command], cwd=folder.parent, stderr=subprocess.PIPE, text=True)
    assert run.stderr is not None
    end = time.monotonic() + 60
    while not (folder / sign).exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    run.send_signal(number)
    _, screen = run.communicate(timeout=60)
    return run.returncode, screen


@pytest.mark.learning
@pytest.mark.parametrize(("sign", "number"), [("metrics.jsonl", signal.SIGINT), ("config.json", signal.SIGTERM)])
def test_a_stopped_run_saves_says_so_and_goes_on_to_the_same_policies(
    recorded: Path, whole: Path, tmp_path: Path, sign: str, number: int
) -> None:
    folder = tmp_path / "run"
    relative = shutil.copytree(recorded, tmp_path / "copy").name
    code, screen = stopped(["train", "--from-bags", relative, "--out", "run", *SMALL], folder, sign, number)
    assert code == 130, screen
    assert "hrl train --resume run" in screen
    assert "Traceback" not in screen
    if sign == "metrics.jsonl":
        reached = int(json.loads((folder / "latest.json").read_text())["state"].removeprefix("state-"))
        assert f"stopped at {reached} updates, state and newest policy (run/last) saved" in screen
        assert load_checkpoint(folder / "last").version == reached
        assert 300 < reached < 2000
    assert main(["train", "--resume", str(folder)]) == 0
    assert weights_of(folder) == weights_of(whole)
    rows = [[json.loads(line) for line in (f / "metrics.jsonl").read_text().splitlines()] for f in (folder, whole)]
    assert [row["worker/updates"] for row in rows[0]] == [row["worker/updates"] for row in rows[1]]


def test_a_run_that_was_stopped_before_its_first_update_begins_anew_with_resume(recorded, whole, tmp_path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "task.yaml"):
        shutil.copy(whole / name, folder / name)
    assert main(["train", "--resume", str(folder)]) == 0
    assert weights_of(folder) == weights_of(whole)


def test_a_finished_run_has_nothing_left_to_do_and_says_so(whole: Path, capsys) -> None:
    before = weights_of(whole)
    assert main(["train", "--resume", str(whole)]) == 0
    assert weights_of(whole) == before
    screen = capsys.readouterr()
    assert screen.out == f"{whole} is finished after 2000 updates: nothing is left to do\n"
    assert not screen.err
    assert len(json.loads((whole / "provenance.json").read_text())) == 1


def test_a_run_says_where_it_comes_from(recorded: Path, whole: Path) -> None:
    (first,) = json.loads((whole / "provenance.json").read_text())
    assert first["command"].startswith(f"hrl train --from-bags {recorded} --out {whole} --task PointMaze")
    assert (first["seed"], first["from_updates"], first["torch_threads"]) == (0, 0, 1)
    assert {"git_commit", "time", "versions"} <= set(first)
    assert _commands(whole) == [f"{first['command']}    # from update 0, commit {first['git_commit']}"]


def test_a_flat_policy_is_trained_and_goes_on_with_its_own_switches(recorded: Path, tmp_path: Path, capsys) -> None:
    words = "--task PointMaze --updates 24 --checkpoint_updates 8 --evaluation_episodes 1".split()
    words += ["--evaluation_episodes_elsewhere", "1", "--worker.hidden", "16", "16", "--algorithm", "flat"]
    folder = tmp_path / "run"
    assert main(["train", "--from-bags", str(recorded), "--out", str(folder), *words]) == 0
    assert list(load_checkpoint(folder / "best").actors) == ["worker"]
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 3
    assert main(["train", "--resume", str(folder)]) == 0
    assert "is finished after 24 updates" in capsys.readouterr().out


def test_resuming_takes_everything_over_and_repeating_the_command_is_the_same_run(recorded, whole) -> None:
    resumed = parse_bag_training(["--resume", str(whole)])
    began = parse_bag_training(["--from-bags", str(recorded), "--out", str(whole), *SMALL])
    again = parse_bag_training(["--from-bags", str(recorded), "--resume", str(whole), *SMALL])
    assert resumed.config == began.config == again.config
    assert resumed.spec == began.spec == again.spec


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "3"], "seed: 3 != 0"),
        (["--worker.tau", "0.1"], "training.worker.tau: 0.1 != 0.005"),
        (["--from-bags", "elsewhere:2"], "/elsewhere', 'weight': 2.0, 'uri': ''}] != "),
    ],
)
def test_a_run_does_not_go_on_as_another_one(whole: Path, capsys, words: list[str], message: str) -> None:
    assert main(["train", "--resume", str(whole), *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "run", "--tau", "3"], "did you mean --worker.tau"),
        (["--out", "run", "--nonsense", "3"], "unknown switch '--nonsense'"),
        ([], "--out DIR begins a run"),
        (["--out", "run", "--material.modes", "DEMO"], "nothing to learn from"),
    ],
)
def test_what_cannot_be_started_is_one_message_and_leaves_nothing(
    recorded: Path, tmp_path: Path, monkeypatch, capsys, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--from-bags", str(recorded), "--task", "PointMaze", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_not_overwritten_and_how_to_go_on_is_said(recorded, whole, capsys) -> None:
    before = sorted(path.name for path in whole.rglob("*"))
    assert main(["train", "--from-bags", str(recorded), "--task", "PointMaze", "--out", str(whole)]) == 2
    assert f"hrl train --resume {whole}" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in whole.rglob("*")) == before


def evaluated(goal: tuple[float, ...], success_rate: float, episode_return: float) -> EvaluationResult:
    return EvaluationResult(goal, 2, success_rate, success_rate, 1.0, episode_return)


def test_the_best_policy_is_chosen_by_success_at_the_first_goal() -> None:
    results = [evaluated((0.0, 8.0), 0.25, -1.0), evaluated((8.0, 0.0), 1.0, -1.0)]
    assert headline_score(load_task("point_maze"), results) == 0.25


def test_where_the_task_draws_its_own_goals_it_is_chosen_by_their_success_and_without_goals_by_the_return() -> None:
    spec = dataclasses.replace(load_task("point_maze"), evaluation_goals=())
    results = [evaluated((), 0.5, -7.0)]
    assert headline_score(spec, results) == 0.5
    assert headline_score(load_task("ant_gather"), results) == -7.0
