"""`hrl bag import` makes demonstrations of what other tools wrote, and refuses what does not fit the task."""

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from hrl.cli import main
from hrl.commands.imported_bag import write_bag
from hrl_core.algorithms.relay.demonstrations import demonstrated
from hrl_core.bags.reader import read_bags
from hrl_core.imports import lerobot_dataset
from hrl_core.imports.episodes import ImportedEpisode
from hrl_core.messages import ActionSource, Mode
from hrl_core.task.text import load_task

TASK = load_task("push_point")
LENGTHS = (7, 200, 1)


def random_episodes():
    """Episodes of random numbers; the second one terminates."""
    rng = np.random.default_rng(0)
    for number, length in enumerate(LENGTHS):
        states, actions = rng.normal(size=(length + 1, 8)), rng.uniform(-1, 1, (length, 2))
        rewards, achieved = rng.normal(size=length), rng.normal(size=(length + 1, 2))
        desired = np.tile(rng.normal(size=2), (length + 1, 1))
        success = rng.random(length + 1) < 0.5
        # In the first one all was done as it was meant.
        intended = actions if number == 0 else actions * 0.9
        yield ImportedEpisode(states, actions, rewards, number == 1, achieved, desired, success, intended)


@pytest.fixture
def demonstrations(tmp_path):
    """A bag of demonstrations."""
    write_bag(tmp_path / "demos", TASK, list(random_episodes()), 7, "nowhere")
    return tmp_path / "demos"


def imported(tmp_path, form, source, *words):
    out = tmp_path / "imported/bag"
    command = ["bag", "import", str(source), "--from", form, "--task", "push_point", "--out", str(out), *words]
    assert main(command) == 0
    recording = read_bags([out])
    assert recording.problems == []
    return recording.episodes


@pytest.mark.parametrize(("form", "kind"), [("minari", np.float64), ("lerobot", np.float32)])
def test_what_was_exported_is_imported_as_it_was(demonstrations, tmp_path, capsys, form, kind):
    """Law L7: of LeRobot in 32 bits, but for the last observation, which is kept whole."""
    exported = tmp_path / "hrl/push-v0"
    assert main(["bag", "export", str(demonstrations), "--to", form, "--out", str(exported)]) == 0
    episodes = imported(tmp_path, form, exported)
    assert "3 demonstrations with 208 steps of push_point" in capsys.readouterr().out
    for one, other in zip(read_bags([demonstrations]).episodes, episodes, strict=True):
        for name in ("states", "achieved_goals", "desired_goals"):
            was, now = getattr(one, name), getattr(other, name)
            np.testing.assert_array_equal(now[:-1], was[:-1].astype(kind))
            np.testing.assert_array_equal(now[-1], was[-1])
        np.testing.assert_array_equal(other.applied_actions, one.applied_actions.astype(kind))
        np.testing.assert_array_equal(other.intended, one.intended.astype(kind))
        np.testing.assert_array_equal(other.rewards, one.rewards.astype(kind))
        np.testing.assert_array_equal(other.success[1:], one.success[1:])
        assert (other.terminated, other.truncated) == (one.terminated, one.truncated)
        assert other.mode == Mode.DEMO
        assert set(other.action_sources) == set(other.sources) == {ActionSource.TELEOP}


def test_an_imported_bag_is_sound_says_where_it_comes_from_and_is_learned_from(demonstrations, tmp_path, capsys):
    exported = tmp_path / "hrl/push-v0"
    main(["bag", "export", str(demonstrations), "--to", "minari", "--out", str(exported)])
    imported(tmp_path, "minari", exported / "data")
    bag = str(tmp_path / "imported/bag")
    assert main(["bag", "check", bag]) == 0
    capsys.readouterr()
    assert main(["bag", "info", bag]) == 0
    assert "minari data, sha256 " in capsys.readouterr().out
    store = demonstrated(TASK, None, [bag])
    assert store is not None
    assert len(store) == sum(LENGTHS)


def test_episodes_are_the_same_however_the_frames_of_one_lie_among_those_of_others(demonstrations, tmp_path):
    exported = tmp_path / "data"
    assert main(["bag", "export", str(demonstrations), "--to", "lerobot", "--out", str(exported)]) == 0
    before = list(lerobot_dataset.read(exported, ()))
    (file,) = exported.glob("data/chunk-*/file-*.parquet")
    frames = pq.read_table(file)
    number, frame = (np.asarray(frames[name]) for name in ("episode_index", "frame_index"))
    pq.write_table(frames.take(np.lexsort((-number, frame))), file)
    after = list(lerobot_dataset.read(exported, ()))
    assert len(before) == len(after) > 1
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.states, other.states)
        np.testing.assert_array_equal(one.actions, other.actions)
        np.testing.assert_array_equal(one.rewards, other.rewards)


def test_frames_without_a_last_observation_lose_their_last_action(demonstrations, tmp_path):
    exported = tmp_path / "lerobot"
    main(["bag", "export", str(demonstrations), "--to", "lerobot", "--out", str(exported)])
    (rows,) = (exported / "meta/episodes").glob("*/*.parquet")
    table = pq.read_table(rows)
    pq.write_table(table.drop_columns([name for name in table.column_names if name.startswith("final.")]), rows)
    # An episode of one step has none left.
    (data,) = (exported / "data").glob("*/*.parquet")
    frames = pq.read_table(data)
    pq.write_table(frames.slice(0, sum(LENGTHS[:2])), data)
    episodes = imported(tmp_path, "lerobot", exported)
    for one, other in zip(read_bags([demonstrations]).episodes[:2], episodes, strict=True):
        assert other.steps == one.steps - 1
        np.testing.assert_array_equal(other.states, one.states[:-1].astype(np.float32))
        assert other.truncated, "where it ended is not known"


@pytest.fixture
def robomimic(tmp_path):
    """A file as robomimic's collectors write it, its demonstrations not in order."""
    with h5py.File(tmp_path / "demos.hdf5", "w") as file:
        for number, episode in reversed(list(enumerate(random_episodes()))):
            demo = file.create_group(f"data/demo_{number * 10}")
            demo.attrs["num_samples"] = len(episode.actions)
            demo["actions"], demo["rewards"] = episode.actions, episode.rewards
            demo["dones"] = np.zeros(len(episode.actions), np.int64)
            for part, rows in (("obs", slice(0, -1)), ("next_obs", slice(1, None))):
                demo[f"{part}/point"] = episode.states[rows, :4]
                demo[f"{part}/block"] = episode.states[rows, 4:]
                demo[f"{part}/picture"] = np.zeros((len(episode.actions), 4, 4, 3), np.uint8)
    return tmp_path / "demos.hdf5"


def test_a_file_of_robomimic_is_imported_in_the_order_of_its_demonstrations(robomimic, tmp_path):
    episodes = imported(tmp_path, "robomimic", robomimic, "--keys", "point", "block")
    for one, other in zip(random_episodes(), episodes, strict=True):
        np.testing.assert_array_equal(other.states, one.states)
        np.testing.assert_array_equal(other.applied_actions, one.actions)
        np.testing.assert_array_equal(other.achieved_goals, one.states[:, 4:6])
        # Whatever it was for, it shows the way to where it led.
        assert (other.desired_goals == one.states[-1, 4:6]).all()
        assert other.truncated


def test_what_does_not_fit_is_refused_in_a_sentence_and_leaves_nothing(robomimic, tmp_path, capsys):
    out = str(tmp_path / "out/bag")
    both = ["--keys", "point", "block"]
    for form, source, task, words, message in (
        ("csv", robomimic, "push_point", [], "unknown format 'csv': choose one of minari, lerobot, robomimic"),
        ("robomimic", tmp_path / "none", "push_point", both, "does not exist"),
        ("minari", robomimic, "push_point", [], "is no sound data set of minari (ValueError"),
        ("lerobot", tmp_path, "push_point", [], "is no data set of LeRobot"),
        ("robomimic", robomimic, "push_point", [], "--keys of block, picture, point"),
        ("robomimic", robomimic, "push_point", ["--keys", "hand"], "has no hand"),
        ("robomimic", robomimic, "push_point", ["--keys", "point"], "observations of shape (8, 4); 7 steps"),
        ("robomimic", robomimic, "fetch_push", both, "observations of shape (8, 8); 7 steps"),
    ):
        given = ["bag", "import", str(source), "--from", form, "--task", task, "--out", out, *words]
        assert main(given) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def leave_no_step(data):
    for name in ("actions", "rewards", "dones", "obs/point", "obs/block", "next_obs/point", "next_obs/block"):
        shape = data[f"demo_0/{name}"].shape[1:]
        del data[f"demo_0/{name}"]
        data[f"demo_0/{name}"] = np.zeros((0, *shape))


def put_words(data):
    del data["demo_0/next_obs/block"]
    data["demo_0/next_obs/block"] = [b"somewhere"] * LENGTHS[0]


def lose_the_next(data):
    del data["demo_0/next_obs/block"]


def put_an_array(data):
    del data["demo_0"]
    data["demo_0"] = np.zeros(3)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (leave_no_step, "episode 0: has 0 steps; task 'push_point' allows 1 to"),
        (put_words, "is no sound data set of robomimic"),
        (lose_the_next, "is no sound data set of robomimic"),
        (put_an_array, "is no sound data set of robomimic"),
    ],
)
def test_what_is_damaged_is_refused_in_a_sentence(robomimic, tmp_path, capsys, damage, message):
    with h5py.File(robomimic, "a") as file:
        damage(file["data"])
    words = ["--task", "push_point", "--keys", "point", "block", "--out", str(tmp_path / "bag")]
    assert main(["bag", "import", str(robomimic), "--from", "robomimic", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "bag").exists()


def test_a_data_set_of_no_episodes_and_a_place_that_is_none_are_refused(demonstrations, robomimic, tmp_path, capsys):
    exported = tmp_path / "lerobot"
    main(["bag", "export", str(demonstrations), "--to", "lerobot", "--out", str(exported)])
    (data,) = (exported / "data").glob("*/*.parquet")
    pq.write_table(pq.read_table(data).slice(0, 0), data)
    words = ["--task", "push_point", "--out"]
    assert main(["bag", "import", str(exported), "--from", "lerobot", *words, str(tmp_path / "bag")]) == 2
    assert "lerobot: holds no episode" in capsys.readouterr().err
    assert not (tmp_path / "bag").exists()
    words = ["--task", "push_point", "--keys", "point", "block", "--out", str(robomimic / "bag")]
    assert main(["bag", "import", str(robomimic), "--from", "robomimic", *words]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("actions", 1.5, "episode 0, step 2: action 'ahead_y' is 1.5; task 'push_point' allows -1 to 1 0.1 m"),
        ("obs/point", np.nan, "observations are not all finite"),
        ("rewards", np.inf, "rewards are not all finite"),
    ],
)
def test_numbers_that_cannot_be_are_refused(robomimic, tmp_path, capsys, name, value, message):
    with h5py.File(robomimic, "a") as file:
        array = file[f"data/demo_0/{name}"]
        array[(2, 1) if array.ndim == 2 else 2] = value  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue]
    words = ["--task", "push_point", "--keys", "point", "block", "--out", str(tmp_path / "bag")]
    assert main(["bag", "import", str(robomimic), "--from", "robomimic", *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "bag").exists()
