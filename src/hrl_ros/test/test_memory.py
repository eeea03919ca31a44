"""The last words are recalled whole, of this run, or not at all; a disk that refuses stops nobody."""

import os
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.checkpoints.loading import PolicyReference
from hrl_ros.memory import LastWords

RUN = 2**64 - 7
NOTHING = ([], b"", None)
ANOTHER = PolicyReference(3, "worker", "/policies/ant", "00" * 32, "11" * 32)
WORDS = st.lists(st.binary(max_size=300), min_size=1, max_size=3)


@pytest.fixture
def log():
    return Mock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory_worker"


def keep(path, *words, run=RUN):
    memory = LastWords(path, Mock())
    memory.keep(run, words)
    return memory


@given(st.lists(st.tuples(WORDS, st.binary(max_size=300)), min_size=1, max_size=3))
def test_what_was_kept_last_is_recalled_to_the_bit(tmp_path_factory, kept):
    sayings, memories = zip(*kept, strict=True)
    path, log = tmp_path_factory.mktemp("memory") / "memory_worker", Mock()
    memory = LastWords(path, log)
    for words, remembered in kept:
        memory.keep(RUN, words, remembered)
    successor = LastWords(path, log)
    assert successor.recall(RUN) == (sayings[-1], memories[-1], None)
    # Whoever acts with another policy than it was launched with says so with the same words.
    memory.acts_with(ANOTHER)
    memory.keep(RUN, sayings[-1], memories[-1])
    assert LastWords(path, log).recall(RUN) == (sayings[-1], memories[-1], ANOTHER)
    assert successor.certain
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    log.warning.assert_not_called()


def test_words_of_another_run_are_none(path, log):
    keep(path, b"subgoal")
    memory = LastWords(path, log)
    assert memory.recall(RUN - 1) == NOTHING
    assert memory.certain


@pytest.mark.parametrize("size", [0, 3, 8, 20])
def test_a_file_cut_short_is_said_and_not_taken_for_all_there_was(path, log, size):
    keep(path, b"subgoal")
    path.write_bytes(path.read_bytes()[:size])
    memory = LastWords(path, log)
    assert memory.recall(RUN) == NOTHING
    assert not memory.certain
    log.warning.assert_called_once()
    assert "cannot be recalled" in log.warning.call_args.args[0]


@given(st.data())
def test_any_changed_byte_is_noticed(tmp_path_factory, data):
    path, log = tmp_path_factory.mktemp("memory") / "memory_worker", Mock()
    keep(path, b"a segment's end", b"an action")
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    memory = LastWords(path, log)
    assert memory.recall(RUN) == NOTHING
    assert not memory.certain


def test_a_disk_that_refuses_is_said_once(path, log):
    path.mkdir()
    memory = LastWords(path, log)
    for _ in range(3):
        memory.keep(RUN, [b"subgoal"])
    memory.forget()
    log.warning.assert_called_once()
    assert not memory.certain


def test_a_disk_that_is_full_later_leaves_nothing_old_behind(path, log, monkeypatch):
    memory = LastWords(path, log)
    memory.keep(RUN, [b"old"])
    monkeypatch.setattr("os.pwrite", Mock(side_effect=OSError(28, "No space left on device")))
    memory.keep(RUN, [b"new"])
    successor = LastWords(path, log)
    assert successor.recall(RUN) == NOTHING
    assert not successor.certain


def test_a_disk_that_refuses_even_to_forget_ends_nobody(path, log, monkeypatch):
    memory = LastWords(path, log)
    memory.keep(RUN, [b"old"])
    for call in ("pwrite", "ftruncate"):
        monkeypatch.setattr(f"os.{call}", Mock(side_effect=OSError(5, "Input/output error")))
    for _ in range(2):
        memory.keep(RUN, [b"new"])
    memory.forget()
    log.warning.assert_called_once()


def test_who_ends_before_its_run_lets_go_of_the_file_and_leaves_it_to_a_successor(path):
    before = sorted(os.listdir("/proc/self/fd"))
    memory = keep(path, b"subgoal")
    for _ in range(2):
        memory.close()
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert LastWords(path, Mock()).recall(RUN).messages == [b"subgoal"]


def test_without_a_path_nothing_is_kept_and_nothing_is_certain(log):
    memory = LastWords(None, log)
    memory.keep(RUN, [b"subgoal"])
    assert memory.recall(RUN) == NOTHING
    assert not memory.certain
    memory.forget()


def test_forgetting_removes_the_file(path):
    memory = keep(path, b"subgoal")
    memory.forget()
    assert not path.exists()
