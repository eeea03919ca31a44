"""Success curves: seeds of one configuration become one curve, labels say what differs."""

import dataclasses
import errno
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from hrl import cli
from hrl.results.curves import UPDATES, Run, curve, goals, labels, read_run, same_but_for_the_seed
from hrl_core.task.text import load_task
from hrl_core.training.config import changed
from hrl_core.training.presets import preset


def made_run(seed: int, points: dict[int, float], name: str = "run", **change) -> Run:
    config = {"task": "ant_maze", "task_hash": "0", "seed": seed} | changed(preset("paper"), change).as_dict()
    rows = [
        {"env_steps": steps, "evaluation/0_16/success_rate": value, "evaluation/0_16/final_distance": 1.0}
        for steps, value in sorted(points.items())
    ]
    return Run(Path(name), config, rows)


def written(run: Run, folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(run.config))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in run.rows))
    return folder


points = st.dictionaries(st.integers(1, 50), st.floats(0, 1), min_size=1, max_size=8)


@given(st.lists(points, min_size=1, max_size=4))
def test_the_mean_lies_between_the_worst_and_the_best_seed(series) -> None:
    found = curve([made_run(i, values) for i, values in enumerate(series)], "0_16", "success_rate")
    if found is None:
        return
    assert (found.values.min(axis=0) <= found.mean + 1e-9).all()
    assert (found.mean <= found.values.max(axis=0) + 1e-9).all()
    assert found.steps.min() >= max(min(values) for values in series)
    assert found.steps.max() <= min(max(values) for values in series)


@given(points)
def test_the_curve_of_one_run_is_its_evaluations(values) -> None:
    found = curve([made_run(0, values)], "0_16", "success_rate")
    assert found is not None
    assert dict(zip(found.steps.tolist(), found.mean.tolist(), strict=True)) == pytest.approx(values)


def test_what_each_run_has_measured_for_itself_makes_no_curve() -> None:
    one, other = (made_run(seed, {1: 0.5}).config for seed in (0, 1))
    other["worker"] = other["worker"] | {"products": ["forward"]}
    nested = [{"task": "ant_maze", "seed": seed, "training": {"threads": 1 + seed, "steps": 9}} for seed in (0, 1)]
    for configs in ([one, other], nested):
        runs = [Run(Path("run"), config, []) for config in configs]
        assert [len(group) for group in same_but_for_the_seed(runs)] == [2]
        assert labels([[run] for run in runs]) == ["ant_maze"] * 2
    nested[1]["training"]["steps"] = 10
    assert len(same_but_for_the_seed([Run(Path("run"), config, []) for config in nested])) == 2


def test_runs_begun_before_there_was_a_switch_share_the_curve_of_its_default() -> None:
    old, new, other = (made_run(seed, {1: 0.5}) for seed in range(3))
    del old.config["subgoal_range"], old.config["worker"]["device"], old.config["randomise"]
    assert [len(group) for group in same_but_for_the_seed([old, new])] == [2]
    other.config["worker"]["device"] = "cuda"
    assert labels([[old], [new], [other]]) == ["device=cpu", "device=cpu", "device=cuda"]


def test_without_a_worker_the_updates_of_all_levels_count(tmp_path: Path) -> None:
    at = {"lanes/updates": 1, "speed/updates": 2}
    told = {"evaluation/own_goals/return": 1.0}
    rows = [{"env_steps": n} | told | {name: n * each for name, each in at.items()} for n in (10, 20)]
    run = read_run(written(made_run(0, {})._replace(rows=rows), tmp_path / "tree"))
    found = curve([run], "own_goals", "return", UPDATES)
    assert found is not None
    assert found.steps.tolist() == [30, 60]


def test_runs_on_recordings_are_drawn_over_updates(tmp_path: Path, capsys) -> None:
    """All their environment steps are there from the start."""
    rows = [{"env_steps": 9, "worker/updates": n, "evaluation/0_16/success_rate": n / 30} for n in (10, 20)]
    run = made_run(0, {})._replace(rows=rows)
    found = curve([run], "0_16", "success_rate", "worker/updates")
    assert found is not None
    assert found.steps.tolist() == [10, 20]
    folder = str(written(run, tmp_path / "run"))
    assert cli.main(["plot", folder, "--over", "episodes", "--out", str(tmp_path / "x.png")]) == 2
    assert "is none of env_steps, updates" in capsys.readouterr().err


@given(st.permutations(range(4)))
def test_the_order_of_the_seeds_does_not_matter(order) -> None:
    runs = [made_run(i, {10: 0.1 * i, 20: 0.2 * i}) for i in range(4)]
    a, b = curve(runs, "0_16", "success_rate"), curve([runs[i] for i in order], "0_16", "success_rate")
    assert a is not None
    assert b is not None
    np.testing.assert_allclose(a.mean, b.mean)


def test_runs_that_differ_in_their_seed_only_are_one_group() -> None:
    runs = [made_run(0, {1: 0}), made_run(1, {1: 0}), made_run(0, {1: 0}, agent={"candidates": 0}), made_run(2, {1: 0})]
    groups = same_but_for_the_seed(runs)
    assert [[run.config["seed"] for run in group] for group in groups] == [[0, 1, 2], [0]]
    assert labels(groups) == ["candidates=10", "candidates=0"]


def with_task(run: Run, folder: Path, **changes) -> Path:
    """The folder of a run whose own task differs from the shipped one in some fields."""
    place = written(run, folder)
    (place / "task.yaml").write_text(dataclasses.replace(load_task("ant_maze"), **changes).to_yaml())
    return place


def test_runs_on_different_tasks_of_one_name_are_no_seeds_of_each_other(tmp_path: Path) -> None:
    points = {10: 0.1, 20: 0.2}
    folders = [
        with_task(made_run(0, points), tmp_path / "0"),
        with_task(made_run(1, points), tmp_path / "1", max_episode_steps=7),
        with_task(made_run(2, points), tmp_path / "2"),
        written(made_run(3, points), tmp_path / "3"),
    ]
    groups = same_but_for_the_seed([read_run(folder) for folder in folders])
    assert [[run.folder.name for run in group] for group in groups] == [["0", "2", "3"], ["1"]]
    told = load_task("ant_maze"), dataclasses.replace(load_task("ant_maze"), max_episode_steps=7)
    assert labels(groups) == [f"task=ant_maze {task.sha256[:12]}" for task in told]


def test_one_task_in_two_forms_is_one(tmp_path: Path) -> None:
    """The first definitions said what subgoals are as well, and had another hash."""
    earlier = (
        Path(__file__).parents[2] / "hrl_core" / "test" / "data" / "first_definitions" / "ant_maze.yaml"
    ).read_text()
    one, other = (with_task(made_run(seed, {10: 0.1}), tmp_path / str(seed)) for seed in (0, 1))
    (other / "task.yaml").write_text(earlier)
    assert len(same_but_for_the_seed([read_run(one), read_run(other)])) == 1


def test_a_seed_that_was_made_twice_is_no_further_seed(capsys, tmp_path: Path) -> None:
    folders = [
        str(written(made_run(seed, {10: 0.1}), tmp_path / name)) for seed, name in ((0, "a"), (1, "b"), (0, "c"))
    ]
    assert cli.main(["plot", *folders, "--out", str(tmp_path / "x.png")]) == 2
    said = capsys.readouterr().err
    assert f"{folders[0]} and {folders[2]}" in said
    assert "of seed 0" in said
    assert not (tmp_path / "x.png").exists()


def test_labels_name_the_level_where_its_field_alone_is_ambiguous() -> None:
    levels = {"worker": {"tau": 0.1}, "manager": {"tau": 0.2}}
    runs = [made_run(0, {1: 0}), made_run(0, {1: 0}, agent=levels)]
    assert labels([[run] for run in runs]) == ["worker.tau=0.005, manager.tau=0.005", "worker.tau=0.1, manager.tau=0.2"]


def test_a_single_configuration_is_labelled_by_its_task() -> None:
    assert labels([[made_run(0, {1: 0})]]) == ["ant_maze"]


def test_goals_are_read_from_the_metrics() -> None:
    assert goals([made_run(0, {1: 0})]) == ["0_16"]


def test_a_picture_is_drawn_and_what_is_no_run_is_refused(capsys, tmp_path: Path) -> None:
    folders = [written(made_run(i, {10: 0.1, 20: 0.2 * i}), tmp_path / str(i)) for i in range(2)]
    out = tmp_path / "curves.png"
    assert cli.main(["plot", *map(str, folders), "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    for words, message in (
        ([str(tmp_path)], "holds no training run"),
        ([str(folders[0]), "--measure", "sucess"], "is none of success_rate, ever_within"),
        ([str(folders[0]), "--out", str(tmp_path / "curves.abc")], "cannot write"),
        ([], "name at least one run folder"),
    ):
        assert cli.main(["plot", *words]) == 2
        assert message in capsys.readouterr().err


def test_a_picture_that_cannot_be_written_leaves_the_one_before(capsys, tmp_path: Path, monkeypatch) -> None:
    folder, out = written(made_run(0, {10: 0.1}), tmp_path / "run"), tmp_path / "curves.png"
    out.write_bytes(b"the one before")

    def full(figure: Figure, place: Path, **_: object) -> None:
        place.write_bytes(b"half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    assert cli.main(["plot", str(folder), "--out", str(out)]) == 2
    assert f"cannot write {out}: [Errno 28] No space left" in capsys.readouterr().err
    assert out.read_bytes() == b"the one before"
    assert {path.name for path in tmp_path.iterdir()} == {"run", "curves.png"}


def test_a_run_without_evaluation_says_so(capsys, tmp_path: Path) -> None:
    folder = written(made_run(0, {}), tmp_path / "young")
    assert cli.main(["plot", str(folder)]) == 2
    assert "no evaluation yet" in capsys.readouterr().err
    assert read_run(written(made_run(0, {1: 0.5}), tmp_path / "older")).rows[0]["env_steps"] == 1


def test_live_episodes_stand_as_the_evaluation_of_a_trainer_on_recordings(tmp_path) -> None:
    rows = [{"env_steps": n, "live/success_rate": n / 100, "live/final_distance": 1.0} for n in (10, 20)]
    run = read_run(written(made_run(0, {})._replace(rows=rows), tmp_path / "run"))
    assert goals([run]) == ["live"]
    found = curve([run], "live", "success_rate")
    assert found is not None
    assert found.mean.tolist() == [0.1, 0.2]


def test_a_run_that_is_named_twice_counts_once(capsys, tmp_path: Path) -> None:
    folders = [written(made_run(i, {10: 0.1, 20: 0.2 * i}), tmp_path / str(i)) for i in range(2)]
    (tmp_path / "link").symlink_to(folders[0])
    runs = [*folders, folders[0], tmp_path / "1" / ".." / "0", tmp_path / "link"]
    out = tmp_path / "old [run].png"
    assert cli.main(["plot", *map(str, runs), "--out", str(out)]) == 0
    assert f"curves of 2 runs written to {out}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--width", "-3"], "--width -3: must be 1 to 100 inches, or 0"),
        (["--width", "nan"], "--width nan: must be"),
        (["--width", "inf"], "--width inf: must be"),
        (["--out", "curves"], "--out curves: the ending must say what is written"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_in_a_sentence(words, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(made_run(0, {10: 0.1}), tmp_path / "run")
    assert cli.main(["plot", "run", *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
