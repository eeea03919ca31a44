"""Minari, read by ``minari.load_dataset``: the recorded numbers, bit for bit, in Minari's own places."""

import dataclasses

import minari
import numpy as np
import pytest
from gymnasium import spaces

from hrl_core.bags.reader import read_bags
from hrl_core.exports.columns import step_columns
from hrl_core.exports.formats import FORMATS
from hrl_core.exports.selection import choose_episodes
from hrl_core.task.spec import Actuator


def same_bits(one, other):
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Export bags as a data set below Minari's root and load it by its id."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))

    def export(*bags):
        selection = choose_episodes(read_bags(bags))
        FORMATS["minari"].export(selection, tmp_path / "root/hrl/tiny-v0")
        return selection, minari.load_dataset("hrl/tiny-v0")

    return export


@pytest.fixture
def odd_numbers(script):
    """Two runs whose numbers are random bits, NaN and infinities among them."""
    generator = np.random.default_rng(0)

    def bits(*shape):
        return np.frombuffer(generator.bytes(8 * int(np.prod(shape))), np.float64).reshape(shape)

    said = script()
    for run in (5, (1 << 64) - 1):
        said.run_info(run)
        for number, length in enumerate((8, 1, 5)):
            lived = bits(length + 1, 4), bits(length, 2), bits(length)
            said.episode(number, *lived, run=run, terminated=number == 1)
    return said.messages


def test_arrays_are_read_back_bit_for_bit(load, odd_numbers, write_bag, tmp_path):
    selection, dataset = load(write_bag(tmp_path / "bag", odd_numbers))
    assert dataset.total_episodes == len(selection.episodes) == 6
    assert dataset.total_steps == selection.steps == 28
    for episode, read in zip(selection.episodes, dataset.iterate_episodes(), strict=True):
        observed, taken = step_columns(episode, selection.layout)
        assert set(read.observations) == {"observation", "achieved_goal", "desired_goal"}
        for name, values in read.observations.items():
            assert same_bits(values, observed.pop(name))
        assert same_bits(read.actions, taken.pop("action"))
        assert same_bits(read.rewards, taken.pop("reward"))
        assert same_bits(read.terminations, taken.pop("terminated"))
        assert same_bits(read.truncations, taken.pop("truncated"))
        assert set(read.infos) == set(observed | taken)
        for name, values in (observed | taken).items():
            assert same_bits(read.infos[name], values), name


def test_metadata_tells_seed_outcome_run_and_task(load, odd_numbers, write_bag, tmp_path, tiny_task):
    _, dataset = load(write_bag(tmp_path / "bag", odd_numbers))
    rows = list(dataset.storage.get_episode_metadata(range(6)))
    assert [(row["run"], int(row["episode"])) for row in rows] == [
        (run, number) for run in (f"{5:016x}", "f" * 16) for number in range(3)
    ]
    assert [row["seed"] for row in rows] == [3] * 6
    assert [int(row["total_steps"]) for row in rows] == [8, 1, 5] * 2
    assert all(row["outcome_success"] and row["mode"] == "TRAIN" for row in rows)
    metadata = dataset.storage.metadata
    assert metadata["hrl.task_sha256"] == tiny_task().sha256
    assert np.array_equal(dataset.action_space.low, tiny_task().action_low)
    assert dataset.observation_space["observation"].shape == (4,)
    assert list(minari.list_local_datasets()) == ["hrl/tiny-v0"]


def test_damaged_episode_stays_out_and_an_outcome_may_be_missing(load, script, write_bag, tmp_path):
    said = script()
    said.run_info()
    for number in range(3):
        said.episode(number, np.ones((9, 4)) * number, np.zeros((8, 2)), np.zeros(8), end=number < 2)
    at = [i for i, m in enumerate(said.messages) if m.kind == "Observation" and m.fields["episode"] == 0][3]
    del said.messages[at]
    selection, dataset = load(write_bag(tmp_path / "bag", said.messages))
    assert [e.key.episode for e in selection.episodes] == [1, 2]
    read = list(dataset.iterate_episodes())
    assert [episode.observations["observation"][0, 0] for episode in read] == [1.0, 2.0]
    first, second = dataset.storage.get_episode_metadata(range(2))
    assert "outcome_return" in first and "outcome_return" not in second
    assert not read[1].truncations.any()


def test_ready_for_filtering_as_minari_offers_it(load, odd_numbers, write_bag, tmp_path):
    _, dataset = load(write_bag(tmp_path / "bag", odd_numbers))
    assert dataset.filter_episodes(lambda episode: bool(episode.terminations[-1])).total_episodes == 2


def test_actions_to_choose_from_are_whole_numbers_of_a_discrete_space(load, script, write_bag, tmp_path, tiny_task):
    turn = Actuator("turn", "1", 0.0, 2.0, ("left", "ahead", "right"))
    task, chosen = dataclasses.replace(tiny_task(), action=(turn,)), np.array([2, 0, 0, 1, 2])
    said = script(task)
    said.run_info()
    said.episode(0, np.ones((6, 4)), chosen[:, None].astype(np.float64), np.arange(5.0))
    _, dataset = load(write_bag(tmp_path / "bag", said.messages))
    assert dataset.action_space == spaces.Discrete(3)
    (read,) = dataset.iterate_episodes()
    assert same_bits(read.actions, chosen)
    assert all(dataset.action_space.contains(action) for action in read.actions)
    assert same_bits(read.infos["policy_action"], chosen[:, None].astype(np.float64))
