"""``hrl compare hiro-table``: every row says what it is or why it is not, and runs go on where they were stopped."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrl import cli
from hrl.commands import compare_hiro
from hrl.commands.compare_hiro import planned
from hrl.comparison.asked import read_steps
from hrl.comparison.hiro_page import Cell, page
from hrl.comparison.hiro_rows import ROWS, TASKS, Row
from hrl.results.curves import Group, read_run
from hrl_core.errors import HrlError
from hrl_core.task.text import load_task

PATIENCE = 240
SMALL = (
    *("--algorithm", "flat", "--products", "numpy", "--num_envs", "4", "--evaluation_episodes", "1"),
    *("--evaluation_episodes_elsewhere", "0", "--learning_starts", "300", "--worker.hidden", "8", "8"),
)
ROW = Row("small", "Small", SMALL)
PROGRAM = f"""
import sys
from hrl.cli import main
from hrl.commands import compare_hiro
from hrl.comparison.hiro_rows import Row
compare_hiro.ROWS = {{"small": Row("small", "Small", {SMALL!r})}}
sys.exit(main())
"""


def table(*words: str) -> int:
    return cli.main(["compare", "hiro-table", *words])


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(compare_hiro, "ROWS", {"small": ROW})


def test_every_row_is_planned_for_every_seed_or_says_why_not() -> None:
    plans = planned(Path("out"), tuple(ROWS), ("point_maze", "ant_push"), 2, 1000)
    assert len(plans) == 2 * len(ROWS)
    assert all(bool(plan.runs) != bool(plan.why_not) for plan in plans)
    able = {(plan.task, plan.row.name) for plan in plans if plan.runs}
    always = {"hiro", "hiro_fast", "snn4hrl", "vime", "flat_td3", "no_correction", "option_critic"}
    assert {row for task, row in able if task == "ant_push"} >= always
    assert {row for task, row in able if task == "point_maze"} >= always
    folders = [run.folder for plan in plans for run in plan.runs]
    assert len(folders) == len({*folders})
    for plan in plans:
        for seed, run in enumerate(plan.runs):
            assert (run.config["steps"], run.config["seed"], run.config["evaluation_interval"]) == (1000, seed, 50_000)


def test_rows_are_what_they_are_called() -> None:
    plans = {(p.task, p.row.name): p for p in planned(Path("out"), tuple(ROWS), ("ant_push",), 1, 1000)}
    config = {name: plan.runs[0].config for (_, name), plan in plans.items() if plan.runs}
    assert (config["hiro"]["candidates"], config["no_correction"]["candidates"]) == (10, 0)
    assert config["hiro"]["headline_goal_share"] == 1
    assert config["hiro_fast"]["task"] == "ant_push_wide"
    assert config["vime"]["bonus"] == "vime"
    assert config["flat_td3"]["learner"] == "td3"


def test_a_manager_of_snn4hrl_waits_for_its_skills_which_see_the_same_and_are_shared() -> None:
    plans = planned(Path("out"), ("snn4hrl",), TASKS, 2, 1000)
    for plan in plans:
        if plan.task == "ant_gather":
            assert "another observation" in plan.why_not
            continue
        field, task = load_task(ROWS["snn4hrl"].skills[plan.task]), load_task(plan.task)
        assert (field.observation, field.action) == (task.observation, task.action)
        assert not plan.ready(0)
        for run, below in zip(plan.runs, plan.skills, strict=True):
            assert run.config["frozen_skills"] == str(below.folder / "last")
    skills = {run.folder for plan in plans for run in plan.skills}
    assert len(skills) == 4, "of two fields, two seeds"


def test_figures_of_the_paper_stand_in_its_rows() -> None:
    assert ROWS["hiro"].paper["ant_gather"] == "3.02 ± 1.49"
    assert ROWS["fun_transition_pg"].paper["ant_push"] == "0.56 ± 0.39"
    assert not any("point_maze" in row.paper for row in ROWS.values())


def finished(folder: Path, successes: tuple[float, ...], steps: int = 100_000) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"task": "ant_push", "seed": 0, "steps": 100_000}))
    rows = [
        {
            "env_steps": (k + 1) * steps // len(successes),
            "cpu_seconds": 1800.0,
            "evaluation/0_19/success_rate": success,
            "evaluation/0_19/final_distance": 1.0,
            "evaluation/0_19/episodes": 50,
        }
        for k, success in enumerate(successes)
    ]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_the_page_tells_what_there_is_beside_the_paper(tmp_path: Path) -> None:
    finished(tmp_path / "0", (0.9, 0.5))
    finished(tmp_path / "1", (0.5, 0.7))
    finished(tmp_path / "2", (0.2, 0.4), steps=60_000)

    def cell(row: str, *seeds: str, of: int, why_not: str = "") -> Cell:
        group = Group(row, [read_run(tmp_path / seed) for seed in seeds])
        return Cell("ant_push", ROWS[row], group, of, 100_000, why_not)

    cells = [
        cell("hiro", "0", "1", of=2),
        cell("hiro_fast", "0", of=1),
        cell("fun_cosine", "0", "2", of=3),
        cell("vime", of=3),
        cell("frozen_worker", of=3, why_not="no switch"),
    ]
    text = page(cells, "hrl compare hiro-table").splitlines()
    assert "## ant_push: success at the last step, goal (0, 19)" in text
    assert "| HIRO (paper) | 0.92 ± 0.04 | 0.80 [0.70, 0.90] | 0.60 [0.50, 0.70] | 2 | 100 k | 1.00 |" in text
    assert "| HIRO (fast) |  | 0.90 (single run) | 0.50 (single run) | 1 run | 100 k | 0.50 |" in text
    cosine = next(line for line in text if "cos" in line)
    assert cosine.endswith("| 1 of 3 | 60 k of 100 k | 1.00 |"), "one has not made all its steps, one is not there"
    assert "| VIME | 0.02 ± 0.02 | not yet run |  | 0 of 3 |  |  |" in text
    assert "| HIRO, worker pre-trained and frozen | a curve | cannot run: no switch |  |  |  |  |" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--rows", "hirro"), "unknown row 'hirro'; did you mean hiro?"),
        (("--tasks", "ant_pusch"), "unknown task 'ant_pusch'; did you mean ant_push?"),
        (("--budget", "1T"), "--budget 1T: must be a number of environment steps, as 1M, 150k or 2000000"),
        (("--budget", ""), "--budget : must be"),
        (("--seeds", "0"), "must be 1 or more"),
        (("--table", "--rows", "hiro", "--tasks", "point_maze"), "--table: there is no folder"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, capsys, words, message) -> None:
    assert table("--out", str(tmp_path / "none"), *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_budgets_are_read_as_people_write_them() -> None:
    assert [read_steps(text) for text in ("1M", "150k", "2.5M", "3000")] == [1_000_000, 150_000, 2_500_000, 3_000]
    for text in ("0", "-1k", "inf", "nanM", "k"):
        with pytest.raises(HrlError, match="--budget"):
            read_steps(text)


def test_commands_are_printed_with_what_cannot_run_as_remarks(small, monkeypatch, tmp_path: Path, capsys) -> None:
    monkeypatch.setattr(compare_hiro, "ROWS", {"small": ROW, "gone": Row("gone", "Gone", lacking={"": "no switch"})})
    assert (
        table("--out", str(tmp_path / "a b"), "--tasks", "point_maze", "--seeds", "1", "--budget", "2k", "--print") == 0
    )
    run, remark = capsys.readouterr().out.splitlines()
    assert run.startswith("hrl train --task point_maze ")
    assert run.endswith(f"--steps 2000 --seed 0 --out '{tmp_path}/a b/point_maze/small/seed_0'")
    assert remark == "# point_maze, Gone: no switch"
    assert not (tmp_path / "a b").exists()


def test_what_a_run_was_refused_for_stands_in_the_table(small, tmp_path: Path, capsys) -> None:
    words = ("--out", str(tmp_path), "--tasks", "point_maze", "--seeds", "1", "--budget", "2k", "--table")
    log = tmp_path / "point_maze" / "small" / "seed_0" / "train.log"
    log.parent.mkdir(parents=True)
    log.write_text("some news\nhrl: switches that do not fit\n")
    assert table(*words) == 0
    assert "| Small |  | cannot run: switches that do not fit |" in capsys.readouterr().out
    log.write_text("some news\n")
    assert table(*words) == 0
    assert "| Small |  | not yet run |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(4 * PATIENCE)
@pytest.mark.learning
def test_runs_are_made_told_and_never_made_again(small, tmp_path: Path, capsys) -> None:
    words = ("--out", str(tmp_path), "--tasks", "point_maze", "--seeds", "2", "--budget", "2k")
    assert table(*words) == 0
    told = capsys.readouterr().out
    assert told == (tmp_path / "table.md").read_text()
    assert "| Small |  |" in told
    assert "| 2 | 2 k |" in told
    policy = (tmp_path / "point_maze" / "small" / "seed_1" / "last" / "weights.safetensors").read_bytes()
    assert table(*words) == 0
    assert "2 finished before; nothing is left to do" in capsys.readouterr().err
    assert (tmp_path / "point_maze" / "small" / "seed_1" / "last" / "weights.safetensors").read_bytes() == policy
    assert table(*words[:3], "ant_push", *words[4:], "--table") == 0
    told = capsys.readouterr().out
    assert "## ant_push" in told
    assert "| 2 | 2 k |" in told, "what is not asked about this time stays in the table"
    assert table(*words[:-1], "3k") == 2
    assert "holds another run than this sweep would make: steps: 3000 != 2000" in capsys.readouterr().err


@pytest.mark.learning
@pytest.mark.timeout(6 * PATIENCE)
def test_killed_it_goes_on_to_the_same_policies(small, tmp_path: Path, capsys) -> None:
    words = ["--tasks", "point_maze", "--seeds", "1", "--budget", "12k"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "compare", "hiro-table", *words, "--out", str(tmp_path / "killed")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log, end = tmp_path / "killed" / "point_maze" / "small" / "seed_0" / "train.log", time.monotonic() + PATIENCE
    while not (log.is_file() and "training in" in log.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(1)
    process.kill()
    process.wait()
    assert table(*words, "--out", str(tmp_path / "killed")) == 0
    assert "goes on from" in capsys.readouterr().err
    assert table(*words, "--out", str(tmp_path / "whole")) == 0
    one, other = (
        (tmp_path / name / "point_maze" / "small" / "seed_0" / "last" / "weights.safetensors").read_bytes()
        for name in ("killed", "whole")
    )
    assert one == other


def test_a_row_whose_skills_are_not_there_is_not_run(monkeypatch, tmp_path: Path) -> None:
    (plan,) = planned(tmp_path, ("snn4hrl",), ("point_maze",), 1, 1000)
    assert not plan.ready(0)
    monkeypatch.setattr(type(plan.skills[0]), "finished", property(lambda self: True))
    assert plan.ready(0)
