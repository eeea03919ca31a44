"""The command line: one clear message for what is wrong, and no heavy import before it is needed."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from hrl import cli
from hrl.launching.run import run_graph
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.task.text import load_task


def run(capsys, *words):
    code = cli.main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_lists_every_command(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(f"hrl {name}" in out for name in cli.COMMANDS)


def test_help_is_instant():
    """In time of a processor: others may be at work beside it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = "import sys; from hrl.cli import main; main(['--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2
    assert not any(f"'{name}'" in done.stdout for name in ("torch", "numpy", "tyro", "rclpy", "rosbags"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "hrl: unknown command 'fly'; commands are: launch, rollout, train, sweep, evaluate, plot,"),
        (["launch"], "hrl: usage: hrl launch FILE"),
        (["launch", "other.launch.py"], "unknown launch file 'other.launch.py'; known: hiro_ant.launch.py"),
        (
            ["launch", "hiro_ant.launch.py", "episode:=1"],
            "unknown argument 'episode'; did you mean episodes?",
        ),
        (["task", "show", "Chess"], "hrl: unknown task 'Chess'"),
        (["top", "--wait", "nan"], "hrl: --wait nan: seconds, above 0"),
        (["top", "--period", "0"], "hrl: --period 0: seconds, above 0"),
        (["train", "--out", "x", "--torch_threads", "99999999999"], "--torch_threads 99999999999: must be from 1 to"),
        (["policy", "init", "--task", "cart_pole", "--flat", "--out", "/dev/null/x"], "/dev/null/x cannot be written"),
        (["relabel", "--checkpoint", "hiro_ant_maze", "--out", "x"], "hrl: which bags?"),
        (["task", "show", "AntMaze", "--observe_commands", "-1"], "hrl: commands of -1 steps: must be 1 to 100"),
        (["policy", "show", "nowhere"], "hrl: policy 'nowhere' is neither a folder nor a shipped policy"),
        (["policy", "convert", "nowhere", "--out", "x"], "hrl: nowhere is not a policy checkpoint"),
        (
            ["rollout", "--policy", "nowhere"],
            "hrl: policy 'nowhere' is neither a folder nor a shipped policy",
        ),
    ],
)
def test_an_error_is_one_message_with_exit_code_2(capsys, words, message):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not out


def test_a_policy_says_who_acts_and_what_each_manager_chooses(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    levels = (
        LevelSpec("gait", "skill", skills=("trot", "bound")),
        LevelSpec("here", "absolute", {"x": (0.0, 1.0)}, horizon=2),
    )
    save_checkpoint(random_checkpoint(load_task("PointMaze"), 1, hierarchy=HierarchySpec(levels)), tmp_path / "policy")
    _, out, _ = run(capsys, "policy", "show", str(tmp_path / "policy"))
    assert "manager_2 (absolute: here), manager (skill: trot, bound), worker" in out


@pytest.mark.parametrize("file", ["hiro_ant.launch.py", "launch/hiro_ant.launch.py"])
def test_show_args_prints_the_manual(capsys, file):
    code, out, _ = run(capsys, "launch", file, "--show-args")
    assert code == 0
    assert "'episodes':" in out


def test_a_workspace_that_is_not_built_is_an_error(capsys, monkeypatch):
    def not_built():
        raise RuntimeError("package hrl was not installed by colcon")

    monkeypatch.setattr("hrl.launching.environment.ensure_ros_environment", not_built)
    code, _, err = run(capsys, "launch", "hiro_ant.launch.py")
    assert code == 2
    assert "not installed by colcon" in err


def test_a_policy_of_format_1_is_converted_once_and_is_the_same(capsys, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    checkpoint = random_checkpoint(load_task("ant_maze"), 3)
    save_checkpoint(checkpoint, old)
    manifest = json.loads((old / "policy.json").read_text())
    del manifest["hierarchy"]
    (old / "policy.json").write_text(json.dumps(manifest | {"format": 1}))
    (old / "README.md").write_text("Trained by hand.")
    _, out, _ = run(capsys, "policy", "show", str(old))
    assert "1, an earlier one: hrl policy convert writes it anew" in out
    code, out, _ = run(capsys, "policy", "convert", str(old), "--out", str(new))
    assert code == 0
    assert f"{old}, format 1, written to {new}, format 2" in out
    converted = load_checkpoint(new)
    assert (converted.hierarchy, converted.actors) == (checkpoint.hierarchy, checkpoint.actors)
    assert converted.weights_sha256 == load_checkpoint(old).weights_sha256
    assert (new / "README.md").read_text() == "Trained by hand."
    code, _, error = run(capsys, "policy", "convert", str(new), "--out", str(tmp_path / "newer"))
    assert code == 2
    assert "is of format 2, the present one; there is nothing to convert" in error
    assert not (tmp_path / "newer").exists()


def test_a_policy_is_made_once_and_shown(capsys, tmp_path):
    folder = tmp_path / "ant"
    code, _, _ = run(capsys, "policy", "init", "--task", "AntMaze", "--out", str(folder))
    assert code == 0
    code, out, _ = run(capsys, "policy", "show", str(folder))
    assert "no, random weights" in out
    code, _, err = run(capsys, "policy", "init", "--task", "AntMaze", "--out", str(folder))
    assert code == 2
    assert "exists already" in err


def test_tasks_are_listed_and_shown_as_yaml(capsys, tmp_path):
    _, out, _ = run(capsys, "task", "list")
    assert "ant_maze" in out
    _, out, _ = run(capsys, "task", "show", "AntMaze")
    (tmp_path / "task.yaml").write_text(out)
    code, again, _ = run(capsys, "task", "show", str(tmp_path / "task.yaml"))
    assert code == 0
    assert again == out
    code, late, _ = run(capsys, "task", "show", "AntMaze", "--observe_commands", "1")
    assert (code, "name: ant_maze_commands_1" in late, late.count("_command_1")) == (0, True, 8)


def test_a_rollout_needs_no_ros_repeats_and_runs_the_policys_own_task(capsys, tmp_path):
    run(capsys, "policy", "init", "--task", "PointMaze", "--out", str(tmp_path / "point"))
    words = ["rollout", "--policy", str(tmp_path / "point"), "--episodes", "1", "--seed", "3", "--json"]
    first, second = (json.loads(run(capsys, *words)[1]) for _ in range(2))
    assert first.pop("env_steps_per_s") > 0
    second.pop("env_steps_per_s")
    assert first == second
    assert first["env_steps"] == 500
    assert first["policy_trained"] is False


REPORT = """
report = {"run": 1, "robot": "robot", "task": "ant_maze", "task_hash": "0", "seed": 0, "clock": "lockstep",
          "observations": 0, "actions": 0, "env_steps": 0, "env_steps_per_s": 0.0, "action_latency_ms": None,
          "missed_deadlines": 0, "refused_actions": 0, "episodes": []}
(folder / "out" / "simulator.json").write_text(json.dumps(report))
"""


def test_a_run_ends_with_a_summary(stubs, capsys, monkeypatch):
    stubs.add("simulator", REPORT, required=True, role="simulator")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(stubs.prefix))
    assert run_graph(stubs.graph(), Console()) == 0
    assert json.loads((stubs.folder / "out" / "summary.json").read_text())["episodes"] == 0
    assert "Summary of the run" in capsys.readouterr().out


def test_a_run_without_report_is_a_failure(stubs, capsys, monkeypatch):
    stubs.add("simulator", "", required=True, role="simulator")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(stubs.prefix))
    assert run_graph(stubs.graph(), Console()) == 1
    assert "no summary" in capsys.readouterr().out


def test_a_run_that_is_stopped_before_its_robot_is_ready_is_no_failure(stubs, capsys, monkeypatch):
    stubs.add("simulator", "os.kill(os.getppid(), signal.SIGINT)\nwait()", required=True, role="simulator")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(stubs.prefix))
    assert run_graph(stubs.graph(), Console()) == 0
    assert "stopped before the robot was ready" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["9" * 5000, "~nobody_of_that_name/policy", "a" * 5000 + ".yaml"])
@pytest.mark.parametrize("words", [("policy", "show"), ("bag", "info"), ("task", "show"), ("rollout", "--policy")])
def test_a_path_that_no_system_takes_is_refused_in_a_sentence(words, name, capsys):
    assert cli.main([*words, name]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [("bag", "info"), ("bag", "check"), ("bag", "recover"), ("catalogue", "list")])
def test_a_folder_of_somebody_else_is_refused_in_a_sentence(words, capsys, monkeypatch):
    """Tests may be root's, who may look everywhere."""

    def stat(path, *, look=Path.stat, **how):
        if "closed" in path.parts:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    code, _, told = run(capsys, *words, "/closed/x")
    assert (code, told.startswith("hrl: /closed/x"), told.endswith(": permission denied\n")) == (2, True, True)


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EACCES, "permission denied"), (errno.EPERM, "operation not permitted")]
)
def test_what_may_not_be_done_with_a_path_is_told_and_any_other_error_is_raised(capsys, monkeypatch, number, said):
    def refuse(_words):
        raise OSError(number, os.strerror(number), *named)

    monkeypatch.setattr(cli, "_dispatch", refuse)
    named = ["/somebody/bag"]
    assert run(capsys, "bag") == (2, "", f"hrl: /somebody/bag: {said}\n")
    named = []
    with pytest.raises(PermissionError):
        cli.main(["bag"])


def test_a_current_folder_that_is_gone_is_told(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, _, told = run(capsys, "bag", "upload", "bags", "file:///there")
    assert (code, told) == (2, "hrl: the current folder is gone: change to another one\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_stream_that_is_closed_is_no_trouble(closed):
    program = "import sys; from hrl.cli import main; sys.exit(main())"
    command = ["sh", "-c", f'exec "$0" -c "$1" --help {closed}', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["doctor", "--help"]])
def test_output_that_a_full_disk_does_not_take_is_one_line(words):
    command = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "hrl: cannot write: no space left on device\n")
