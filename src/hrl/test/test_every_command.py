"""What a person may do to any command: stop it while it starts, read its first line only, have another alphabet."""

import io
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task

HRL = "import sys; from hrl.cli import main; sys.exit(main())"
INTERRUPTED_AT = """
import importlib.abc, os, signal, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""
FOLDER = "dölp \N{SNOWMAN} [m]"
"""Letters beyond ASCII, a blank, and brackets that look like rich's markup."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag and a policy in a folder with a name of its own."""
    folder = tmp_path_factory.mktemp("commands") / FOLDER
    task = load_task("PointMaze")
    write_recording(folder / "bag", random_messages(task, task.max_episode_steps))
    save_checkpoint(random_checkpoint(task, 0), folder / "policy")
    return folder


def run(program: str, words: list[str], folder: Path, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
        **more,
    )


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_ctrl_c_while_a_command_is_imported_is_its_end_without_a_word(command: str, tmp_path: Path) -> None:
    module = f"hrl.commands.{cli.COMMANDS[command].target.partition(':')[0]}"
    done = run(INTERRUPTED_AT.format(module=module) + HRL, [command], tmp_path)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_while_the_command_line_is_imported_as_well(tmp_path: Path) -> None:
    for module in ("rich", "hrl_core.errors"):
        done = run(INTERRUPTED_AT.format(module=module) + HRL, ["task", "list"], tmp_path)
        assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_while_a_command_runs_is_130(monkeypatch) -> None:
    def interrupted(_words: list[str]) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return 0

    monkeypatch.setattr("hrl.commands.task.task", interrupted)
    assert cli.main(["task", "list"]) == 130


def test_ctrl_c_that_became_another_error_is_130_and_other_errors_stay(monkeypatch) -> None:
    def failed(words: list[str]) -> int:
        try:
            raise KeyboardInterrupt if words else ValueError
        except BaseException as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr("hrl.commands.task.task", failed)
    assert cli.main(["task", "list"]) == 130
    with pytest.raises(ImportError):
        cli.main(["task"])


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with cli.dying_of_ctrl_c():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


PRINTING = [
    [],
    ["--version"],
    ["fly"],
    ["task", "list"],
    ["task", "show", "AntMaze"],
    ["policy", "show", "policy"],
    ["bag", "info", "."],
    ["bag", "info", ".", "--json"],
    ["bag", "check", "bag"],
    ["bag", "check", "nowhere"],
    ["bag", "recover", "nowhere"],
    ["launch", "hiro_ant.launch.py", "--show-args"],
    ["launch", "hiro_ant.launch.py", "policy:=nowhere"],
]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_reader_that_has_gone_and_a_terminal_without_the_letters_are_no_traceback(
    words: list[str], folder: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    gone = run(HRL, words, folder, stdout=writer)
    os.close(writer)
    assert "Traceback" not in gone.stderr
    assert "Exception ignored" not in gone.stderr
    absolute = words[:2] + [str(folder / word) if (folder / word).exists() else word for word in words[2:]]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    shown = run(HRL, absolute, folder, stdout=subprocess.PIPE, env=plain)
    assert "Traceback" not in shown.stderr
    assert (shown.stdout + shown.stderr).isascii()
    assert gone.returncode == (cli.NO_READER if shown.stdout else shown.returncode)
    assert shown.returncode in (0, 1, 2)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_no_reader_and_no_letters_for_the_help_of_any_command(command: str, monkeypatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(os.fdopen(writer, "wb", buffering=0), encoding="ascii") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main([command, "--help"]) == cli.NO_READER


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = run(HRL, ["policy", "init", "--task", "PointMaze", "--out", "policy"], tmp_path, preexec_fn=fill_up)
    assert done.returncode == 2, done.stderr
    assert "hrl: policy cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
