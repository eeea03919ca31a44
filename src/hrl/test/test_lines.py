"""What commands say of a path is the path, whatever rich would read into it."""

import shutil
import sys
from pathlib import Path

import pytest

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.results.lines import tell
from hrl_core.task.text import load_task

NAME = "old [run] [/x] :zap:"
"""A style, the end of one that never began, and an emoji."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bags, one of them never finished, and a policy, in a folder with that name."""
    folder = tmp_path_factory.mktemp("told") / NAME
    task = load_task("PointMaze")
    write_recording(folder / "bags" / "bag", random_messages(task, task.max_episode_steps))
    shutil.copytree(folder / "bags" / "bag", folder / "broken" / "bag.partial")
    (folder / "broken" / "bag.partial" / "metadata.yaml").unlink()
    assert cli.main(["policy", "init", "--task", "PointMaze", "--out", str(folder / "policy")]) == 0
    return folder


COMMANDS = {
    "policy init --task PointMaze --out {}/made": "written to {}/made",
    "policy show {}/policy": "{}/policy",
    "bag info {}": "hrl bag recover {}/broken/bag.partial",
    "bag check {}": "hrl bag recover {}/broken/bag.partial",
    "bag recover {}/broken": "-> {}/broken/bag.recovered",
    "bag upload {}/bags file://{}/up": "copied to file://{}/up",
    "bag export {}/bags --to parquet --out {}/tables": "-> {}/tables",
    "catalogue rebuild {}/bags": "{}/bags",
    "task new Pendulum-v1 --steps 100 --out {}/a.yaml": "written to {}/a.yaml",
}


def letters(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("words", COMMANDS)
def test_a_path_is_told_as_it_is(words: str, folder: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = cli.main([word.format(folder) for word in words.split()])
    said = capsys.readouterr()
    assert code == int("check" in words), said.err
    # The title of a table may be folded.
    assert letters(COMMANDS[words].format(*[folder] * 2)) in letters(said.out)


def test_a_line_is_neither_broken_nor_coloured_by_what_it_holds(capsys) -> None:
    line = f"{NAME} {'12 ' * 100}'quoted' /a/path"
    tell(line)
    assert capsys.readouterr().out == f"{line}\n"
