"""`hrl bag` says what is there, what is wrong, and what was saved."""

import json
import shutil

import numpy as np
import pytest

from hrl.benchmarks.bag import BagBenchmark, run
from hrl.benchmarks.random_recording import random_messages, write_recording
from hrl.cli import main
from hrl_core.task.text import load_task


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A bag of two episodes and a half."""
    bag = tmp_path_factory.mktemp("recorded") / "bag"
    task = load_task("PointMaze")
    steps = task.max_episode_steps * 5 // 2
    write_recording(bag, random_messages(task, steps))
    return bag


def test_info_names_topics_and_counts(recorded, capsys):
    assert main(["bag", "info", str(recorded)]) == 0
    shown = capsys.readouterr().out
    for word in ("mcap", "/observation", "hrl_msgs/msg/SubgoalResult", "another recorder"):
        assert word in shown
    assert main(["bag", "info", str(recorded.parent), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    counts = {name: count for name, _, count in row["topics"]}
    assert counts["/observation"] == counts["/action"] + 3
    assert row["messages"] == sum(counts.values())


def test_check_accepts_a_sound_bag_and_names_what_is_missing(recorded, tmp_path, capsys):
    assert main(["bag", "check", str(recorded)]) == 0
    assert "3 sound episodes" in capsys.readouterr().out
    task = load_task("PointMaze")
    messages = list(random_messages(task, 2 * task.max_episode_steps))
    at = [i for i, (topic, _) in enumerate(messages) if topic == "/observation"][7]
    del messages[at]
    write_recording(tmp_path / "gap", iter(messages))
    assert main(["bag", "check", str(tmp_path / "gap")]) == 1
    shown = capsys.readouterr().out
    assert "step 7 is missing" in shown
    assert "1 bag, " in shown
    assert "1 sound episode with" in shown
    assert "1 left out" in shown


def test_killed_recording_is_named_recovered_and_then_sound(recorded, tmp_path, capsys):
    partial = tmp_path / "bag.partial" / "bag"
    shutil.copytree(recorded, partial)
    (partial / "metadata.yaml").unlink()
    file = partial / "bag.mcap"
    file.write_bytes(file.read_bytes()[:-1000])
    for words in (["check", str(tmp_path / "bag")], ["info", str(tmp_path / "bag")]):
        assert main(["bag", *words]) == 2
        assert f"hrl bag recover {tmp_path}/bag.partial" in capsys.readouterr().err
    assert main(["bag", "recover", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "messages saved in 3 whole and 0 unfinished episodes" in shown
    assert f"-> {tmp_path}/bag.recovered" in shown
    assert main(["bag", "check", str(tmp_path / "bag.recovered")]) == 0
    assert main(["bag", "check", str(tmp_path)]) == 1
    assert "was never finished" in capsys.readouterr().out
    assert main(["bag", "recover", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_recordings_that_hold_nothing_are_named_and_cost_no_other(recorded, tmp_path, capsys):
    """Such as the folder that a writer leaves when it is killed between giving a bag its name and removing it."""
    for name in ("b", "d"):
        shutil.copytree(recorded, tmp_path / f"{name}.partial" / name)
    (tmp_path / "a.partial").mkdir()
    (tmp_path / "c.partial" / "c").mkdir(parents=True)
    (tmp_path / "c.partial" / "c" / "c.mcap").touch()
    (tmp_path / "d.recovered.partial").mkdir()
    assert main(["bag", "recover", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert f"{tmp_path}/a.partial is no recording" in shown
    assert f"nothing to save in {tmp_path}/c.partial" in shown
    assert f"{tmp_path}/d.recovered.partial exists already" in shown
    assert sorted(path.name for path in tmp_path.glob("*.recovered")) == ["b.recovered"]
    assert main(["bag", "recover", str(tmp_path / "c.partial")]) == 1
    assert main(["bag", "recover", str(tmp_path / "a.partial")]) == 2


def test_bag_without_episodes_is_not_called_sound(tmp_path, capsys):
    write_recording(tmp_path / "bag", iter([]))
    assert main(["bag", "check", str(tmp_path / "bag")]) == 1
    assert "holds no episode" in capsys.readouterr().out


def test_benchmark_reports_what_the_machine_did():
    outcome = run(BagBenchmark(repeats=1, steps=1000, day=2000, slow_messages=500, json=True))
    assert outcome["name"] == "bag"
    assert outcome["ratio"] == pytest.approx(outcome["arrays"] / outcome["mcap_ros2"])
    assert {"write", "rosbags", "rosbags_raw", "write_mb_per_s", "day_read_s"} <= set(outcome)
    assert np.isfinite(outcome["day_read_s"])
    assert outcome["relabel_ratio"] == pytest.approx(
        outcome["relabel_from_bag_per_s"] / outcome["relabel_in_memory_per_s"]
    )


def test_training_from_relabelled_bags_needs_some(recorded, tmp_path, capsys):
    relabelled, out = str(tmp_path / "relabelled"), tmp_path / "out"
    words = ["train", "--task", "PointMaze", "--from-bags", str(recorded), "--out", str(out)]
    assert main([*words, "--relabelled", relabelled]) == 2
    assert f"{relabelled} does not exist" in capsys.readouterr().err
    assert not out.exists()


def test_training_names_switches_that_do_not_fit_the_task_before_anything_is_written(recorded, tmp_path, capsys):
    words = ["train", "--task", "PointMaze", "--from-bags", str(recorded), "--out", str(tmp_path / "out")]
    assert main([*words, "--preset", "fast"]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "tilt_penalty needs the observation elements qx, qy" in shown
    assert "elements are: x, y, heading" in shown
    assert not (tmp_path / "out").exists()


def test_relabelling_names_the_shipped_policies(recorded, tmp_path, capsys):
    assert main(["relabel", str(recorded), "--checkpoint", "hiro_ant", "--out", str(tmp_path)]) == 2
    assert "hiro_ant_maze" in capsys.readouterr().err
