"""The last subgoal is recalled whole, of this run, or not at all; a disk that refuses stops nobody."""

from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import serialize_message

from hrl_core.types import Subgoal
from hrl_manager.memory import SubgoalMemory
from hrl_msgs import msg
from hrl_ros import messages


@pytest.fixture
def log():
    return Mock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "last_subgoal"


def subgoal_of(seq=0):
    return messages.SUBGOAL.decode(serialize_message(msg.Subgoal(run=7, seq=seq, value=[0.1 * seq, -2.0])))


SUBGOAL = subgoal_of()


def kept(path, subgoal, log):
    memory = SubgoalMemory(path, log)
    memory.keep(messages.SUBGOAL.encode(subgoal))
    return memory


@pytest.mark.parametrize("later", [0, 1])
def test_the_newest_subgoal_of_the_run_is_recalled_bit_for_bit(path, log, later):
    subgoals = [subgoal_of(seq) for seq in range(later + 1)]
    for subgoal in subgoals:
        kept(path, subgoal, log)
    recalled = SubgoalMemory(path, log).recall(subgoals[-1].run)
    assert isinstance(recalled, Subgoal)
    assert messages.SUBGOAL.encode(recalled) == messages.SUBGOAL.encode(subgoals[-1])
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    log.warning.assert_not_called()


def test_a_subgoal_of_another_run_is_none(path, log):
    subgoal = subgoal_of()
    kept(path, subgoal, log)
    assert SubgoalMemory(path, log).recall(subgoal.run + 1) is None


@pytest.mark.parametrize("size", [0, 3, 8, 40])
def test_a_file_cut_short_is_said_and_ignored(path, log, size):
    subgoal = subgoal_of()
    kept(path, subgoal, log)
    path.write_bytes(path.read_bytes()[:size])
    assert SubgoalMemory(path, log).recall(subgoal.run) is None
    log.warning.assert_called_once()
    assert "cannot be recalled" in log.warning.call_args.args[0]


@given(st.data())
def test_any_changed_byte_is_noticed(tmp_path_factory, data):
    path, log = tmp_path_factory.mktemp("memory") / "last_subgoal", Mock()
    kept(path, SUBGOAL, log)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert SubgoalMemory(path, log).recall(SUBGOAL.run) is None
    log.warning.assert_called_once()


def test_a_disk_that_refuses_is_said_once(path, log):
    path.mkdir()
    memory = SubgoalMemory(path, log)
    for _ in range(3):
        memory.keep(messages.SUBGOAL.encode(subgoal_of()))
    log.warning.assert_called_once()
    assert "no longer kept" in log.warning.call_args.args[0]


def test_without_a_path_or_after_an_orderly_end_nothing_is_there(path, log):
    subgoal = subgoal_of()
    SubgoalMemory(None, log).keep(b"anything")
    kept(path, subgoal, log).forget()
    assert list(path.parent.iterdir()) == []
    assert SubgoalMemory(path, log).recall(subgoal.run) is None
    log.warning.assert_not_called()
