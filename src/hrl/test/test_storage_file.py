"""A storage file alone is a bag in every command that takes bags."""

import shutil
from pathlib import Path

import fuzz_seeds
import pytest

from hrl.cli import main
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task

SMALL = (
    "--updates 4 --checkpoint_updates 2 --evaluation_episodes 1 --evaluation_episodes_elsewhere 1 "
    "--worker.hidden 8 8 --manager.hidden 8 8 --material.modes EVAL"
).split()
COMMANDS = [
    ("bag", "info", "@"),
    ("bag", "check", "@"),
    ("bag", "recover", "@", "--out", "%/bag"),
    ("bag", "export", "@", "--to", "parquet", "--out", "%/tables"),
    ("report", "@", "--policy", "!/policy", "--out", "%/page.html"),
    ("relabel", "@", "--checkpoint", "!/policy", "--out", "%/relabelled"),
    ("train", "--from-bags", "@", "--task", "!/task.yaml", "--out", "%/run", *SMALL),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files") / "sound"
    fuzz_seeds.make(folder)
    return folder


@pytest.mark.parametrize("file", ["zstd/zstd.mcap", "sqlite/sqlite.db3"])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "_".join(words[:2]))
def test_every_command_takes_a_storage_file(sound, file, words, tmp_path, capsys):
    places = {"@": str(sound / file), "!": str(sound), "%": str(tmp_path)}
    code = main([places.get(word[:1], "") + word[1:] if word[0] in places else word for word in words])
    assert code == 0, "".join(capsys.readouterr())


FIRST = Path(__file__).parents[2] / "hrl_core" / "test" / "data" / "first_messages"
"""A bag recorded with the first message definitions."""


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """It, whose last episode has only begun, and a policy and the file of its task."""
    folder = tmp_path_factory.mktemp("first")
    task = load_task("PointMaze")
    save_checkpoint(random_checkpoint(task, seed=3), folder / "policy")
    (folder / "task.yaml").write_text(task.to_yaml())
    shutil.copytree(FIRST, folder / "bag")
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "_".join(words[:2]))
def test_every_command_takes_a_bag_of_the_first_definitions(first, words, tmp_path, capsys):
    places = {"@": str(first / "bag"), "!": str(first), "%": str(tmp_path)}
    words = ["TRAIN" if word == "EVAL" else word for word in words]
    code = main([places.get(word[:1], "") + word[1:] if word[0] in places else word for word in words])
    assert code == 0, "".join(capsys.readouterr())


def test_episodes_of_the_first_definitions_are_played_as_messages_of_today():
    from rclpy.serialization import deserialize_message

    from hrl_msgs import msg
    from hrl_ros import messages
    from hrl_viz.recorded_ticks import open_recording

    recording = open_recording([FIRST])
    ticks = recording.ticks(1)
    assert len(ticks) == 45
    said = dict(ticks[0].messages)
    action, subgoal = messages.ACTION.decode(said["/action"]), messages.SUBGOAL.decode(said["/subgoal"])
    assert (action.source, len(action.intended), subgoal.attempt) == (0, 0, 0)
    assert deserialize_message(said["/action"], msg.Action).value.tolist() == action.value.tolist()
    (info,) = (deserialize_message(data, msg.RunInfo) for data in recording.run_infos.values())
    assert (info.robot, info.hierarchy, info.hierarchy_hash) == ("robot", "", "")


@pytest.mark.parametrize("when", ["late", "clock_set_back"])
def test_episodes_are_played_whole_however_they_were_received(tmp_path, when):
    """A recorder that stood still, and one whose wall clock was set ten seconds back in mid-recording."""
    from rosbags.rosbag2 import Reader, StoragePlugin, Writer

    from hrl_viz.recorded_ticks import open_recording

    bag, seconds = tmp_path / "bag", 1_000_000_000
    with (
        Reader(next(FIRST.rglob("metadata.yaml")).parent) as told,
        Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer,
    ):
        ids = {
            c.id: writer.add_connection(c.topic, c.msgtype, msgdef=c.msgdef.data, rihs01=c.digest)
            for c in told.connections
        }
        middle = (told.start_time + told.end_time) // 2
        for connection, received, data in told.messages():
            late = 5 * seconds * (when == "late" and not connection.topic.endswith("observation"))
            back = 10 * seconds * (when == "clock_set_back" and received > middle)
            writer.write(ids[connection.id], received + late - back, data)
    whole, odd = open_recording([FIRST]), open_recording([bag])
    assert len(odd.episodes) == len(whole.episodes)
    for position in range(len(whole.episodes)):
        assert odd.ticks(position) == whole.ticks(position)


def test_episodes_can_be_played_from_a_storage_file(sound):
    from hrl_viz.recorded_ticks import open_recording

    alone, whole = (open_recording([sound / name]) for name in ("zstd/zstd.mcap", "zstd"))
    assert len(alone.ticks(1)) == fuzz_seeds.STEPS + 1
    assert alone.ticks(1) == whole.ticks(1)
    assert alone.run_infos == whole.run_infos
