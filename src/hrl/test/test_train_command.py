"""``hrl train``: what it refuses, and that a run goes on exactly after kill, Ctrl-C and a full disk."""

import dataclasses
import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.commands.train import training_envs
from hrl.commands.train_arguments import parse_training
from hrl_core.algorithms import ALGORITHMS, presets
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task
from hrl_core.training import choose_products
from hrl_core.training.config import switches
from hrl_core.training.presets import preset

SMALL = (
    "--task PointMaze --num_envs 4 --steps 2400 --evaluation_interval 1200 --evaluation_episodes 2 "
    "--evaluation_episodes_elsewhere 1 --checkpoint_interval 400 --learning_starts 500 --worker_updates 0.2 "
    "--candidates 4 --products numpy --worker.hidden 16 16 --manager.hidden 16 16"
).split()
SAC = (
    "--algorithm flat --learner sac --task pendulum --num_envs 2 --steps 1200 --evaluation_interval 600 "
    "--evaluation_episodes 1 --evaluation_episodes_elsewhere 1 --checkpoint_interval 200 --learning_starts 200 "
    "--worker_updates 0.2 --worker.hidden 16 16 --worker.batch_size 32"
).split()
FILE_LIMIT = 90_000
"""Bytes: holds the first training states of the small run, not its last."""
HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]


def weights_of(folder: Path) -> list[str]:
    return [
        hashlib.sha256((folder / name / "weights.safetensors").read_bytes()).hexdigest() for name in ("best", "last")
    ]


def saved_steps(folder: Path) -> int:
    latest = folder / "latest.json"
    return int(json.loads(latest.read_text())["state"].removeprefix("state-")) if latest.exists() else 0


def start(*words: str, limit: int | None = None) -> subprocess.Popen[str]:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, limit or 0))

    return subprocess.Popen(
        [*HRL, "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit_files if limit else None,
    )


def wait_for_a_state(run: subprocess.Popen[str], folder: Path) -> None:
    end = time.monotonic() + 60
    while not saved_steps(folder) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


def trained(*words: str) -> int:
    return cli.main(["train", *words])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert trained(*SMALL, "--out", str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def whole_sac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole_sac") / "run"
    assert trained(*SAC, "--out", str(folder)) == 0
    return folder


def test_first_episodes_of_options_end_apart(tmp_path: Path) -> None:
    """They have no horizon."""
    words = ["--algorithm", "option_critic", "--task", "four_rooms_point", "--out", str(tmp_path / "run")]
    request = parse_training(words)
    envs = training_envs(request.spec, request.config, request.seed)
    assert isinstance(envs, VectorEnv)
    assert len(set(envs._limits)) == envs.num_envs == 64


def test_a_run_leaves_policies_configuration_and_where_it_comes_from(whole: Path) -> None:
    assert load_checkpoint(whole / "last").env_steps == 2400
    assert load_checkpoint(whole / "best").trained
    config = json.loads((whole / "config.json").read_text())
    assert (config["task"], config["seed"], config["worker"]["hidden"]) == ("point_maze", 0, [16, 16])
    (first,) = json.loads((whole / "provenance.json").read_text())
    assert {"git_commit", "seed", "command", "versions", "products"} <= set(first)
    assert list((whole / "tensorboard").iterdir())


@pytest.mark.parametrize(
    ("uninterrupted", "words", "number", "code"),
    [
        ("whole", SMALL, signal.SIGKILL, -signal.SIGKILL),
        ("whole", SMALL, signal.SIGINT, 130),
        pytest.param("whole_sac", SAC, signal.SIGKILL, -signal.SIGKILL, marks=pytest.mark.learning),
    ],
    ids=["hiro killed", "hiro stopped", "sac killed"],
)
def test_a_stopped_run_goes_on_to_the_same_policy(
    request: pytest.FixtureRequest, tmp_path: Path, uninterrupted: str, words: list[str], number: int, code: int
) -> None:
    whole, folder = request.getfixturevalue(uninterrupted), tmp_path / "run"
    run = start(*words, "--out", str(folder))
    wait_for_a_state(run, folder)
    run.send_signal(number)
    _, screen = run.communicate(timeout=60)
    assert run.returncode == code
    assert 0 < saved_steps(folder) < saved_steps(whole)
    if code > 0:
        assert f"hrl train --resume {folder}" in screen
    assert trained("--resume", str(folder)) == 0
    assert weights_of(folder) == weights_of(whole)
    starts = json.loads((folder / "provenance.json").read_text())
    assert [s["from_env_steps"] > 0 for s in starts] == [False, True]
    assert not list(folder.glob(".*.partial"))


def test_a_run_that_nobody_reads_any_more_is_saved_where_it_stops(tmp_path: Path) -> None:
    """``hrl train |& tee log``: Ctrl-C ends ``tee`` first."""
    folder = tmp_path / "run"
    words = [*SMALL, "--checkpoint_interval", "100000", "--steps", "100000", "--out", str(folder)]
    run = start(*words)
    end = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    assert saved_steps(folder) == 0
    for stream in (run.stdout, run.stderr):
        assert stream is not None
        stream.close()
    run.send_signal(signal.SIGINT)
    assert run.wait(60) == 130
    assert saved_steps(folder) >= 1200


def test_a_full_disk_keeps_the_state_before_and_says_so(whole: Path, tmp_path: Path) -> None:
    """A limit on the size of files is the only disk that every user may fill."""
    folder = tmp_path / "run"
    run = start(*SMALL, "--out", str(folder), limit=FILE_LIMIT)
    _, screen = run.communicate(timeout=60)
    kept = saved_steps(folder)
    assert run.returncode == 1
    assert 0 < kept < 2400
    assert "File too large" in screen
    assert f"the state of {kept} steps in {folder} is kept" in screen.replace("\n", "")
    assert "Traceback" not in screen
    assert trained("--resume", str(folder)) == 0
    assert weights_of(folder) == weights_of(whole)


def test_a_disk_that_is_full_from_the_start_is_one_message(tmp_path: Path) -> None:
    run = start(*SMALL, "--out", str(tmp_path / "run"), limit=100)
    _, screen = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "File too large" in screen
    assert "Traceback" not in screen


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--worker.tau", "0.1", "--seed", "3"], "seed: 3 != 0; worker.tau: 0.1 != 0.005"),
        (["--task", "AntMaze"], "task: 'ant_maze' != 'point_maze'"),
        (
            ["--preset", "fast", "--tilt_penalty", "0", "--no_four_fold_symmetry"],
            "candidates: 0 != 4",
        ),
        (["--steps", "8000"], "steps: 8000 != 2400"),
    ],
)
def test_a_run_does_not_go_on_as_another_one(whole: Path, capsys, words: list[str], message: str) -> None:
    before = weights_of(whole)
    assert trained("--resume", str(whole), *words) == 2
    error = capsys.readouterr().err
    assert "with another configuration" in error
    assert message in error
    assert weights_of(whole) == before


def test_a_run_does_not_go_on_with_another_library_of_products(whole: Path, capsys) -> None:
    assert trained("--resume", str(whole), "--products", "torch") == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "--products torch: a run goes on with the products that it began with (worker.products: [" in error
    assert trained("--resume", str(whole), "--products", "numpy") == 0, "that is its own"


@pytest.mark.parametrize("way", ["environments", "rounds", "recordings"])
def test_a_run_chooses_its_products_when_it_begins_and_never_again(way: str, tmp_path: Path, monkeypatch) -> None:
    """Whatever it learns from: the answer stands in its configuration, which a resumed run takes it from."""
    few = "--task PointMaze --steps 200 --num_envs 2 --evaluation_episodes 1 --evaluation_episodes_elsewhere 1".split()
    small, folder = ["--worker.hidden", "8", "8", "--manager.hidden", "8", "8"], tmp_path / "run"
    if way == "recordings":
        task = load_task("PointMaze")
        write_recording(tmp_path / "bag", random_messages(task, task.max_episode_steps))
        few += ["--from-bags", str(tmp_path / "bag"), "--updates", "8", "--material.modes", "TRAIN", "EVAL"]
    elif way == "rounds":
        few += ["--collectors", "0", "--round_blocks", "1"]

    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda products: ["forward 1x2x3"])
    assert trained(*few, *small, "--out", str(folder)) == 0
    begun = json.loads((folder / "config.json").read_text())
    levels = begun if way == "environments" else begun["training"]
    assert [levels[level]["products"] for level in ("worker", "manager")] == [["forward 1x2x3"]] * 2
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda products: pytest.fail("measured again"))
    assert trained("--resume", str(folder)) == 0
    assert trained("--resume", str(folder), "--products", "numpy") == 2
    assert json.loads((folder / "config.json").read_text()) == begun


def test_a_finished_run_says_that_nothing_is_left_to_do(whole: Path, capsys) -> None:
    before = weights_of(whole)
    assert trained("--resume", str(whole)) == 0
    assert capsys.readouterr().out == f"{whole} is finished after 2400 steps: nothing is left to do\n"
    assert weights_of(whole) == before
    assert len(json.loads((whole / "provenance.json").read_text())) == 1


def test_a_resumed_run_goes_on_with_the_threads_and_the_logger_that_it_had(whole: Path, tmp_path: Path) -> None:
    """Other threads, other last bits; and the rest of a run belongs to where the beginning is."""
    folder = tmp_path / "run"
    shutil.copytree(whole, folder)
    starts = json.loads((folder / "provenance.json").read_text())
    assert (starts[-1]["torch_threads"], starts[-1]["logger"]) == (1, "tensorboard")
    noted = [starts[-1] | {"torch_threads": 2, "logger": "wandb"}]
    (folder / "provenance.json").write_text(json.dumps(noted))
    request = parse_training(["--resume", str(folder)])
    assert (request.torch_threads, request.logger) == (2, "wandb")
    assert parse_training(["--resume", str(folder), "--torch_threads", "1"]).torch_threads == 1
    for entry in noted:
        del entry["logger"]
    (folder / "provenance.json").write_text(json.dumps(noted))
    assert parse_training(["--resume", str(folder)]).logger == "tensorboard", "of a run begun before it was noted"


@pytest.mark.parametrize("more", [(), ("--preset", "paper")])
def test_repeating_the_whole_command_with_resume_is_the_same_run(whole: Path, more: tuple[str, ...]) -> None:
    """A preset says nothing of what the run has measured for itself."""
    assert parse_training([*SMALL, *more, "--out", str(whole), "--resume", str(whole)])._replace(spec=None) == (  # pyright: ignore[reportArgumentType]
        parse_training(["--resume", str(whole)])._replace(spec=None)  # pyright: ignore[reportArgumentType]
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "AntMase", "--out", "x"], "unknown task 'AntMase'; did you mean ant_maze?"),
        (["--preset", "fsat", "--out", "x"], "unknown preset 'fsat'; did you mean fast?: choose one of paper, fast"),
        (["--candidate", "3", "--out", "x"], "did you mean candidates?"),
        (["--tau", "3", "--out", "x"], "did you mean --worker.tau or --manager.tau?"),
        (
            ["--goal_space", "xyz", "--out", "x"],
            "goal_space: 'xyz' is none of task 'ant_maze': choose first, smallest or one of position, position_xy",
        ),
        (["--task", "ant_maze_xy", "--out", "x"], "task 'ant_maze_xy' is called 'ant_maze' now"),
        (["--horizon", "0", "--out", "x"], "horizon must be at least 1, got 0"),
        (["--subgoal_range", "0", "--out", "x"], "subgoal_range must be above 0, got 0.0"),
        (["--algorithm", "ppo", "--out", "x"], "unknown algorithm 'ppo': choose one of hiro, flat"),
        (["--worker.discount", "1.5", "--out", "x"], "discount: in [0, 1)"),
        ([], "--out DIR begins a run, --resume DIR goes on with one"),
        (["--resume", "nowhere"], "nowhere holds no training run: config.json is missing"),
        (["--torch_threads", "0", "--out", "x"], "--torch_threads 0: must be from 1 to"),
        (
            ["--algorithm", "flat", "--learner", "sac", "--products", "numpy", "--task", "pendulum", "--out", "x"],
            "--products numpy: the fast updates of td3 on the CPU take it, which 'flat' has none of",
        ),
        (
            ["--task", "PointMaze", "--worker.no_fast", "--manager.no_fast", "--products", "torch", "--out", "x"],
            "--products torch: the fast updates of td3 on the CPU take it, which 'hiro' has none of",
        ),
        (
            "--collectors 0 --algorithm hac --task mountain_car --products torch --out x".split(),
            "--products torch: the fast updates of td3 on the CPU take it, which 'hac' has none of",
        ),
    ],
)
def test_what_cannot_be_started_is_one_message_with_exit_code_2(capsys, words: list[str], message: str) -> None:
    assert trained(*words) == 2
    captured = capsys.readouterr()
    assert message in captured.err.replace("\n", " ")
    assert not captured.out
    assert not Path("x").exists()


def test_a_folder_that_holds_a_run_is_not_overwritten(whole: Path, capsys) -> None:
    before = sorted(path.name for path in whole.rglob("*"))
    assert trained(*SMALL, "--out", str(whole)) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert sorted(path.name for path in whole.rglob("*")) == before


def test_a_logger_that_is_not_installed_is_refused_by_name(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert trained(*SMALL, "--out", str(tmp_path / "run"), "--logger", "wandb") == 2
    assert "wandb, which --logger wandb writes with, is not installed: pip install wandb" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.needs("wandb")
def test_wandb_stands_beside_tensorboard_and_changes_no_weight(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert trained(*SMALL, "--out", str(folder), "--logger", "wandb") == 0
    assert len(list(folder.glob("wandb/offline-run-*/run-*.wandb"))) == 1
    assert list((folder / "tensorboard").iterdir())
    assert weights_of(folder) == weights_of(whole)
    assert (folder / "config.json").read_text() == (whole / "config.json").read_text()


OTHER = {
    "products": ("forward", "inputs 8x4x2"),
    "device": "cuda",
    "worker_reward": "progress",
    "evaluation": "sampled",
    "randomise": "delay=0:0.1,loss=0.1",
    "evaluation_randomise": "same",
    "hidden": (7,),
    "reward_bounds": (-3.0, 4.0),
    "held_subgoal_decisions": (1, 2),
    "waypoints": (1, 2),
    "waypoint_decisions": (1, 2),
    "goal_space": "smallest",
    "candidates": 0,
    # These contradict others of these.
    "correction": "argmax",
    "hiro.embedding": 0,
    "discount": 0.5,
    "tau": 0.5,
    "average_tau": 0.5,
    "relabel_goals_uniform": 0.3,
    "relabel_goals_future": 0.3,
    "critic": "sigmoid",
    "test_probability": 0.6,
    "random_probability": 0.6,
    "subgoal_elements": ("x",),
    "subgoal_low": (-1.0,),
    "subgoal_high": (1.0,),
    "subgoal_tolerance": (0.1,),
    "step": "plain",
    "optimiser": "rmsprop",
    "activation": "relu",
    "gae_lambda": 0.5,
    "task_goal": (1.0, 2.0),
    "frozen_skills": "elsewhere",
    "input_scale": (0.5, 2.0),
    "input_centre": (0.5, 2.0),
    "pursued_goals": 0.25,
    "flat_goals": "last",
    "manager_loss": "end_to_end",
    "begin_with": "elsewhere",
    "random_direction": 0.5,
    "lr_end": 0.5,
    "manager_discount": 0.5,
    "worker_discount": 0.5,
    "demos": ("shown",),
    "demos_share": 0.1,
    "finetuning": "offpolicy",
    "own_subgoals": 0.5,
    "skills_ignore": ("x",),
    "position": ("y",),
    "tree": "runs/tree",
    "node": "Avoid",
    "leave_out": ("Nav", "Cross"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_field_is_a_switch(algorithm: str) -> None:
    words, expected = ["--algorithm", algorithm, "--out", "x"], {}
    for name, value in switches(preset(algorithm=algorithm)).items():
        last = name.rpartition(".")[2]
        if name in ("algorithm", "learner"):
            expected[name] = value
            continue
        new = OTHER.get(f"{algorithm}.{last}", OTHER.get(last, not value if isinstance(value, bool) else None))
        new = type(value)(value * 2 + 1) if new is None else new
        expected[name] = new
        if isinstance(new, bool):
            prefix, _, field = name.rpartition(".")
            words.append(f"--{prefix}{'.' if prefix else ''}{field if new else f'no_{field}'}")
        else:
            words += [f"--{name}", *(map(str, new) if isinstance(new, tuple) else [str(new)])]
    assert switches(parse_training(words).config) == expected


@pytest.mark.parametrize(("algorithm", "name"), [(a, name) for a in ALGORITHMS for name in presets(a)])
def test_a_preset_is_the_default_of_every_switch_and_any_can_be_changed(algorithm: str, name: str) -> None:
    words = ["--algorithm", algorithm, "--out", "x"]
    assert parse_training([*words, "--preset", name]).config == preset(name, algorithm)
    changed = parse_training([*words, "--steps", "7", f"--preset={name}"]).config
    assert changed == dataclasses.replace(preset(name, algorithm), steps=7)


def test_a_preset_that_does_not_fit_the_task_is_refused_before_anything_is_written(tmp_path: Path, capsys) -> None:
    assert trained("--task", "PointMaze", "--preset", "fast", "--out", str(tmp_path / "run")) == 2
    assert "tilt_penalty needs the observation elements qx, qy" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
