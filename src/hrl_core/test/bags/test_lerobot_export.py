"""LeRobot layout v3.0, read with pyarrow as documented and, where it is installed, with LeRobot itself."""

import dataclasses
import importlib
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from hrl_core.bags.reader import read_bags
from hrl_core.errors import HrlError
from hrl_core.exports import lerobot_dataset
from hrl_core.exports.columns import step_columns
from hrl_core.exports.formats import FORMATS
from hrl_core.exports.selection import choose_episodes


@pytest.fixture
def selection(script, write_bag, tmp_path):
    """Three sound episodes of two runs, the last one cut off, and a damaged one."""
    generator, said = np.random.default_rng(0), script()
    for run, lengths in ((5, (8, 1, 4)), ((1 << 64) - 1, (6,))):
        said.run_info(run)
        for number, length in enumerate(lengths):
            lived = (generator.normal(size=shape) for shape in ((length + 1, 4), (length, 2), length))
            said.episode(number, *lived, run=run, terminated=number == 1, end=run == 5)
    at = [i for i, m in enumerate(said.messages) if m.kind == "Observation" and m.fields["episode"] == 2][2]
    del said.messages[at]
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    assert [e.steps for e in recording.episodes] == [8, 1, 6]
    return choose_episodes(recording)


@pytest.fixture
def folder(selection, tmp_path):
    FORMATS["lerobot"].export(selection, tmp_path / "out")
    return tmp_path / "out"


def as_numpy(column):
    data = column.combine_chunks()
    if hasattr(data.type, "list_size"):
        return data.flatten().to_numpy().reshape(len(data), data.type.list_size)
    return data.to_numpy(zero_copy_only=False)


def expected_frames(selection, episode):
    """What LeRobot's readers are to give, from what the reader of bags gives."""
    taken = step_columns(episode, selection.layout).taken
    frames = {
        "observation.state": np.float32(episode.states[:-1]),
        "observation.achieved_goal": np.float32(episode.achieved_goals[:-1]),
        "observation.desired_goal": np.float32(episode.desired_goals[:-1]),
        "action": np.float32(episode.applied_actions),
        "intended_action": np.float32(taken["intended_action"]),
        "next.reward": np.float32(episode.rewards),
        "next.success": episode.success[1:],
        "next.terminated": taken["terminated"],
        "next.truncated": taken["truncated"],
        "next.done": taken["terminated"] | taken["truncated"],
        "action_source": episode.action_sources,
        "policy_version": episode.policy_versions.astype(np.int64),
        "stamp": episode.stamps[:-1],
        "received": episode.received[:-1],
        "subgoal": np.float32(taken["subgoal"]),
        "subgoal_anchor": np.float32(taken["subgoal_anchor"]),
    }
    frames |= {name: taken[name] for name in ("subgoal_kind", "subgoal_step", "subgoal_seq", "subgoal_valid")}
    frames |= {name: taken[name] for name in ("subgoal_attempt", "policy_action_source")}
    return frames | {"frame_index": np.arange(episode.steps), "timestamp": np.float32(np.arange(episode.steps) * 0.1)}


def test_frames_equal_the_recorded_steps_as_float32(selection, folder):
    table = pq.read_table(folder / "data/chunk-000/file-000.parquet")
    info = json.loads((folder / "meta/info.json").read_text())
    assert set(table.column_names) == set(info["features"])
    assert as_numpy(table["index"]).tolist() == list(range(15))
    for number, episode in enumerate(selection.episodes):
        mine = table.filter(as_numpy(table["episode_index"]) == number)
        expected = expected_frames(selection, episode)
        assert set(expected) | {"episode_index", "index", "task_index"} == set(mine.column_names)
        for name, values in expected.items():
            read = as_numpy(mine[name])
            assert (read.dtype, read.shape, read.tobytes()) == (values.dtype, values.shape, values.tobytes()), name


def test_info_describes_every_column_as_it_is(folder, tiny_task):
    info = json.loads((folder / "meta/info.json").read_text())
    fields = ("codebase_version", "total_episodes", "total_frames", "total_tasks", "fps", "splits", "robot_type")
    assert [info[f] for f in fields] == ["v3.0", 3, 15, 1, 10, {"train": "0:3"}, "robot"]
    assert (folder / info["data_path"].format(chunk_index=0, file_index=0)).is_file()
    for field in pq.read_schema(folder / "data/chunk-000/file-000.parquet"):
        feature = info["features"][field.name]
        vector = hasattr(field.type, "list_size")
        number = field.type.value_type if vector else field.type
        assert feature["shape"] == [field.type.list_size if vector else 1]
        assert feature["dtype"] == {"float": "float32"}.get(str(number), str(number))
        assert feature["names"] is None or len(feature["names"]) == feature["shape"][0]
    assert info["features"]["action"]["names"] == [a.name for a in tiny_task().action]
    assert info["hrl.task_sha256"] == tiny_task().sha256


def test_episode_table_leads_to_the_frames_and_keeps_the_last_observation(selection, folder):
    rows = pq.read_table(folder / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [r["length"] for r in rows] == [8, 1, 6]
    assert [(r["dataset_from_index"], r["dataset_to_index"]) for r in rows] == [(0, 8), (8, 9), (9, 15)]
    assert [r["tasks"] for r in rows] == [["tiny"]] * 3
    assert [r["hrl.run"] for r in rows] == [f"{5:016x}"] * 2 + ["f" * 16]
    assert [r["hrl.outcome_return"] for r in rows] == [1.5, 1.5, None]
    for row, episode in zip(rows, selection.episodes, strict=True):
        assert row["final.observation.state"] == episode.states[-1].tolist()
        assert row["final.stamp"] == episode.stamps[-1]


def test_statistics_are_those_of_the_frames(selection, folder):
    stats = json.loads((folder / "meta/stats.json").read_text())
    states = np.concatenate([np.float32(e.states[:-1]) for e in selection.episodes]).astype(np.float64)
    found = stats["observation.state"]
    assert found["count"] == [15]
    for name in ("min", "max", "mean", "std"):
        assert np.allclose(found[name], getattr(states, name)(axis=0), rtol=1e-12)
    assert np.allclose(found["q50"], np.median(states, axis=0))
    row = pq.read_table(folder / "meta/episodes/chunk-000/file-000.parquet").to_pylist()[2]
    assert np.allclose(row["stats/next.reward/mean"], [np.float32(selection.episodes[2].rewards).mean()])
    assert all(math.isfinite(x) for figures in stats.values() for values in figures.values() for x in values)


def test_data_files_are_cut_between_episodes(monkeypatch, selection, tmp_path):
    monkeypatch.setattr(lerobot_dataset, "DATA_MEGABYTES", 1e-6)
    monkeypatch.setattr(lerobot_dataset, "CHUNK_FILES", 2)
    FORMATS["lerobot"].export(selection, tmp_path / "cut")
    found = sorted(str(p.relative_to(tmp_path / "cut/data")) for p in (tmp_path / "cut/data").rglob("*.parquet"))
    assert found == ["chunk-000/file-000.parquet", "chunk-000/file-001.parquet", "chunk-001/file-000.parquet"]
    rows = pq.read_table(tmp_path / "cut/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(r["data/chunk_index"], r["data/file_index"]) for r in rows] == [(0, 0), (0, 1), (1, 0)]


def test_seeds_of_64_bits_are_kept(selection, tmp_path):
    first = selection.episodes[0]
    selection.episodes[0] = dataclasses.replace(first, outcome=first.outcome._replace(seed=2**64 - 1))
    FORMATS["lerobot"].export(selection, tmp_path / "out")
    seeds = pq.read_table(tmp_path / "out/meta/episodes/chunk-000/file-000.parquet")["hrl.outcome_seed"]
    assert [seed is None for seed in seeds.to_pylist()] == [False, False, True]
    assert seeds[0].as_py() == 2**64 - 1


def test_policy_version_beyond_signed_numbers_is_refused(selection, tmp_path):
    selection.episodes[0].policy_versions[0] = 1 << 63
    with pytest.raises(HrlError, match=f"policy version {1 << 63} does not fit"):
        FORMATS["lerobot"].export(selection, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("lerobot.datasets.lerobot_dataset", marks=pytest.mark.needs("lerobot")),
        pytest.param("ledataset.datasets.lerobot_dataset", marks=pytest.mark.needs("lerobot-dataset")),
    ],
)
def test_lerobot_and_the_reader_on_its_own_read_it(selection, folder, module):
    dataset_module = importlib.import_module(module)
    dataset = dataset_module.LeRobotDataset("hrl/tiny", root=folder)
    assert (dataset.num_episodes, dataset.num_frames, dataset.fps) == (3, 15, 10)
    expected = [expected_frames(selection, episode) for episode in selection.episodes]
    frame = 0
    for number, columns in enumerate(expected):
        for step in range(len(columns["action"])):
            item = dataset[frame]
            assert (int(item["episode_index"]), item["task"]) == (number, "tiny")
            for name, values in columns.items():
                assert np.array_equal(item[name].numpy(), values[step]), name
            frame += 1
    windows = dataset_module.LeRobotDataset("hrl/tiny", root=folder, delta_timestamps={"action": [0.0, 0.1]})
    assert np.array_equal(windows[0]["action"].numpy(), np.float32(selection.episodes[0].applied_actions[:2]))
    assert windows[7]["action_is_pad"].tolist() == [False, True]
