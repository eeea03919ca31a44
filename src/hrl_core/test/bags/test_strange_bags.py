"""Bags of strangers: storage files alone, recorders without definitions, and what is made to do harm."""

import re
import sqlite3
import struct
import tracemalloc

import numpy as np
import pytest
import zstandard
from rosbags.rosbag2 import Reader, StoragePlugin, Writer

from hrl_core.bags.description import describe
from hrl_core.bags.errors import BagError
from hrl_core.bags.reader import read_bags
from hrl_core.bags.recorded_task import recorded_task

BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)


def same(one, other):
    assert [e.key for e in one.episodes] == [e.key for e in other.episodes] != []
    assert all(np.array_equal(a.states, b.states) for a, b in zip(one.episodes, other.episodes, strict=True))


@pytest.mark.parametrize("storage", ["ours", "mcap", "sqlite3"])
def test_a_storage_file_alone_is_a_bag(tmp_path, simple, write_bag, storage):
    bag = write_bag(tmp_path / "bag", simple().messages, storage)
    (file,) = [path for path in bag.iterdir() if path.suffix in (".mcap", ".db3")]
    alone = read_bags([file])
    assert not alone.problems
    same(alone, read_bags([bag]))
    assert describe(file).messages == describe(bag).messages == len(simple().messages)
    assert recorded_task([file]) == recorded_task([bag])


def test_the_task_is_told_by_the_bags_that_can_be_read(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "whole", simple().messages, "ours")
    broken = tmp_path / "a" / "broken"
    broken.mkdir(parents=True)
    (broken / "metadata.yaml").write_text("no bag")
    assert recorded_task([tmp_path]) == recorded_task([bag])
    with pytest.raises(BagError, match="broken"):
        recorded_task([broken])


def as_humble(bag, type_hash=""):
    """Take from a sqlite3 bag what ROS 2 Humble does not write: definitions, and hashes of types."""
    (file,) = bag.glob("*.db3")
    with sqlite3.connect(file) as data:
        data.execute("DELETE FROM message_definitions")
        data.execute("UPDATE topics SET type_description_hash = ?", (type_hash,))
    text = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(re.sub(r"RIHS01_[0-9a-f]{64}", type_hash or "''", text))


def test_a_bag_without_definitions_is_read_with_the_installed_ones(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "bag", simple().messages, "sqlite3")
    before = read_bags([bag])
    as_humble(bag)
    after = read_bags([bag])
    assert not after.problems
    same(before, after)


def test_a_bag_without_definitions_is_refused_where_its_types_have_other_hashes(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "bag", simple().messages, "sqlite3")
    as_humble(bag, type_hash="RIHS01_" + "0" * 64)
    recording = read_bags([bag])
    assert not recording.episodes
    assert "holds no definition of hrl_msgs/msg/" in recording.problems[0].text
    assert "none of that name and hash is installed" in recording.problems[0].text


def test_messages_that_do_not_fit_the_installed_definition_are_refused(tmp_path, simple, write_bag):
    messages = [m._replace(data=m.data + bytes(8)) for m in simple(1).messages if m.kind == "Observation"]
    bag = write_bag(tmp_path / "bag", messages, "sqlite3")
    as_humble(bag)
    recording = read_bags([bag])
    assert not recording.episodes
    assert "8 bytes too many" in recording.problems[0].text


def replaced(bag, old, new):
    (file,) = bag.glob("*.mcap")
    data = file.read_bytes()
    assert old in data
    file.write_bytes(data.replace(old, new))


def test_a_bomb_in_the_recorded_task_costs_neither_time_nor_memory(tmp_path, script, write_bag):
    said = script()
    said.run_info(task=None)
    said.messages.clear()
    said.say("RunInfo", run=1, robot="robot", task=BOMB, task_hash="0" * 64)
    bag = write_bag(tmp_path / "bag", said.messages)
    tracemalloc.start()
    recording = read_bags([bag])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    assert "values, those behind aliases counted each time" in recording.problems[0].text


def test_a_bomb_in_the_recorded_hierarchy_is_named_and_the_task_is_read(tmp_path, script, write_bag):
    said = script()
    said.run_info(hierarchy=BOMB, hierarchy_hash="0" * 64)
    tracemalloc.start()
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6
    assert recording.task == said.task
    (problem,) = recording.problems
    assert "hierarchy of the RunInfo" in problem.text
    assert "values, those behind aliases counted each time" in problem.text


@pytest.mark.parametrize("text", [BOMB, "[" * 100_000, "rosbag2_bagfile_information: &a {a: *a}", "\xff", "{" * 40])
def test_metadata_that_unfold_are_refused(tmp_path, simple, write_bag, text):
    bag = write_bag(tmp_path / "bag", simple(1).messages)
    (bag / "metadata.yaml").write_bytes(text.encode("latin-1"))
    for read in (describe, lambda path: read_bags([path])):
        with pytest.raises(BagError, match=r"is damaged: .*metadata\.yaml"):
            read(bag)


def record(code, content):
    return struct.pack("<BQ", code, len(content)) + content


@pytest.mark.parametrize("claimed", [2**40, 2**31, 0])
def test_a_chunk_that_unpacks_to_gigabytes_is_refused_packed(tmp_path, claimed):
    packed = zstandard.ZstdCompressor(level=1).compress(bytes(2**31))
    chunk = struct.pack("<QQQII", 0, 0, claimed, 0, 4) + b"zstd" + struct.pack("<Q", len(packed)) + packed
    (tmp_path / "bomb.mcap").write_bytes(b"\x89MCAP0\r\n" + record(6, chunk))
    tracemalloc.start()
    with pytest.raises(BagError, match="a chunk of more than"):
        read_bags([tmp_path / "bomb.mcap"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_one_endless_vector_does_not_widen_all_the_others(tmp_path, simple, write_bag):
    said = simple(20)
    said.say("Observation", run=1, robot="robot", episode=99, state=np.zeros(2_000_000))
    with pytest.raises(BagError, match="differ too much"):
        read_bags([write_bag(tmp_path / "bag", said.messages)])


def test_stamps_beyond_the_range_of_time_are_damage(tmp_path, simple, write_bag):
    messages = [m._replace(stamp=2**63 + 5) for m in simple(1).messages]
    bag = write_bag(tmp_path / "bag", messages, "mcap")
    with pytest.raises(BagError, match="received after the year 2262"):
        read_bags([bag])
    with Reader(bag) as reader:
        assert reader.message_count == len(messages)


@pytest.mark.parametrize(
    ("definition", "content", "problem"),
    [
        ("uint64 run\nstring robot\n", struct.pack("<QIB", 7, 1, 0), "has no field task"),
        ("string run\nstring robot\n", struct.pack("<IIIB", 1, 0, 1, 0), "no field run, or one of another type"),
        ("uint64 run\nuint64[] run\n", bytes(64), "the definition of hrl_msgs/msg/RunInfo is damaged"),
        ("hrl_msgs/boFl run\n", bytes(64), "hrl_msgs/msg/boFl"),
        ("nonsense\n", bytes(64), "the definition of hrl_msgs/msg/RunInfo is damaged"),
    ],
)
def test_a_run_info_of_another_make_is_named(tmp_path, definition, content, problem):
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        about = {"msgdef": definition, "rihs01": "RIHS01_" + "0" * 64}
        topic = writer.add_connection("/run_info", "hrl_msgs/msg/RunInfo", **about)
        writer.write(topic, 1, bytes((0, 1, 0, 0)) + content)
    try:
        found = "; ".join(str(p) for p in read_bags([tmp_path / "bag"]).problems)
    except BagError as error:
        found = str(error)
    assert problem in found


def test_an_unknown_end_and_an_unknown_mode_are_told_not_stumbled_over(tmp_path, script, write_bag):
    said = script()
    said.run_info()
    said.episode(0, np.zeros((4, 4)), np.zeros((3, 2)), np.zeros(3), end=False)
    said.say("EpisodeResult", run=1, robot="robot", episode=0, steps=3, end_reason=200)
    (episode,) = read_bags([write_bag(tmp_path / "bag", said.messages)]).episodes
    assert episode.outcome is not None
    assert episode.outcome.end_name == "200"
    odd = script()
    odd.say("Observation", run=1, robot="robot", episode=0, state=np.zeros(4), mode=9)
    recording = read_bags([write_bag(tmp_path / "odd", odd.messages)])
    assert any("mode 9 at step 0; known are 0 (TRAIN)" in p.text for p in recording.problems)
