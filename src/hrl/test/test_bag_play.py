"""``hrl bag play``: what nobody could look at does not begin, and ends when the only one who looks dies."""

import pytest

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.commands.bag_play import Play
from hrl.launching.supervisor import Supervisor
from hrl_core.task.text import load_task


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    task = load_task("PointMaze")
    bag = tmp_path_factory.mktemp("recorded") / "bag"
    write_recording(bag, random_messages(task, task.max_episode_steps))
    return bag


@pytest.fixture
def started(monkeypatch):
    """Every run of a supervisor, which starts nothing."""
    runs = []
    monkeypatch.setattr(Supervisor, "run", lambda self: runs.append(self) or 0)
    monkeypatch.setattr("hrl.commands.bag_play.need_ros", lambda: None)
    return runs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--viewer-port", "99999"], "--viewer-port 99999: must be between 1 and 65535"),
        (["--viewer-port", "0"], "--viewer-port 0: must be"),
        (["--viewer-host", "192.0.2.99"], "the viewer cannot listen at '192.0.2.99'"),
        (["--viewer-host", "no.such.host.invalid"], "the viewer cannot listen at 'no.such.host.invalid'"),
    ],
)
def test_a_place_where_no_page_can_be_is_refused_before_anything_starts(bag, started, capsys, words, message):
    assert cli.main(["bag", "play", str(bag), *words]) == 2
    assert message in capsys.readouterr().err
    assert not started
    assert cli.main(["bag", "play", str(bag), "--no-viewer", *words]) == 0
    assert len(started) == 1


def test_a_viewer_that_looks_alone_is_needed_and_one_beside_rviz_is_not(bag, monkeypatch):
    monkeypatch.setattr("hrl.graphs.onlookers.shutil.which", lambda _: "/usr/bin/rviz2")
    for rviz, needed in ((False, {"viewer"}), (True, set())):
        nodes = Play(bag, rviz=rviz)._nodes()
        assert {node.role for node in nodes if not node.expendable} == needed | {"player"}
