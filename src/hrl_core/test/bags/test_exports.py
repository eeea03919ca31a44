"""What every export format has in common: which episodes, what is refused, nothing half-written."""

import dataclasses
import gc
import importlib.util
import json
import os
import resource
import signal
import subprocess
import sys

import minari
import numpy as np
import pyarrow.parquet as pq
import pytest

from hrl_core.bags.reader import read_bags
from hrl_core.errors import HrlError
from hrl_core.exports import minari_dataset
from hrl_core.exports.columns import layout_of, step_columns
from hrl_core.exports.formats import FORMATS, format_named
from hrl_core.exports.minari_id import place
from hrl_core.exports.own_process import in_own_process
from hrl_core.exports.selection import choose_episodes, episode_facts
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.hierarchy.text import parse_hierarchy
from hrl_core.messages import ActionSource, SubgoalKind

ALL = sorted(FORMATS)


@pytest.fixture
def selection(simple, write_bag, tmp_path):
    return choose_episodes(read_bags([write_bag(tmp_path / "bag", simple().messages)]))


def test_subgoal_of_a_step_is_the_last_one_chosen_by_then(selection):
    episode = selection.episodes[1]
    episode.subgoals[0] = episode.subgoals[0]._replace(attempts=np.arange(4, 7))
    episode = dataclasses.replace(episode, sources=np.full(8, ActionSource.TELEOP))
    taken = step_columns(episode, selection.layout).taken
    assert taken["subgoal_step"].tolist() == [0, 0, 0, 3, 3, 3, 6, 6]
    assert taken["subgoal_seq"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert taken["subgoal_attempt"].tolist() == [4, 4, 4, 5, 5, 5, 6, 6]
    assert taken["policy_action_source"].tolist() == [ActionSource.TELEOP] * 8
    assert taken["subgoal_valid"].all()
    for step, row in enumerate(taken["subgoal_seq"]):
        assert np.array_equal(taken["subgoal"][step], episode.subgoals[0].values[row])
        assert np.array_equal(taken["subgoal_anchor"][step], episode.subgoals[0].anchors[row])


def test_subgoal_goes_on_at_continue_and_is_not_valid_before_the_first(selection):
    episode = selection.episodes[0]
    table = episode.subgoals[0]
    late = table._replace(steps=table.steps + 2, kinds=np.array([1, SubgoalKind.CONTINUE, 1]))
    episode.subgoals[0] = late
    taken = step_columns(episode, layout_of([episode])).taken
    assert taken["subgoal_seq"].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0]
    assert taken["subgoal_valid"].tolist() == [False] * 2 + [True] * 6
    assert taken["subgoal_attempt"].tolist() == [-1, -1, 0, 0, 0, 0, 0, 0]
    assert not taken["subgoal"][:2].any()


@pytest.mark.parametrize("form", ALL)
def test_a_task_without_a_goal_is_exported_in_every_format(script, write_bag, tmp_path, tiny_task, form):
    said = script(dataclasses.replace(tiny_task(), goal=(), evaluation_goals=()))
    said.run_info()
    said.episode(0, np.ones((6, 4)), np.ones((5, 2)), np.arange(5.0))
    selection = choose_episodes(read_bags([write_bag(tmp_path / "bag", said.messages)]))
    assert selection.layout.goal == 0
    out = tmp_path / "out-v0"
    FORMATS[form].export(selection, out)
    if form == "parquet":
        steps = pq.read_table(out / "steps.parquet")
        assert steps["desired_goal"].to_pylist() == steps["achieved_goal"].to_pylist() == [[]] * 6
    elif form == "minari":
        (episode,) = minari.MinariDataset(out / "data").iterate_episodes()
        assert isinstance(episode.observations, dict)
        assert episode.observations["desired_goal"].shape == (6, 0)
    else:
        features = json.loads((out / "meta/info.json").read_text())["features"]
        assert "observation.state" in features
        assert not [name for name in features if "goal" in name and "subgoal" not in name]


@pytest.mark.parametrize("form", ALL)
def test_what_subgoals_mean_is_exported_run_by_run(script, write_bag, tmp_path, form):
    said = script()
    here = HierarchySpec((LevelSpec("here", "absolute", {"x": (0.0, 2.0), "y": (0.0, 2.0)}, horizon=5),))
    for run, hierarchy in ((1, ""), ((1 << 64) - 1, here.to_yaml())):
        said.run_info(run, hierarchy=hierarchy)
        said.episode(0, np.ones((6, 4)), np.ones((5, 2)), np.arange(5.0), run=run)
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    assert recording.hierarchies[(1 << 64) - 1] == here != recording.hierarchies[1]
    out = tmp_path / "out-v0"
    FORMATS[form].export(choose_episodes(recording), out)
    if form == "parquet":
        text = pq.read_schema(out / "subgoals.parquet").metadata[b"hrl.hierarchies"]
    else:
        place = {"minari": "data/metadata.json", "lerobot": "meta/info.json"}[form]
        text = json.loads((out / place).read_text())["hrl.hierarchies"]
    told = {int(run, 16): parse_hierarchy(yaml, "the export") for run, yaml in json.loads(text).items()}
    assert told == recording.hierarchies


def test_only_the_last_step_ends_the_episode(selection):
    taken = step_columns(selection.episodes[0], selection.layout).taken
    assert taken["truncated"].tolist() == [False] * 7 + [True]
    assert not taken["terminated"].any()


def test_facts_tell_where_an_episode_is_from(selection, tmp_path, tiny_task):
    facts = episode_facts(selection)
    assert [row["episode_index"] for row in facts] == [0, 1, 2]
    row = facts[2]
    assert (row["run"], row["robot"], row["episode"], row["steps"]) == (f"{1:016x}", "robot", 2, 8)
    assert (row["task"], row["task_hash"]) == ("tiny", f"{tiny_task().hash64:016x}")
    assert row["bag"] == str(tmp_path / "bag")
    outcome = [row[f"outcome_{name}"] for name in ("seed", "return", "success", "end")]
    assert outcome == [3, 1.5, True, "TERMINATED"]


def test_episodes_are_chosen_by_mode(selection, simple, write_bag, tmp_path):
    recording = read_bags([tmp_path / "bag"])
    assert len(choose_episodes(recording, ("TRAIN",)).episodes) == 3
    with pytest.raises(HrlError, match=r"nothing to export: 3 sound episodes, left out: 3 \(mode TRAIN\)"):
        choose_episodes(recording, ("EVAL", "DEMO"))
    with pytest.raises(HrlError, match="modes: choose from TRAIN, EVAL, DEMO, got PLAY"):
        choose_episodes(recording, ("PLAY",))


def test_episodes_of_several_tasks_must_be_told_apart(script, tiny_task, write_bag, tmp_path):
    said = script()
    for number, task in enumerate((tiny_task(), tiny_task(steps=9))):
        said.episode(number, np.zeros((4, 4)), np.zeros((3, 2)), np.zeros(3), task=task)
    recording = read_bags([write_bag(tmp_path / "bag", said.messages)])
    with pytest.raises(HrlError, match=r"of several tasks .* name the one to export with --task"):
        choose_episodes(recording)


def test_unknown_format_names_those_that_there_are():
    with pytest.raises(HrlError, match=r"unknown format 'parket'; did you mean parquet\?: choose one of parquet"):
        format_named("parket")


def test_packages_of_the_formats_are_not_imported_before_they_are_used():
    program = "import sys, hrl_core.exports.formats; sys.exit(bool({'pyarrow', 'minari', 'h5py'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ALL)
def test_missing_package_is_named_with_the_way_to_install_it(monkeypatch, selection, tmp_path, name):
    find = importlib.util.find_spec
    absent = FORMATS[name].packages[0]
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None if package == absent else find(package))
    with pytest.raises(HrlError, match=f"--to {name} needs {absent}, not installed here: .*requirements-export"):
        FORMATS[name].export(selection, tmp_path / "out-v0")


@pytest.mark.parametrize("name", ALL)
def test_existing_target_is_refused_and_kept(selection, tmp_path, name):
    out = tmp_path / "out-v0"
    out.mkdir()
    with pytest.raises(HrlError, match="exists already"):
        FORMATS[name].export(selection, out)
    assert not list(out.iterdir())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("a defect")])
@pytest.mark.parametrize("name", ALL)
def test_failure_leaves_nothing(monkeypatch, selection, tmp_path, name, error):
    def fail(*_):
        raise error

    writer = importlib.import_module(FORMATS[name].module)
    # Late in the work: some files are there already.
    at = {"parquet": "_decisions", "minari": "_known", "lerobot": "_write_tasks"}[name]
    monkeypatch.setattr(writer, at, fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HrlError if isinstance(error, OSError) else ValueError):
        FORMATS[name].export(selection, tmp_path / "out-v0")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ALL)
def test_full_disk_is_said_and_leaves_nothing(selection, tmp_path, name):
    before, limits = sorted(tmp_path.iterdir()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(HrlError, match=r"out-v0 cannot be written: .*File too large"):
            FORMATS[name].export(selection, tmp_path / "out-v0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(tmp_path.iterdir()) == before


def test_disk_that_fills_up_while_hdf5_writes_is_said_and_leaves_nothing(monkeypatch, selection, tmp_path):
    """The room was there when it was asked for."""
    monkeypatch.setattr(minari_dataset, "require_space", lambda *_: None)
    before, limits = sorted(tmp_path.iterdir()), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(HrlError, match="out-v0 cannot be written"):
            FORMATS["minari"].export(selection, tmp_path / "out-v0")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(tmp_path.iterdir()) == before


def test_crash_while_minari_writes_is_said_once_and_leaves_nothing(monkeypatch, selection, tmp_path, capfd):
    def crash(_):
        os.write(2, b"long complaints")
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(minari_dataset, "_known", crash)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HrlError, match=r"out-v0 cannot be written: Minari's writer died of SIGSEGV, perhaps .* full"):
        FORMATS["minari"].export(selection, tmp_path / "out-v0")
    assert sorted(tmp_path.iterdir()) == before
    assert not capfd.readouterr().err


def test_work_in_an_own_process_leaves_files_and_its_errors_arrive(tmp_path):
    in_own_process(lambda: (tmp_path / "file").write_text("there"), "a test")
    assert (tmp_path / "file").read_text() == "there"
    with pytest.raises(KeyError, match="lost") as arrived:
        in_own_process(lambda: {}["lost"], "a test")
    assert "in the process of a test" in str(arrived.value.__cause__)
    with pytest.raises(OSError, match="a test ended with code 3"):
        in_own_process(lambda: os._exit(3), "a test")


def test_what_this_process_dropped_is_not_freed_in_its_copy(tmp_path):
    """It may be a pool of threads, of which the copy has none: MuJoCo's would wait for them for ever."""

    class Dropped:
        def __init__(self):
            self.myself = self

        def __del__(self):
            (tmp_path / str(os.getpid())).touch()

    gc.disable()
    try:
        Dropped()
        in_own_process(lambda: gc.collect(), "a test")
    finally:
        gc.enable()
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == [str(os.getpid())]


def test_minari_file_is_never_larger_than_the_room_that_is_asked_for(simple, write_bag, tmp_path):
    for length, episodes in ((1, 1), (8, 40)):
        bag = write_bag(tmp_path / f"bag_{length}", simple(episodes=episodes, length=length).messages)
        selection = choose_episodes(read_bags([bag]))
        FORMATS["minari"].export(selection, tmp_path / f"out-v{length}")
        size = sum(path.stat().st_size for path in (tmp_path / f"out-v{length}").rglob("*") if path.is_file())
        assert size < minari_dataset._largest_size(selection)


def test_minari_name_is_the_path_below_its_root_and_bad_names_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "root"))
    assert place(tmp_path / "root/hrl/point-maze-v1").id == "hrl/point-maze-v1"
    assert place(tmp_path / "elsewhere/point-maze-v1") == (tmp_path / "elsewhere", "point-maze-v1")
    with pytest.raises(HrlError, match=r"NAME-vNUMBER.*try .*/point-maze-v0"):
        place(tmp_path / "point maze")
