"""Whatever happens to a recording, everything up to the last whole chunk comes back; the original stays as it is."""

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.records import Chunk, Message
from mcap.stream_reader import StreamReader, breakup_chunk
from rosbags.rosbag2 import Reader

from hrl_core.bags import writer
from hrl_core.bags.blocks import McapScan
from hrl_core.bags.description import describe
from hrl_core.bags.errors import BagError
from hrl_core.bags.reader import read_bags
from hrl_core.bags.recovery import default_out, recover, recoverable

LIMITED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Recorded(NamedTuple):
    """A bag's file, and the end and messages of each of its chunks."""

    content: bytes
    chunks: list

    def __repr__(self):
        return "Recorded"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, simple, write_bag):
    """A bag of many small chunks: its bytes, and the end and messages of each chunk."""
    before, writer.CHUNK_BYTES = writer.CHUNK_BYTES, 4000
    bag = write_bag(tmp_path_factory.mktemp("recorded") / "bag", simple(4, length=20).messages)
    writer.CHUNK_BYTES = before
    data = (bag / "bag.mcap").read_bytes()
    stream = io.BytesIO(data)
    chunks, end = [], 0
    for record in StreamReader(stream, emit_chunks=True).records:
        # The reader is ahead of nothing: the position is the end of the record.
        end = stream.tell()
        if isinstance(record, Chunk):
            chunks.append((end, [m.data for m in breakup_chunk(record) if isinstance(m, Message)]))
    assert len(chunks) > 5
    return Recorded(data, chunks)


def saved(bag):
    """Messages of a finished bag in order, and its custom metadata."""
    with Reader(bag) as reader:
        return [bytes(data) for _, _, data in reader.messages()], reader.storage.metadata.custom or {}


@LIMITED
@given(st.data())
def test_file_cut_at_any_byte_gives_all_whole_chunks(tmp_path_factory, recorded, data):
    content, chunks = recorded
    near = st.sampled_from(chunks).flatmap(lambda chunk: st.integers(chunk[0] - 3, chunk[0] + 3))
    cut = data.draw(st.integers(0, len(content)) | near)
    folder = tmp_path_factory.mktemp("cut")
    source = folder / "bag.partial" / "bag"
    source.mkdir(parents=True)
    (source / "bag.mcap").write_bytes(content[:cut])
    expected = [message for end, messages in chunks if end <= cut for message in messages]
    if not expected:
        with pytest.raises(BagError, match="nothing to save"):
            recover(source.parent, folder / "out")
        assert not (folder / "out").exists()
        return
    outcome = recover(source.parent, folder / "out")
    messages, _ = saved(folder / "out")
    assert messages == expected
    assert outcome.messages == len(expected)
    assert bool(outcome.problems) == (cut < len(content))
    assert (source / "bag.mcap").read_bytes() == content[:cut]
    recording = read_bags([folder / "out"])
    assert outcome.episodes == sum(e.finished for e in recording.episodes)
    assert outcome.episodes + outcome.unfinished >= len(recording.episodes)


@LIMITED
@given(st.data())
def test_any_damaged_byte_costs_no_chunk_before_it_and_never_an_exception(tmp_path_factory, recorded, data):
    content, chunks = recorded
    at = data.draw(st.integers(0, len(content) - 1))
    broken = bytearray(content)
    broken[at] ^= data.draw(st.integers(1, 255))
    folder = tmp_path_factory.mktemp("broken")
    (folder / "bag.mcap").write_bytes(broken)
    expected = [message for end, messages in chunks if end <= at for message in messages]
    try:
        recover(folder / "bag.mcap", folder / "out")
    except BagError:
        assert not expected
        return
    messages, _ = saved(folder / "out")
    # A byte within the times of messages may put them elsewhere in time; none is lost.
    assert set(expected) <= set(messages)


def test_lengths_beyond_every_file_are_damage_too(tmp_path, recorded):
    """The highest bit of each byte of the first records flipped in turn: one of them makes a length of 2^63."""
    content, _ = recorded
    for at in range(80, 120):
        broken = bytearray(content)
        broken[at] ^= 128
        source = tmp_path / f"{at}.mcap"
        source.write_bytes(broken)
        with contextlib.suppress(BagError):
            recover(source, tmp_path / f"out_{at}")


@pytest.mark.parametrize("text", ["\t", "[1, 2]", "{a: b}", "- 3\n- 4", "\x03"])
def test_profiles_that_are_none_are_damage_too(tmp_path, recorded, text):
    broken = bytearray(recorded.content)
    at = broken.index(b"- avoid_ros")
    broken[at : at + len(text)] = text.encode()
    (tmp_path / "bag.mcap").write_bytes(broken)
    with contextlib.suppress(BagError):
        recover(tmp_path / "bag.mcap", tmp_path / "out")


def test_recovered_bag_says_what_the_recorder_would_have(tmp_path, recorded):
    content, _ = recorded
    source = tmp_path / "run.partial" / "run"
    source.mkdir(parents=True)
    (source / "run.mcap").write_bytes(content[:-2000])
    outcome = recover(tmp_path / "run.partial", default_out(tmp_path / "run.partial"))
    assert outcome.out == tmp_path / "run.recovered"
    assert (outcome.episodes, outcome.unfinished) == (4, 0)
    said = describe(outcome.out).custom
    assert (said["run"], said["robot"], said["seed"], said["git_commit"]) == ("1", "robot", "5", "abc")
    assert said["policy_sha256"] == {"9": ""}
    assert said["recovered_from"] == "run.partial"
    assert [e["episode"] for e in said["episodes"]] == [0, 1, 2, 3]
    task = read_bags([outcome.out]).task
    assert task is not None
    assert task.sha256 == said["task_hash"]


def test_unfinished_episodes_are_told_apart(tmp_path, simple, write_bag):
    said = simple(2)
    messages = said.messages[:-6]
    outcome = recover(write_bag(tmp_path / "bag", messages), tmp_path / "out")
    assert (outcome.episodes, outcome.unfinished) == (1, 1)
    assert json.loads(saved(tmp_path / "out")[1]["hrl.unfinished_episodes"]) == [1]


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_bag_without_metadata_is_recovered_from_any_storage(tmp_path, simple, write_bag, storage):
    said = simple(2)
    bag = write_bag(tmp_path / "bag", said.messages, storage)
    (bag / "metadata.yaml").unlink()
    with pytest.raises(BagError, match="hrl bag recover"):
        read_bags([bag])
    assert recover(bag, tmp_path / "out").messages == len(said.messages)
    assert len(read_bags([tmp_path / "out"]).episodes) == 2


def test_every_unfinished_bag_of_a_folder_is_found(tmp_path, simple, write_bag):
    write_bag(tmp_path / "segment_000000", simple(1).messages)
    for name in ("segment_000001", "segment_000002"):
        (tmp_path / f"{name}.partial" / name).mkdir(parents=True)
        (tmp_path / f"{name}.partial" / name / f"{name}.mcap").touch()
    assert [p.name for p in recoverable(tmp_path)] == ["segment_000001.partial", "segment_000002.partial"]
    (tmp_path / "segment_000003.partial").mkdir()
    assert recoverable(tmp_path)[2:] == [tmp_path / "segment_000003.partial"]
    assert recoverable(tmp_path / "segment_000000") == [tmp_path / "segment_000000"]
    for path, problem in ((tmp_path / "nowhere", "does not exist"), (tmp_path / "empty", "is no recording")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(BagError, match=problem):
            recoverable(path)


def test_existing_folder_is_never_overwritten(tmp_path, simple, write_bag):
    bag = write_bag(tmp_path / "bag", simple(1).messages)
    shutil.copytree(bag, tmp_path / "out")
    with pytest.raises(BagError, match="exists already"):
        recover(bag, tmp_path / "out")


_LIMITED = """
import resource, signal, sys
from pathlib import Path
from hrl_core.bags.errors import BagError
from hrl_core.bags.recovery import recover
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    recover(Path(sys.argv[1]), Path(sys.argv[2]))
except BagError as error:
    print(error)
"""


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_without_room_for_the_new_bag_nothing_is_left_of_it_and_it_can_be_tried_again(
    tmp_path, simple, write_bag, share
):
    bag, out = write_bag(tmp_path / "bag", simple(4, length=40).messages), tmp_path / "new" / "out"
    assert recover(bag, tmp_path / "whole").messages > 0
    room = int(share * max(path.stat().st_size for path in (tmp_path / "whole").iterdir()))
    out.parent.mkdir()
    command: list[str] = [sys.executable, "-c", _LIMITED, str(bag), str(out), str(room)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"cannot recover {bag}: "), told
    assert "File too large; free some space and recover it again" in told.stdout
    assert list(out.parent.iterdir()) == []
    assert recover(bag, out).messages > 0


KILLED = """
import sys
from pathlib import Path
from hrl_core.bags import writer
from hrl_core.bags.blocks import McapScan
writer.CHUNK_BYTES = 3000
bag = writer.BagWriter(Path(sys.argv[1]), writer.typestore_with([("t/msg/N", "uint32 value\\n")]))
bag.add_topic("/n", "t/msg/N", latched=False)
for i in range(10**9):
    bag.write("/n", i, b"\\0\\1\\0\\0" + i.to_bytes(4, "little"))
    if i % 100 == 0:
        print(i, flush=True)
"""


def test_killed_writer_loses_no_more_than_a_chunk(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "bag")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    written = []
    while not written or written[-1] < 5000:
        written.append(int(process.stdout.readline()))
    process.send_signal(signal.SIGKILL)
    written += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait()
    assert not (tmp_path / "bag").exists()
    outcome = recover(tmp_path / "bag.partial", tmp_path / "out")
    messages, _ = saved(tmp_path / "out")
    assert [int.from_bytes(m[4:], "little") for m in messages] == list(range(outcome.messages))
    assert outcome.messages >= max(written) - 3000 // 39


def test_slow_stream_is_handed_over_by_time(tmp_path, simple, typestore, monkeypatch):
    monkeypatch.setattr(writer, "CHUNK_SECONDS", 0.05)
    bag = writer.BagWriter(tmp_path / "bag", typestore)
    bag.add_topic("/run_info", "hrl_msgs/msg/RunInfo", latched=True)
    data = simple(0).messages[0].data
    bag.write("/run_info", 1, data)
    bag.flush(older_than=60.0)
    before = bag.size
    time.sleep(0.06)
    bag.flush(older_than=0.05)
    assert bag.size > before
    assert recover(tmp_path / "bag.partial", tmp_path / "out").messages == 1


@pytest.mark.parametrize(("size", "said"), [(0, "the file is empty"), (3, "at byte 3 of 3"), (9, "at byte 8 of 9")])
def test_a_position_is_within_the_file(tmp_path, recorded, size, said):
    (tmp_path / "bag.mcap").write_bytes(recorded.content[:size])
    scan = McapScan(tmp_path / "bag.mcap")
    assert list(scan.blocks()) == []
    assert said in scan.problem


def test_an_unfinished_bag_is_recovered_from_within(tmp_path, recorded, monkeypatch):
    inner = tmp_path / "x.partial" / "x"
    inner.mkdir(parents=True)
    (inner / "x.mcap").write_bytes(recorded.content)
    for folder, called in ((inner.parent, "."), (inner, "..")):
        monkeypatch.chdir(folder)
        (source,) = recoverable(Path(called))
        assert source == inner.parent
        assert default_out(source) == tmp_path / "x.recovered"
    with pytest.raises(BagError, match="exists already"):
        recover(source, Path("."))
