"""``hrl bag play``: what nobody could look at does not begin, and ends when the only one who looks dies."""

import os

import pytest
import rclpy

from hrl import cli
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.commands.bag_play import Play
from hrl.launching.supervisor import Supervisor
from hrl_core.task.text import load_task
from hrl_ros import messages
from hrl_viz.player_node import PlayerNode


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


class Kept:
    """In the place of a publisher: what it is given goes to ``told`` with its run."""

    def __init__(self, told, run_of):
        self._told, self._run_of = told, run_of

    def publish(self, message):
        self._told.append((type(message).__name__, self._run_of(message)))


@pytest.fixture
def player(monkeypatch):
    """Makes a player of a folder of bags, which begins at once."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    nodes = []

    def make(folder):
        rclpy.init(args=["--ros-args", "-p", f"bag:={folder}", "-p", "rate:=0.0"], domain_id=80 + os.getpid() % 20)
        nodes.append(PlayerNode())
        nodes[0].setup()
        nodes[0]._began = -1e9
        return nodes[0]

    yield make
    nodes[0].destroy_node()
    rclpy.shutdown()


@pytest.mark.ros
def test_every_message_is_of_the_run_that_was_announced_last(record, player, tmp_path):
    for run in (1, 2):
        record(tmp_path / str(run), "option_critic_four_rooms_point", episodes=2, run=run)
    play, told = player(tmp_path), []
    observed = next(topic for topic, kind in play.recording.topics.items() if kind == "hrl_msgs/msg/Observation")
    play._info = play._status = Kept(told, lambda message: message.run)
    play._outputs = dict.fromkeys(play._outputs, Kept([], lambda data: 0))
    play._outputs[observed] = Kept(told, lambda data: messages.OBSERVATION.decode(data).run)
    while not play.finished:
        play._play()
        play.publish_status()
    announced = 0
    for kind, run in told:
        announced = run if kind == "RunInfo" else announced
        assert run == announced
    assert [run for kind, run in told if kind == "RunInfo"] == [1, 2]
    assert sum(kind == "bytes" for kind, _ in told) == sum(len(e.stamps) for e in play.recording.episodes)
