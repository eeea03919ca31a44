"""``hrl sweep``: what it refuses, and that however often it is killed it ends in the policies of one that was not."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hrl import cli
from hrl.commands.sweep import startable
from hrl.commands.sweep_arguments import parse_sweep, planned
from hrl.commands.train_arguments import parse_training
from hrl.results.sweep_record import SweepRecord, read_sweep

SMALL = (
    "--task PointMaze --num_envs 4 --steps 2000 --evaluation_interval 1000 --evaluation_episodes 1 "
    "--evaluation_episodes_elsewhere 1 --checkpoint_interval 200 --learning_starts 300 --worker_updates 0.2 "
    "--preset paper --products numpy --candidates 2 --worker.hidden 8 8 --manager.hidden 8 8"
).split()
UNPINNED = [word for word in SMALL if word not in ("--products", "numpy")]
VARIED = ("--set", "worker.tau=0.005,0.01")
HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]
PATIENCE = 240
"""Seconds that a loaded machine may take for what takes ten."""


def sweep(*words: str) -> int:
    return cli.main(["sweep", *words])


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HRL, "sweep", *SMALL, *VARIED, "--out", str(folder), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def states(folder: Path) -> list[Path]:
    return list(folder.glob("*/seed_*/latest.json"))


def policies(folder: Path) -> dict[str, bytes]:
    """Weights of every policy, best and last, by its place."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*/weights.safetensors")}


def is_whole(folder: Path) -> bool:
    """Whether nothing half-written lies about."""
    return not [*folder.rglob(".*.partial"), *folder.rglob(".*.old"), *folder.rglob(".*.part")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps") / "whole"
    assert sweep(*SMALL, *VARIED, "--out", str(folder), "--jobs", "2") == 0
    return folder


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
def test_a_sweep_makes_the_runs_of_hrl_train(whole: Path, tmp_path: Path, capsys) -> None:
    assert sorted(path.name for path in whole.iterdir() if path.is_dir()) == ["tau=0.005", "tau=0.01"]
    alone = tmp_path / "alone"
    assert cli.main(["train", *SMALL, "--worker.tau", "0.01", "--seed", "0", "--out", str(alone)]) == 0
    made = policies(whole / "tau=0.01" / "seed_0")
    assert made == policies(alone)
    assert len(made) == 2
    capsys.readouterr()
    before = policies(whole)
    assert sweep(*SMALL, *VARIED, "--out", str(whole)) == 0
    told = capsys.readouterr()
    assert "2 finished before; nothing is left to do" in told.err
    assert "tau=0.005" in told.out
    assert policies(whole) == before


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
def test_held_out_figures_are_those_of_hrl_evaluate_and_are_worked_out_once(whole: Path, capsys) -> None:
    assert sweep(*SMALL, *VARIED, "--out", str(whole), "--held_out", "2") == 0
    told = capsys.readouterr().out
    assert "held-out episodes" in told
    runs = sorted(whole.glob("*/seed_0"))
    for policy in ("best", "last"):
        for run in runs:
            assert cli.main(["evaluate", "--checkpoint", str(run / policy), "--episodes", "2", "--json"]) == 0
            alone = json.loads(capsys.readouterr().out)
            kept = json.loads((run / "held_out.json").read_text())["policies"][policy]
            assert kept["env_steps"] == alone["env_steps"]
            assert len(kept["goals"]) == 3
            same = ("goal", "episodes", "mean_return", "success_rate")
            assert [{name: one[name] for name in same} for one in kept["goals"]] == [
                {name: one[name] for name in same} for one in alone["results"]
            ]
    before = [(run / "held_out.json").stat().st_mtime_ns for run in runs]
    assert sweep(*SMALL, *VARIED, "--out", str(whole), "--held_out", "2") == 0
    assert [(run / "held_out.json").stat().st_mtime_ns for run in runs] == before
    assert sweep(*SMALL, *VARIED, "--out", str(whole), "--held_out", "1", "--jobs", "2") == 0
    assert {json.loads((run / "held_out.json").read_text())["episodes"] for run in runs} == {1}
    assert is_whole(whole)


@pytest.mark.slow
def test_a_policy_that_cannot_be_read_is_named_and_the_others_are_examined(whole: Path, tmp_path: Path, capsys) -> None:
    out = shutil.copytree(whole, tmp_path / "sweep")
    damaged, sound = sorted(out.glob("*/seed_0"))
    weights = damaged / "best" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert sweep(*SMALL, *VARIED, "--out", str(out), "--held_out", "3") == 1
    told = capsys.readouterr()
    assert str(damaged / "best") in told.err.replace("\n", "")
    assert "last policies over seeds" in told.out
    assert json.loads((sound / "held_out.json").read_text())["episodes"] == 3


@pytest.mark.learning
@pytest.mark.slow
@pytest.mark.timeout(6 * PATIENCE)
def test_a_killed_sweep_leaves_no_orphans_and_goes_on_to_the_same_policies(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    process = start(folder, "--jobs", "2")
    until(lambda: len(states(folder)) == 2)
    runs = psutil.Process(process.pid).children()
    assert len(runs) == 2
    process.kill()
    process.communicate()
    # Begun at once: it waits until the runs of its predecessor have saved their states.
    again = start(folder, "--jobs", "2")
    until(lambda: not any(run.is_running() and run.status() != psutil.STATUS_ZOMBIE for run in runs))
    _, told = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, told
    assert "goes on from" in told
    assert policies(folder) == policies(whole)
    assert is_whole(folder)
    starts = json.loads((folder / "tau=0.01" / "seed_0" / "provenance.json").read_text())
    assert [one["from_env_steps"] > 0 for one in starts] == [False, True]


@pytest.mark.learning
@pytest.mark.slow
@pytest.mark.timeout(6 * PATIENCE)
def test_a_killed_run_is_named_and_the_others_are_made(whole: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "killed"
    process = start(folder)
    until(lambda: states(folder))
    (run,) = psutil.Process(process.pid).children()
    run.kill()
    table, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, told
    assert told.rstrip().endswith(f"hrl: {folder}/tau=0.005/seed_0: killed by SIGKILL (signal 9)")
    assert "0 of 1" in table
    assert sorted(policies(folder)) == [f"tau=0.01/seed_0/{name}/weights.safetensors" for name in ("best", "last")]
    assert sweep(*SMALL, *VARIED, "--out", str(folder)) == 0
    assert "tau=0.005/seed_0 goes on from" in capsys.readouterr().err
    assert policies(folder) == policies(whole)


@pytest.mark.slow
@pytest.mark.timeout(6 * PATIENCE)
def test_ctrl_c_lets_the_runs_save_and_starts_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    process = start(folder)
    until(lambda: states(folder))
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, told
    assert told.rstrip().endswith("stopped; the same command goes on")
    assert "tau=0.005/seed_0 stopped at" in told
    assert (folder / "tau=0.005" / "seed_0" / "last" / "policy.json").is_file()
    assert not (folder / "tau=0.01").exists()
    assert is_whole(folder)
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.timeout(6 * PATIENCE)
def test_one_sweep_at_a_time(tmp_path: Path, capsys) -> None:
    process = start(tmp_path / "sweep")
    until(lambda: (tmp_path / "sweep" / "sweep.json").exists())
    assert sweep(*SMALL, *VARIED, "--out", str(tmp_path / "sweep")) == 2
    assert "another hrl sweep is at work in" in capsys.readouterr().err
    # Before its beginning a run has nothing to save and ends at once.
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(PATIENCE) == 130


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
def test_a_run_that_fails_is_named_with_its_own_words(tmp_path: Path, capsys) -> None:
    words, folder = (*UNPINNED, "--seeds", "3", "--out", str(tmp_path)), tmp_path / "seed_3"
    (run,) = parse_sweep(words).runs
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(dict(run.config)))
    (folder / "latest.json").write_text("{")
    assert sweep(*words) == 1
    told = capsys.readouterr()
    assert f"hrl: {folder}: exit code 2: {folder}/latest.json: damaged training state" in told.err
    assert "Traceback" not in told.err
    assert not told.out


def test_a_folder_that_cannot_be_written_is_refused_in_a_line(tmp_path: Path, capsys) -> None:
    (tmp_path / ".sweep.lock").mkdir()
    assert sweep(*SMALL, "--out", str(tmp_path)) == 2
    assert f"{tmp_path} cannot be written: Is a directory" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
def test_a_run_whose_folder_cannot_be_made_is_named_and_the_others_are_made(tmp_path: Path, capsys) -> None:
    (tmp_path / "tau=0.005").write_text("a file")
    assert sweep(*SMALL, *VARIED, "--out", str(tmp_path)) == 1
    told = capsys.readouterr().err
    assert "tau=0.005/seed_0 failed, " in told
    assert "cannot be written: Not a directory" in told
    assert "tau=0.01/seed_0 finished" in told


def test_the_commands_are_printed_for_a_shell_and_nothing_is_run(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "my sweep"
    words = ("--task", "PointMaze", "--seeds", "3,5", "--set", "worker.hidden=16 16,32", "--out", str(folder))
    assert sweep(*words, "--print") == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        f"hrl train --task PointMaze --worker.hidden {units} --seed {seed} --out '{folder}/hidden={name}/seed_{seed}'"
        for seed in (3, 5)
        for name, units in (("16_16", "16 16"), ("32", "32"))
    ]
    assert not folder.exists()


def test_runs_of_a_combination_share_one_choice_of_products(tmp_path: Path) -> None:
    request = parse_sweep([*UNPINNED, *VARIED, "--seeds", "0:3", "--out", str(tmp_path)])
    chosen = [run.products for run in startable(request)]
    assert chosen[:2] == chosen[2:4] == chosen[4:], "seed by seed, tau by tau"
    assert chosen[0][:3] == ("--products", "given", "--worker.products")
    begun = request.runs[3]
    begun.folder.mkdir(parents=True)
    config = {**begun.config, "worker": {**begun.config["worker"], "products": ["forward", "weights 8x8x8"]}}
    (begun.folder / "config.json").write_text(json.dumps(config))
    again = [run.products for run in startable(request)]
    assert again[1] == again[3] == again[5]
    assert "weights 8x8x8" in again[1], "as the one that has begun has measured"
    taken = parse_training(startable(request)[1].arguments[1:]).config
    assert taken.agent.worker.products == ("forward", "weights 8x8x8")


def test_pinned_products_are_left_as_they_are(tmp_path: Path) -> None:
    request = parse_sweep([*SMALL, "--out", str(tmp_path)])
    assert [run.products for run in startable(request)] == [()]


def test_what_varies_names_the_folders() -> None:
    record = SweepRecord(
        ("--task", "ant_maze"),
        {"worker.tau": ("0.1", "0.2"), "manager.tau": ("0.1",), "four_fold_symmetry": ("true", "false")},
        (7,),
    )
    runs = planned(record, Path("out"))
    assert [run.name for run in runs[:2]] == [
        "worker.tau=0.1,manager.tau=0.1,four_fold_symmetry=true/seed_7",
        "worker.tau=0.1,manager.tau=0.1,four_fold_symmetry=false/seed_7",
    ]
    assert len({run.folder for run in runs}) == 4
    assert runs[3].words[-3:] == ("--no_four_fold_symmetry", "--seed", "7")
    assert [run.config["four_fold_symmetry"] for run in runs] == [True, False, True, False]
    assert [run.config["worker"]["tau"] for run in runs] == [0.1, 0.1, 0.2, 0.2]
    assert {run.config["seed"] for run in runs} == {7}


def test_algorithms_learners_and_tasks_can_be_varied_too() -> None:
    record = SweepRecord(
        ("--algorithm", "flat"), {"learner": ("sac", "ppo"), "task": ("pendulum", "reacher_arm")}, (0,)
    )
    runs = planned(record, Path("out"))
    assert [(run.config["learner"], run.config["task"]) for run in runs] == [
        ("sac", "pendulum"),
        ("sac", "reacher_arm"),
        ("ppo", "pendulum"),
        ("ppo", "reacher_arm"),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "AntMase"], "unknown task 'AntMase'; did you mean ant_maze?"),
        (["--preset", "fsat"], "unknown preset 'fsat'; did you mean fast?"),
        (["--set", "worker.tua=1,2"], "unknown switch '--worker.tua'; did you mean worker.tau?"),
        (["--set", "agent.worker.tau=0.1"], "unknown switch '--agent.worker.tau'; did you mean worker.tau?"),
        (["--set", "worker.discount=0.9,1.5"], "discount: in [0, 1)"),
        (
            ["--task", "PointMaze", "--set", "goal_space=first,xyz"],
            "goal_space=xyz/seed_0: goal_space: 'xyz' is none of",
        ),
        (["--task", "PointMaze", "--set", "tilt_penalty=0,0.1"], "tilt_penalty=0.1/seed_0: switches that do not fit"),
        (["--set", "worker.tau"], "--set worker.tau: must be a name and its values, as in worker.tau=0.005,0.01"),
        (["--set", "worker.tau=0.1,"], "must be a name and its values"),
        (["--set", "worker.tau=0.1,0.1"], "a value is there twice"),
        (["--set", "horizon=1", "--set", "horizon=2"], "horizon is given twice"),
        (["--set", "horizon=1", "--horizon", "2"], "horizon is given twice"),
        (["--set", "task=a/b.yaml,a_b.yaml"], "would have one folder, task=a_b.yaml"),
        (["--set", "seed=1,2"], "hrl sweep takes no seed: a sweep takes --seeds, as in 0:5"),
        (["--seed", "1"], "hrl sweep takes no seed"),
        (["--resume", "x"], "the same hrl sweep again goes on"),
        (["--torch_threads=2"], "every run of a sweep has one"),
        (["--from-bags", "x"], "a sweep trains in environments"),
        (["--seeds", "5:5"], "--seeds 5:5: 5:5 holds no seed; 0:5 are 0 to 4"),
        (["--seeds", "a"], "--seeds a: a seed must be a whole number from 0 to"),
        (["--seeds", "0:3,2"], "2 is there twice"),
        (["--jobs", "0"], "--jobs 0: must be 1 or more"),
        (["--held_out", "-1"], "--held_out -1: must be 1 or more episodes, or 0 for none"),
    ],
)
def test_what_cannot_be_started_is_refused_before_anything_is(
    words: list[str], message: str, tmp_path: Path, capsys
) -> None:
    assert sweep(*words, "--out", str(tmp_path / "sweep")) == 2
    told = capsys.readouterr()
    assert message in told.err.replace("\n", " ")
    assert not told.out
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_needs_a_folder(capsys) -> None:
    assert sweep("--task", "PointMaze") == 2
    assert "where to? --out DIR names the folder of the sweep" in capsys.readouterr().err


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A sweep of two seeds that has only just begun."""
    SweepRecord(tuple(SMALL), {"worker.tau": ("0.005", "0.01")}, (0, 1)).write(tmp_path / "sweep")
    return tmp_path / "sweep"


def test_seeds_may_be_added(begun: Path) -> None:
    request = parse_sweep([*SMALL, *VARIED, "--seeds", "0:3", "--out", str(begun)])
    assert [run.name for run in request.runs[-2:]] == ["tau=0.005/seed_2", "tau=0.01/seed_2"]


def test_words_in_another_order_are_the_same_sweep(begun: Path) -> None:
    words = [f"--{SMALL[0][2:]}={SMALL[1]}", *SMALL[2:]]
    assert len(parse_sweep(["--seeds", "0,1", "--out", str(begun), *VARIED, *words]).runs) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*VARIED, "--steps", "3000", "--seeds", "0:2"), "steps: 3000 != 2000"),
        ((*VARIED, "--seeds", "1:3"), "--seeds: 0 missing (seeds may be added, not left out)"),
        (("--set", "worker.tau=0.005", "--seeds", "0:2"), "--set worker.tau: 0.005 != 0.005,0.01"),
        (("--set", "horizon=5", "--seeds", "0:2"), "--set horizon: 5 != none; --set worker.tau: none != 0.005,0.01"),
    ],
)
def test_another_sweep_in_the_same_folder_is_refused_by_difference(begun, words, message, capsys) -> None:
    before = read_sweep(begun)
    assert sweep(*SMALL, *words, "--out", str(begun)) == 2
    told = capsys.readouterr().err
    assert "holds another sweep" in told
    assert message in told
    assert read_sweep(begun) == before


def test_another_run_in_the_place_of_one_of_its_own_is_refused(begun: Path, capsys) -> None:
    (run, *_) = planned(read_sweep(begun), begun)
    run.folder.mkdir(parents=True)
    (run.folder / "config.json").write_text(json.dumps({**run.config, "steps": 5}))
    assert sweep(*SMALL, *VARIED, "--seeds", "0:2", "--out", str(begun)) == 2
    assert "seed_0 holds another run than this sweep would make: steps: 2000 != 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ('{"options": [], "sets": {}, "seeds": []}', "seeds: must be a list with at least one entry"),
        ('{"options": [], "sets": {"x": 3}, "seeds": [0]}', "sets.x: must be"),
        ('{"options": [], "sets": {}, "seeds": [-1]}', "seeds[0]: must be a whole number from 0 to"),
    ],
)
def test_a_damaged_sweep_is_refused_by_file_and_field(tmp_path: Path, text: str, message: str, capsys) -> None:
    (tmp_path / "sweep.json").write_text(text)
    for command in (["plot", str(tmp_path)], ["report", str(tmp_path)], ["sweep", "--out", str(tmp_path)]):
        assert cli.main(command) == 2
        told = capsys.readouterr().err
        assert "sweep.json" in told
        assert message in told
