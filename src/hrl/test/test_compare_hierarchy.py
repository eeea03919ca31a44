"""``hrl compare hierarchy``: every row is what it is called, and a figure shows each of them."""

import json
from pathlib import Path

import pytest

from hrl import cli
from hrl.commands import compare_hierarchy
from hrl.commands.train_arguments import parse_training
from hrl.comparison import hierarchy_page, hierarchy_rows
from hrl.comparison.hierarchy_rows import DEMONSTRATIONS, FIGURES, FROM_DEMONSTRATIONS, ROWS, Row
from hrl_core.algorithms import learner_module
from hrl_core.task.text import load_task

SMALL = ("--algorithm", "hac", "--levels", "2", "--updates_per_episode", "0", "--evaluation_interval", "400")


def compared(*words: str) -> int:
    return cli.main(["compare", "hierarchy", *words])


@pytest.fixture
def small(monkeypatch):
    rows = {"hac_ddpg": Row("hac_ddpg", "Two", SMALL), "one_ddpg": Row("one_ddpg", "One", (*SMALL, "--levels", "1"))}
    for module in (compare_hierarchy, hierarchy_page):
        monkeypatch.setattr(module, "ROWS", rows)
    monkeypatch.setattr(hierarchy_rows, "PROTOCOL", ("--evaluation_episodes", "2"))


def test_every_row_stands_in_a_figure_and_trains_what_it_says() -> None:
    assert {name for figure in (*FIGURES, FROM_DEMONSTRATIONS) for name in figure.rows} == {*ROWS}
    requests = {
        name: parse_training([*row.training("push_point", 1000, 7, "shown"), "--out", "x"])
        for name, row in ROWS.items()
    }
    for name, request in requests.items():
        row, config = ROWS[name], request.config
        assert request.seed == 7
        assert request.spec == load_task("push_point_far" if row.far else "push_point")
        # None is refused by its algorithm.
        learner_module(config.algorithm).hierarchy(request.spec, config.agent)
        if row.demonstrations:
            assert (config.steps, config.agent.demos_episodes) == (row.lived, row.demonstrations)
        else:
            assert config.steps == 1000
    agents = {name: request.config.agent for name, request in requests.items()}
    assert {agents[name].levels for name in ("hac_ddpg", "hac_sac", "hac_sac_far", "untested")} == {2}
    assert {agents[name].levels for name in ("one_ddpg", "one_sac", "one_sac_far")} == {1}
    # One level makes as many updates as two together.
    assert agents["one_sac"].updates_per_episode == 2 * agents["hac_sac"].updates_per_episode
    assert [agents[name].learner for name in ("hac_ddpg", "hac_sac")] == ["ddpg", "sac"]
    assert (agents["untested"].test_probability, agents["hac_sac"].test_probability) == (0, 0.3)
    assert agents["shadow"].shadow
    assert agents["hac_block"].subgoal_elements == ("block_x", "block_y")
    for episodes in DEMONSTRATIONS:
        assert (agents[f"relay_{episodes}"].flat, agents[f"cloning_{episodes}_on"].flat) == (False, True)


def test_each_seed_has_demonstrations_of_its_own_and_without_any_their_rows_are_left_out(tmp_path, capsys) -> None:
    words = ("--out", str(tmp_path), "--print", "--rows", "hac_ddpg", "relay_10")
    assert compared(*words, "--seeds", "2", "--demos", "a", "b") == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["--demos a " in line for line in lines if "relay" in line] == [True, False]
    assert len(lines) == 4
    assert compared(*words, "--seeds", "2") == 0
    *commands, remark = capsys.readouterr().out.splitlines()
    assert not any("relay" in command for command in commands)
    assert remark == "# push_point, relay, cloned alone: learns from demonstrations, which --demos names"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rows", "hac"), "unknown row 'hac'"),
        (("--task", "ant_maze"), "unknown task 'ant_maze': choose of push_point"),
        (("--demos", "a", "b"), "--demos: one for all seeds or one for each of 3, got 2"),
        (("--budget", "soon"), "--budget soon: must be a number of environment steps"),
        (("--jobs", "0"), "must be 1 or more"),
        (("--table",), "--table: there is no folder"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, capsys, words, message) -> None:
    assert compared("--out", str(tmp_path / "none"), *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.learning
def test_runs_are_made_and_told_in_a_table_and_in_figures(small, tmp_path: Path, capsys) -> None:
    words = ("--out", str(tmp_path), "--seeds", "1", "--budget", "800")
    assert compared(*words) == 0
    told = capsys.readouterr().out
    assert told == (tmp_path / "hierarchy.md").read_text()
    assert "| Two | 0.00 (single run) | 0.00 (single run) | -200 (single run) | 1 | 0.0 |" in told
    assert "![Hierarchy against one level](push_point_near.png)" in told
    shown = {figure.name for figure in FIGURES if {*figure.rows} & {"hac_ddpg", "one_ddpg"}}
    assert {path.name for path in tmp_path.glob("*.png")} == {f"push_point_{name}.png" for name in shown}
    assert compared(*words) == 0
    assert "2 finished before; nothing is left to do" in capsys.readouterr().err
    assert compared(*words[:-1], "900") == 2
    assert "holds another run than this sweep would make: steps: 900 != 800" in capsys.readouterr().err


def evaluated(folder: Path, success: float, steps: int) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"task": "push_point", "seed": 0, "steps": 20}))
    own = {"success_rate": success, "ever_within": 0.6, "return": -90.0, "final_distance": 0.1, "episodes": 10}
    row = {"env_steps": steps, "cpu_seconds": 6.0} | {f"evaluation/own_goals/{k}": v for k, v in own.items()}
    (folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")


def test_a_run_on_its_way_is_in_no_figure_of_the_table(tmp_path: Path) -> None:
    for name in ("hac_sac", "one_sac", "relay_10"):
        evaluated(tmp_path / name / "seed_0", success=0.1, steps=10)
    evaluated(tmp_path / "hac_sac" / "seed_1", success=0.9, steps=20)
    assert compared("--out", str(tmp_path), "--table", "--rows", "hac_ddpg") == 0
    text = (tmp_path / "hierarchy.md").read_text()
    assert "| HAC, two levels of SAC | 0.60 (single run) | 0.90 (single run) | -90 (single run) | 1 of 3 |" in text
    assert "| one level, SAC with hindsight | - | - | - | 0 of 3 | - |" in text
    assert (tmp_path / "push_point_near.png").is_file(), "curves tell how far each of them has come"
    assert not (tmp_path / "push_point_demonstrations.png").exists()


def test_success_is_drawn_over_what_was_demonstrated(tmp_path: Path) -> None:
    for name in ("relay_10", "relay_10_on", "relay_25"):
        evaluated(tmp_path / name / "seed_0", success=0.5, steps=20)
    assert compared("--out", str(tmp_path), "--table", "--seeds", "1") == 0
    text = (tmp_path / "hierarchy.md").read_text()
    assert (
        "| relay, cloned alone, 10 demonstrations | 0.60 (single run) | 0.50 (single run) | -90 (single run) | 1 |"
        in text
    )
    assert (tmp_path / "push_point_demonstrations.png").is_file()
