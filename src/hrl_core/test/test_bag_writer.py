"""A bag appears under its name only when whole, and is never overwritten."""

import pytest
from rosbags.rosbag2 import Reader

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


def test_existing_recording_is_never_overwritten(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path / "bag", typestore_with([DEFINITION]))


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BagError, match="cannot create bag"):
        BagWriter(tmp_path / "file" / "bag", typestore_with([DEFINITION]))
