"""What commands print is whole, however wide the terminal."""

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from hrl import cli
from hrl.results.tables import facts, show
from hrl_core.task.text import shipped_tasks

ROWS = {"storage": "mcap, 12.34 MB", "/subgoal_result": "123456  hrl_msgs/msg/SubgoalResult", "unit [ms]": "a" * 70}


def shown(table: Table, width: int) -> str:
    screen = io.StringIO()
    show(table, Console(file=screen, force_terminal=True, width=width, color_system=None))
    assert all(len(line) <= width for line in screen.getvalue().splitlines())
    return screen.getvalue()


def words_of(text: str) -> str:
    """What stands in it, whatever broke the lines and drew the boxes."""
    return re.sub(r"[^\w\[\].,/]", "", text)


@pytest.mark.parametrize("width", [10, 20, 40, 60, 80, 200])
def test_no_name_and_no_value_is_cut(width: int) -> None:
    text = shown(facts("/a/very/long/path/of/a/bag/that/nobody/would/type", ROWS), width)
    assert "…" not in text
    for value in ("storage", "/subgoal_result", "hrl_msgs/msg/SubgoalResult", "unit[ms]"):
        assert value in words_of(text), text
    assert words_of(text).count("a") >= 70


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_rows_with_a_head_keep_their_heads(width: int) -> None:
    table = Table("task", "environment", "action")
    table.add_row("ant_maze_position", "gymnasium_robotics:hrl/AntMaze-v0", "8")
    text = words_of(shown(table, width))
    for word in ("ant_maze_position", "environment", "gymnasium_roboticshrl/AntMazev0", "action", "8"):
        assert word in text


@pytest.mark.parametrize("columns", [None, "20", "60"])
def test_task_list_names_every_task_in_a_pipe_and_on_a_narrow_screen(monkeypatch, capsys, columns) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    assert cli.main(["task", "list"]) == 0
    text = capsys.readouterr().out
    assert all(name in words_of(text) for name in shipped_tasks())
    if columns is None:
        assert all(any(f" {name} " in line for line in text.splitlines()) for name in shipped_tasks())
