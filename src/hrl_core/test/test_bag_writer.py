"""A bag appears under its name only when whole, and is never overwritten."""

import os

import pytest
from rosbags.rosbag2 import Reader

from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.writer import BagError, BagWriter, typestore_with

DEFINITION = ("test_msgs/msg/Number", "uint32 value\n")


def test_bag_is_partial_until_closed_and_then_readable(tmp_path):
    writer = BagWriter(tmp_path / "bag", typestore_with([DEFINITION]))
    writer.add_topic("/number", DEFINITION[0], latched=True)
    writer.write("/number", 1, b"\x00\x01\x00\x00\x07\x00\x00\x00")
    assert not (tmp_path / "bag").exists()
    writer.close({"who": "test"})
    assert [p.name for p in tmp_path.iterdir()] == ["bag"]
    assert sorted(p.name for p in (tmp_path / "bag").iterdir()) == ["bag.mcap", "metadata.yaml"]
    assert "who: test" in (tmp_path / "bag" / "metadata.yaml").read_text()
    with Reader(tmp_path / "bag") as reader:
        assert [bytes(data)[4] for _, _, data in reader.messages()] == [7]


@pytest.mark.parametrize("messages", [0, 1, 3000])
def test_the_digest_told_at_the_end_is_that_of_the_files_in_any_name(tmp_path, messages):
    writer = BagWriter(tmp_path / "zebra", typestore_with([DEFINITION]))
    writer.add_topic("/number", DEFINITION[0], latched=False)
    for stamp in range(messages):
        writer.write("/number", stamp, b"\x00\x01\x00\x00" + os.urandom(400))
    assert writer.close({"who": "test"}) == bag_sha256(tmp_path / "zebra")


def test_the_digest_is_another_one_if_anything_has_changed(tmp_path):
    writer = BagWriter(tmp_path / "bag", typestore_with([DEFINITION]))
    writer.add_topic("/number", DEFINITION[0], latched=False)
    written = writer.close({"who": "test"})
    for path in (tmp_path / "bag").iterdir():
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert bag_sha256(tmp_path / "bag") != written
        path.write_bytes(data)
    assert bag_sha256(tmp_path / "bag") == written
    (tmp_path / "bag" / "bag.mcap").rename(tmp_path / "bag" / "other.mcap")
    assert bag_sha256(tmp_path / "bag") != written


def test_existing_recording_is_never_overwritten(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path / "bag", typestore_with([DEFINITION]))


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match="cannot create bag"):
        BagWriter(tmp_path / "file" / "bag", typestore_with([DEFINITION]))
