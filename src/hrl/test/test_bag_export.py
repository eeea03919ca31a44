"""`hrl bag export` makes data sets, names what it leaves out, and ends with a code that tells."""

import os
import re
import shutil

import minari
import numpy as np
import pyarrow.parquet as pq
import pytest
from gymnasium import spaces

from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.cli import main
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.text import load_task


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A bag of two episodes of PointMaze and a half."""
    bag = tmp_path_factory.mktemp("recorded") / "bag"
    task = load_task("PointMaze")
    write_recording(bag, random_messages(task, task.max_episode_steps * 5 // 2))
    return bag


@pytest.mark.parametrize("form", ["parquet", "minari", "lerobot"])
def test_export_tells_what_it_made(recorded, tmp_path, capsys, form):
    out = tmp_path / "point-maze-v0"
    assert main(["bag", "export", str(recorded), "--to", form, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    episodes = read_bags([recorded]).episodes
    assert f"{len(episodes)} episodes with {sum(e.steps for e in episodes)} steps" in shown
    assert f"-> {out} ({form})" in shown
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


PLACES = ["data-v0", "hrl/maze/data-v0", "./a/../hrl/data-v0", "../beside/data-v0", "{here}/hrl/data-v0", "{away}/b-v0"]


@pytest.mark.parametrize("out", PLACES)
@pytest.mark.parametrize("form", ["parquet", "minari", "lerobot"])
def test_what_is_exported_from_another_folder_is_read_back(recorded, tmp_path, monkeypatch, capsys, form, out):
    here = tmp_path / "here"
    (here / "a").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "other_root"))
    out = out.format(here=here, away=tmp_path / "away")
    assert main(["bag", "export", os.path.relpath(recorded), "--to", form, "--out", out]) == 0
    steps = sum(episode.steps for episode in read_bags([recorded]).episodes)
    if form == "minari":
        load = re.search(r"load_dataset\('(.*)'\) where MINARI_DATASETS_PATH is (.*)", capsys.readouterr().out)
        assert load is not None
        monkeypatch.setenv("MINARI_DATASETS_PATH", load[2])
        dataset = minari.load_dataset(load[1])
        assert (dataset.id, dataset.total_steps) == (load[1], steps)
        assert list(minari.list_local_datasets()) == [load[1]]
        assert ("hrl/" in load[1]) == ("hrl/" in out), "the namespace is kept"
    elif form == "parquet":
        assert pq.read_table(f"{out}/steps.parquet").num_rows == steps + 3
    else:
        assert pq.read_table(f"{out}/data").num_rows == steps


@pytest.mark.parametrize("name", ["cart_pole", "grid_world"])
def test_choices_are_exported_as_they_were_made_with_a_goal_or_without(record, tmp_path, monkeypatch, name):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    task = load_task(name)
    save_checkpoint(random_checkpoint(task, seed=1, hierarchy=FLAT), tmp_path / "policy")
    bag = record(tmp_path / "bag", str(tmp_path / "policy"), episodes=2, mode=Mode.TRAIN)
    for form, out in (("parquet", "p"), ("minari", "m-v0"), ("lerobot", "l")):
        assert main(["bag", "export", str(bag), "--to", form, "--out", str(tmp_path / out)]) == 0
    episodes = read_bags([bag]).episodes
    chosen = [int(action) for episode in episodes for action in episode.actions[:, 0]]
    goals = np.concatenate([episode.desired_goals for episode in episodes])
    assert {*chosen} == set(range(len(task.choices)))
    assert goals.shape == (len(chosen) + 2, len(task.goal))
    steps, frames = pq.read_table(tmp_path / "p/steps.parquet"), pq.read_table(tmp_path / "l/data")
    assert [row[0] for row in steps["action"].to_pylist() if row is not None] == chosen
    assert steps["desired_goal"].to_pylist() == goals.tolist()
    assert np.ravel(frames["action"].to_pylist()).tolist() == chosen
    assert ("observation.desired_goal" in frames.column_names) == bool(task.goal)
    dataset = minari.load_dataset("m-v0")
    assert dataset.action_space == spaces.Discrete(len(task.choices))
    assert [int(action) for episode in dataset.iterate_episodes() for action in episode.actions] == chosen


def test_damaged_episodes_are_named_and_the_rest_exported(tmp_path, capsys):
    task = load_task("PointMaze")
    messages = list(random_messages(task, 2 * task.max_episode_steps))
    at = [i for i, (topic, _) in enumerate(messages) if topic == "/observation"][7]
    del messages[at]
    write_recording(tmp_path / "gap", iter(messages))
    out = tmp_path / "out"
    assert main(["bag", "export", str(tmp_path / "gap"), "--to", "parquet", "--out", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "step 7 is missing" in shown
    assert "1 episode (damaged)" in shown
    assert pq.read_table(out / "episodes.parquet").num_rows == 1


def test_what_cannot_be_exported_ends_with_a_code_and_leaves_nothing(recorded, tmp_path, capsys):
    out = str(tmp_path / "out")
    for words, message in (
        (["--to", "csv", "--out", out], "unknown format 'csv': choose one of parquet, minari, lerobot"),
        (["--to", "parquet", "--out", out, "--modes", "DEMO"], "nothing to export"),
        (["--to", "minari", "--out", out], "NAME-vNUMBER"),
        (["--to", "parquet", "--out", str(recorded)], "exists already"),
        (["--to", "parquet", "--out", out, "--task", "AntMaze"], "nothing to export"),
    ):
        assert main(["bag", "export", str(recorded), *words]) == 2
        assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["parquet", "minari", "lerobot"])
def test_a_folder_whose_name_is_not_utf8_is_read_and_not_written(recorded, tmp_path, capsys, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    odd = os.fsdecode(b"n\xe9-v0")
    shutil.copytree(recorded, tmp_path / odd)
    assert main(["bag", "export", odd, "--to", form, "--out", "data-v0"]) == 0
    for out in (f"new-{odd}", f"{odd}/in-v0"):
        assert main(["bag", "export", odd, "--to", form, "--out", out]) == 2
    assert "name another" in capsys.readouterr().err.splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {odd, "data-v0"}
