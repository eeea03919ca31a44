"""``hrl evaluate`` and ``hrl policy export``: honest figures of held-out episodes."""

import json
from pathlib import Path
from typing import Any

import pytest

from hrl import cli
from hrl.policies.held_out import HELD_OUT_SEED, figures
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import HierarchySpec, LevelSpec
from hrl_core.statistics import wilson_interval
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.presets import preset


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy") / "point"
    save_checkpoint(random_checkpoint(load_task("point_maze"), 0), folder)
    return folder


def evaluated(capsys, *words: str) -> dict[str, Any]:
    assert cli.main(["evaluate", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_is_one_object_with_every_evaluation_goal(capsys, policy: Path) -> None:
    outcome = evaluated(capsys, "--checkpoint", str(policy), "--episodes", "3")
    assert [result["goal"] for result in outcome["results"]] == [[0, 8], [8, 0], [8, 8]]
    assert outcome["task_hash"] == load_task("point_maze").sha256
    for result in outcome["results"]:
        assert result["episodes"] == 3
        assert tuple(result["wilson_95"]) == wilson_interval(result["success_rate"], 3)
        assert result["success_rate"] <= result["ever_within"]


def test_same_seed_same_figures_other_seed_other_figures(capsys, policy: Path) -> None:
    words = ["--checkpoint", str(policy), "--episodes", "2", "--goal", "8", "0"]
    one, again, other = (evaluated(capsys, *words, "--seed", seed)["results"] for seed in ("1", "1", "2"))
    assert one == again
    assert one != other


def test_threads_decide_about_the_time_alone(capsys, tmp_path: Path) -> None:
    save_checkpoint(random_checkpoint(load_task("ant_maze"), 0), tmp_path / "ant")
    words = ["--checkpoint", str(tmp_path / "ant"), "--episodes", "3", "--goal", "0", "16"]
    one, two, *rest = (
        evaluated(capsys, *words, *more)["results"] for more in (["--threads", "1"], ["--threads", "2"], [])
    )
    assert [one] == [two] == rest


def test_evaluation_in_batches_ends_where_the_rollout_ends(capsys, policy: Path) -> None:
    """One episode, same seed and goal, through manager and worker sessions: hrl rollout."""
    words = ["--goal", "8", "0", "--seed", "5", "--episodes", "1"]
    (batched,) = evaluated(capsys, "--checkpoint", str(policy), *words)["results"]
    assert cli.main(["rollout", "--task", "PointMaze", "--policy", str(policy), *words, "--json"]) == 0
    single = json.loads(capsys.readouterr().out)
    assert batched["mean_final_distance"] == pytest.approx(single["mean_final_distance"], abs=1e-3)
    assert batched["mean_return"] == pytest.approx(single["mean_return"], rel=1e-4)


def test_without_a_task_goal_only_the_return_is_told(capsys, tmp_path: Path) -> None:
    save_checkpoint(random_checkpoint(load_task("ant_gather"), 0), tmp_path / "gather")
    outcome = evaluated(capsys, "--checkpoint", str(tmp_path / "gather"), "--episodes", "2")
    (result,) = outcome["results"]
    assert set(result) == {"episodes", "mean_return"}


def test_held_out_episodes_are_not_those_that_chose_the_best_policy() -> None:
    assert HELD_OUT_SEED != preset("paper").evaluation_seed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--episodes", "0"], "--episodes 0: must be 1 or more"),
        (["--goal", "8"], "task 'point_maze' needs 2 numbers (x y)"),
        (["--task", "AntMaze"], "the policy was made for another task than 'ant_maze'"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys, policy: Path, words: list[str], message: str) -> None:
    assert cli.main(["evaluate", "--checkpoint", str(policy), *words]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert not captured.out


@pytest.mark.parametrize("levels", [1, 2])
def test_a_policy_whose_levels_end_as_they_come_is_evaluated_as_it_is_rolled_out(capsys, tmp_path, levels) -> None:
    task = load_task("point_maze")
    level = LevelSpec(
        "xy",
        "absolute",
        {"x": (-2.0, 10.0), "y": (-2.0, 10.0)},
        horizon=7,
        unit="attempts",
        tolerance=(1.0, 1.0),
        end_when_achieved=True,
    )
    save_checkpoint(random_checkpoint(task, 0, hierarchy=HierarchySpec((level,) * levels)), tmp_path / "tall")
    words = ["--goal", "8", "0", "--seed", "5", "--episodes", "1"]
    (result,) = evaluated(capsys, "--checkpoint", str(tmp_path / "tall"), *words)["results"]
    assert cli.main(["rollout", "--policy", str(tmp_path / "tall"), *words, "--json"]) == 0
    single = json.loads(capsys.readouterr().out)
    for name in ("mean_final_distance", "mean_return"):
        assert result[name] == pytest.approx(single[name], rel=1e-12)


def test_a_changed_task_file_is_refused(capsys, policy: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    save_checkpoint(load_checkpoint(policy), copy)
    task = copy / "task.yaml"
    task.write_text(task.read_text().replace("radius: 5.0", "radius: 9.0"))
    assert cli.main(["evaluate", "--checkpoint", str(copy)]) == 2
    assert "was changed after the policy was made" in capsys.readouterr().err


def test_an_exported_policy_carries_its_held_out_figures(capsys, policy: Path, tmp_path: Path) -> None:
    target = tmp_path / "shipped"
    words = ["policy", "export", str(policy), "--out", str(target), "--episodes", "2"]
    assert cli.main(words) == 0
    metrics = load_checkpoint(target).metrics
    (first, *_) = evaluated(capsys_cleared(capsys), "--checkpoint", str(policy), "--episodes", "2")["results"]
    assert metrics["held_out/0_8/success_rate"] == first["success_rate"]
    assert metrics["held_out/0_8/final_distance"] == first["mean_final_distance"]
    assert metrics["held_out/seed"] == HELD_OUT_SEED
    assert "| (0, 8) | 2 |" in (target / "README.md").read_text()
    assert cli.main(words) == 2
    assert "exists already" in capsys.readouterr().err


def capsys_cleared(capsys):
    capsys.readouterr()
    return capsys


def test_figures_are_plain_json() -> None:
    spec = load_task("point_maze")
    result = EvaluationResult((0.0, 8.0), 4, 0.5, 0.75, 1.5, -10.0)
    assert json.loads(json.dumps(figures(spec, result), allow_nan=False))["wilson_95"] == list(wilson_interval(0.5, 4))


def test_figures_tell_the_rule_that_success_is_judged_by() -> None:
    result = EvaluationResult((0.48, 0.04), 4, 0.5, 0.5, 0.1, -10.0)
    assert figures(load_task("mountain_car"), result)["tolerance"] == [0.03, 0.03]
    pushed = figures(load_task("push_point"), result)
    assert (pushed["radius"], pushed["norm"], pushed["unit"]) == (0.5, "l1", "m")
    assert "radius" not in figures(load_task("mountain_car"), result)
    assert figures(load_task("hill_car"), result)["radius"] == 0.1
