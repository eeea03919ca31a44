"""What is told of a sweep: statistics over seeds in table, picture and page, of made-up runs with known figures."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hrl import cli
from hrl.commands.sweep import held_out_table, standing_table
from hrl.commands.sweep_arguments import planned
from hrl.results.curve_figure import AUTO, RANGE, choose_statistic, curve_figure
from hrl.results.curves import Group, Run
from hrl.results.held_out_record import AtGoal, Examined, HeldOut, read_held_out
from hrl.results.over_seeds import Headline, figures, headline_of, headlines, outcomes, with_interval
from hrl.results.sweep_record import SweepRecord, is_sweep, sweep_groups
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task
from hrl_core.training.evaluate import EvaluationResult
from hrl_core.training.scores import evaluation_metrics, headline_score

OPTIONS = ("--task", "ant_maze", "--preset", "fast", "--steps", "200")
LAST = {"0.005": (0.0, 0.5, 0.6, 0.7, 1.0), "0.01": (0.2, 0.2, 0.2, 0.2, 0.2)}
"""By value of tau, success of the last policies of seeds 0 to 4; half of that at 100 steps, 0.8 at 150."""


def written(folder: Path, evaluated: int = 5, end: int = 200) -> Path:
    """A sweep, as it would lie there with so many seeds evaluated up to a step."""
    record = SweepRecord(OPTIONS, {"worker.tau": tuple(LAST)}, tuple(range(5)))
    record.write(folder)
    for run in planned(record, folder):
        seed = run.config["seed"]
        if seed >= evaluated:
            continue
        last = LAST[f"{run.config['worker']['tau']}"][seed]
        run.folder.mkdir(parents=True)
        (run.folder / "config.json").write_text(json.dumps(run.config))
        scores = {100: last / 2, 150: 0.8, 200: last}
        lines = [json.dumps(row(steps, score)) for steps, score in scores.items() if steps <= end]
        (run.folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def row(steps: int, score: float) -> dict[str, float]:
    name = "evaluation/0_16/"
    outcome = {f"{name}success_rate": score, f"{name}final_distance": 1.0, f"{name}return": -9.0, f"{name}episodes": 20}
    return {"env_steps": steps, "worker/updates": steps, "seconds": 2.0 * steps, "cpu_seconds": 60.0, **outcome}


def cells(page: str) -> list[list[str]]:
    """The tables of a page, row by row."""
    plain = [re.findall(r"<td>(.*?)</td>", one) for one in re.findall(r"<tr>(.*?)</tr>", page)]
    return [one for one in plain if one]


def test_each_seed_has_its_last_and_its_best_policy(tmp_path: Path) -> None:
    groups = sweep_groups(written(tmp_path))
    assert headlines(groups) == "success at the last step, goal (0, 16)"
    found = outcomes(groups[0])
    assert [one.last for one in found] == list(LAST["0.005"])
    assert [one.best for one in found] == [0.8, 0.8, 0.8, 0.8, 1.0]
    assert {(one.env_steps, one.cpu_minutes, one.episodes, one.finished) for one in found} == {(200, 1.0, 20, True)}


def test_figures_over_seeds_by_hand() -> None:
    found = figures(LAST["0.005"])
    assert (found.mean, found.median, found.iqm) == pytest.approx((0.56, 0.6, 0.6))
    assert (found.worst, found.best) == (0.0, 1.0)
    assert {*found.intervals} == {"mean", "median", "iqm"}
    for name, (low, high) in found.intervals.items():
        assert found.worst <= low < getattr(found, name) < high <= found.best
    assert figures(LAST["0.01"]).intervals == dict.fromkeys(found.intervals, pytest.approx((0.2, 0.2)))
    assert figures(LAST["0.005"]) == found


def test_a_single_seed_has_no_interval() -> None:
    alone = figures([0.7])
    assert not alone.intervals
    assert {with_interval(alone, name) for name in ("mean", "median", "iqm")} == {"0.7 (single run)"}


def test_a_task_without_goals_is_judged_by_its_return(tmp_path: Path) -> None:
    groups = sweep_groups(written(tmp_path))
    for run in groups[0].runs:
        for one in run.rows:
            one["evaluation/0_16/final_distance"] = float("nan")
    assert headline_of(groups[0].runs).measure == "return"
    assert [one.last for one in outcomes(groups[0])] == [-9.0] * 5
    # Each combination may have a task of its own.
    assert [one.last for one in outcomes(groups[1])] == list(LAST["0.01"])
    assert headlines(groups) == "mean return, goal (0, 16) / success at the last step, goal (0, 16)"


def test_a_task_with_groups_is_judged_by_what_chose_its_best_policy(tmp_path: Path) -> None:
    """Groups in place over all goals, not the success at the first one; a goal that asks for nothing has none."""
    task = dataclasses.replace(
        load_task("PointMaze"), success=SuccessRule(1.0, "m", groups={"along": ("x",), "across": ("y",)})
    )
    found = {"env_steps": 0, "cpu_seconds": 60.0}
    evaluations = [
        # Success at the first goal, and little in place at the second one.
        [EvaluationResult((8.0, 8.0), 4, 1.0, 1.0, 0.5, -5.0, {"along": 1.0, "across": 1.0}), _at_second(0.0)],
        [EvaluationResult((8.0, 8.0), 4, 0.5, 0.5, 0.5, -5.0, {"along": 1.0, "across": 0.5}), _at_second(1.0)],
        [EvaluationResult((8.0, 8.0), 4, 0.0, 0.0, 0.5, -5.0, {"along": 0.5, "across": 0.5}), _at_second(0.25)],
    ]
    nothing = EvaluationResult((0.0, 0.0), 2, 1.0, 1.0, 0.0, 0.0)
    rows = []
    for number, results in enumerate(evaluations):
        row = {**found, "env_steps": 100 * number}
        for result in (*results, nothing):
            row |= evaluation_metrics(result)
        rows.append(row)
    group = Group("one", [Run(tmp_path, {"seed": 0, "steps": 200, "task": "point_maze"}, rows)])
    scores = [headline_score(task, [*results, nothing]) or 0.0 for results in evaluations]
    (outcome,) = outcomes(group)
    assert (outcome.best, outcome.last) == (max(scores), scores[-1]) == (scores[1], scores[-1])
    assert outcome.best == 2.5 / 3
    assert outcome.episodes == 10
    assert not outcome.headline.is_share
    assert headlines([group]) == "groups in place at the last step, mean over all goals"


def _at_second(share: float) -> EvaluationResult:
    return EvaluationResult((8.0, 0.0), 4, share, share, 0.5, -5.0, {"along": share})


def test_results_are_read_without_torch() -> None:
    code = "import sys, hrl.results.over_seeds; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_goal_is_named_where_there_is_one() -> None:
    assert str(Headline("own_goals", "return")) == "mean return"
    assert str(Headline("own_goals", "success_rate")) == "success at the last step, own goals"
    assert str(Headline("8_0", "return")) == "mean return, goal (8, 0)"


@pytest.mark.parametrize(("evaluated", "end", "seeds"), [(5, 200, "5"), (3, 200, "3 of 5"), (5, 150, "0 of 5")])
def test_only_runs_at_their_end_count(tmp_path: Path, evaluated: int, end: int, seeds: str) -> None:
    table = standing_table(sweep_groups(written(tmp_path, evaluated, end)), 5)
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    assert columns[0] == ["tau=0.005", "tau=0.01"]
    assert columns[1] == [seeds, seeds]
    means = {"5": ["0.56", "0.2"], "3 of 5": ["0.367", "0.2"], "0 of 5": ["-", "-"]}[seeds]
    assert [cell.partition(" [")[0] for cell in columns[2]] == means
    # Mean, median and interquartile mean have an interval each.
    assert {cell.endswith("]") for column in columns[2:5] for cell in column} == {means != ["-", "-"]}


def test_a_statistic_is_the_same_for_all_curves() -> None:
    few, many = Group("a", [None] * 3), Group("b", [None] * 4)  # pyright: ignore[reportArgumentType]
    assert choose_statistic(AUTO, [many, many]) == "iqm"
    assert choose_statistic(AUTO, [few, many]) == "mean"
    assert choose_statistic("median", [few]) == "median"


@pytest.mark.parametrize(("statistic", "expected"), [("mean", 0.56), ("median", 0.6), ("iqm", 0.6), (RANGE, 0.56)])
def test_a_curve_is_the_statistic_with_its_interval_around_it(tmp_path: Path, statistic: str, expected: float) -> None:
    figure = curve_figure(sweep_groups(written(tmp_path)), statistic=statistic)
    (axis,) = figure.axes
    line = np.asarray(axis.lines[0].get_ydata(), float)
    assert line == pytest.approx([expected / 2, 0.8, expected])
    shade = axis.collections[0].get_paths()[0].vertices
    low, high = np.asarray(shade)[:, 1].min(), np.asarray(shade)[:, 1].max()
    assert 0 <= low < line.min()
    assert line.max() <= high <= 1
    if statistic == RANGE:
        assert (low, high) == (0.0, 1.0)
    plt.close(figure)


def test_a_sweep_is_plotted_alone_and_beside_runs_and_other_sweeps(tmp_path: Path, capsys) -> None:
    first, second = written(tmp_path / "first"), written(tmp_path / "second", evaluated=2)
    for words, count in (
        ([first], 10),
        ([first, "--statistic", "median"], 10),
        ([first, second], 14),
        ([first / "tau=0.01" / "seed_0", second], 5),
        ([first / "tau=0.01" / "seed_0", first / "tau=0.01" / "seed_1"], 2),
    ):
        out = tmp_path / "curves.png"
        assert cli.main(["plot", *map(str, words), "--out", str(out)]) == 0
        assert f"curves of {count} runs written" in capsys.readouterr().out
        assert out.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_refused(tmp_path: Path, capsys) -> None:
    young = written(tmp_path / "young", evaluated=0)
    assert is_sweep(young)
    for words, message in (
        (["plot", str(young)], "no run has been evaluated yet; plot it later"),
        (["report", str(young)], "none of the runs has been evaluated yet"),
        (["plot", str(young), "--statistic", "mode"], "--statistic 'mode' is none of mean, median, iqm, range"),
    ):
        assert cli.main([*words, "--out", str(tmp_path / "x.png")]) == 2
        assert message in capsys.readouterr().err
        assert not (tmp_path / "x.png").exists()


def test_the_page_of_a_sweep_has_curves_figures_runs_and_commands(tmp_path: Path, capsys) -> None:
    folder, out = written(tmp_path / "<my> sweep"), tmp_path / "page.html"
    assert cli.main(["report", str(folder), "--out", str(out)]) == 0
    assert f"report written to {out}" in capsys.readouterr().out
    page = out.read_text()
    rows = cells(page)
    found = figures(LAST["0.005"])
    told = [
        f"{value} [{low:.3g}, {high:.3g}]"
        for value, (low, high) in zip(("0.56", "0.6", "0.6"), found.intervals.values(), strict=True)
    ]
    assert rows[0] == ["tau=0.005", "5", *told, "0", "1"]
    assert rows[1] == ["tau=0.01", "5", *["0.2 [0.2, 0.2]"] * 3, "0.2", "0.2"]
    assert [cell.split(" [")[0] for cell in rows[2][:4]] == ["tau=0.005", "5", "0.84", "0.8"]
    assert rows[4][:4] == ["tau=0.005", "0", "0 [0.00, 0.16]", "0.8 [0.58, 0.92]"]
    assert len(rows) == 2 + 2 + 10
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<my>" not in page
    options = " ".join(OPTIONS)
    assert f"hrl sweep {options} --set worker.tau=0.005,0.01 --seeds 0:5 --out" in page
    assert f"hrl train {options} --worker.tau 0.01 --seed 4 --out" in page


def examined(folder: Path) -> Path:
    """The sweep whose first combination has been examined: the last policy of seed n reaches (0, 16) n times of ten."""
    written(folder)
    for seed in range(5):
        goals = (AtGoal(10, -3.0, (0.0, 16.0), seed / 10), AtGoal(10, -2.0, (16.0, 0.0), 1.0))
        best = (AtGoal(10, -3.0, (0.0, 16.0), 0.5), *goals[1:])
        known = HeldOut(10, 3000017, {"best": Examined(150, best), "last": Examined(200, goals)})
        known.write(folder / "tau=0.005" / f"seed_{seed}")
        assert read_held_out(folder / "tau=0.005" / f"seed_{seed}") == known
    return folder


def test_held_out_figures_are_those_of_runs_that_have_been_examined(tmp_path: Path) -> None:
    table = held_out_table(sweep_groups(examined(tmp_path)))
    rows = list(zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True))
    goals = [f"success at the last step, goal {goal}" for goal in ("(0, 16)", "(16, 0)")]
    assert [row[:3] for row in rows] == [("tau=0.005", policy, goal) for policy in ("best", "last") for goal in goals]
    # By hand: of 0, 0.1, 0.2, 0.3, 0.4 all three are 0.2.
    assert rows[2][3] == "0 0.1 0.2 0.3 0.4"
    assert [row.split(" [")[0] for row in rows[2][4:]] == ["0.2"] * 3


def test_a_sweep_as_markdown_has_every_seed_with_wilsons_interval_and_the_command(tmp_path: Path, capsys) -> None:
    folder, out = examined(tmp_path / "two_rates"), tmp_path / "section.md"
    (folder / "about.md").write_text("What it is about.\n")
    starts = [{"git_commit": "0123456789abcdef-dirty"}, {"git_commit": "fedcba9876543210"}]
    (folder / "tau=0.005" / "seed_2" / "provenance.json").write_text(json.dumps(starts))
    assert cli.main(["report", str(folder), "--out", str(out)]) == 0
    capsys.readouterr()
    lines = out.read_text().split("\n")
    assert lines[:3] == ["## two rates", "", "What it is about."]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    goal = "success at the last step, goal (0, 16)"
    assert ["tau=0.005", "last", goal, "0 0.1 0.2 0.3 0.4"] in [row[:4] for row in rows]
    # Wilson's interval of 2 of 10: (0.2 + z^2/20 +- z sqrt(0.016 + z^2/400)) / (1 + z^2/10), z = 1.96.
    told = ["tau=0.005", "2", "0.500 (0.237 to 0.763)", "0.200 (0.057 to 0.510)", "0.15 k / 0.2 k", "1.0"]
    assert [*told, "0123456-dirty, fedcba9"] in rows
    assert ["tau=0.01", "4", "-", "-", "0.2 k", "1.0", "-"] in rows
    command = f"hrl sweep {' '.join(OPTIONS)} --set worker.tau=0.005,0.01 --seeds 0:5 --held_out 10 --out {folder}"
    assert lines[-4:] == ["```bash", command, "```", ""]


def test_of_a_task_with_groups_it_is_told_how_many_are_in_place() -> None:
    at = AtGoal(10, -30.0, (0.0,) * 21, 0.1, ("kettle", "microwave"), 1.4)
    assert (at.title, at.score) == ("in place of kettle, microwave", 1.4)


def test_what_was_not_examined_has_no_figures_and_damaged_provenance_is_named(tmp_path: Path, capsys) -> None:
    folder, out = written(tmp_path / "young"), tmp_path / "section.md"
    assert cli.main(["report", str(folder), "--out", str(out)]) == 0
    assert "IQM" not in out.read_text()
    (folder / "tau=0.01" / "seed_0" / "provenance.json").write_text("[{")
    assert cli.main(["report", str(folder), "--out", str(out)]) == 2
    assert "provenance.json" in capsys.readouterr().err


def test_the_page_has_held_out_figures_where_there_are_any(tmp_path: Path, capsys) -> None:
    out = tmp_path / "page.html"
    assert cli.main(["report", str(examined(tmp_path / "sweep")), "--out", str(out)]) == 0
    assert ["tau=0.005", "last"] in [row[:2] for row in cells(out.read_text())]


def test_damaged_figures_are_named_with_their_file(tmp_path: Path, capsys) -> None:
    path = examined(tmp_path / "sweep") / "tau=0.005" / "seed_3" / "held_out.json"
    path.write_text(path.read_text().replace("0.3", "1.3"))
    assert cli.main(["report", str(tmp_path / "sweep"), "--out", str(tmp_path / "x.md")]) == 2
    assert re.search(r"held_out.json.*success_rate: must be a number from 0 to 1, got 1.3", capsys.readouterr().err)
    assert not (tmp_path / "x.md").exists()


def test_what_people_say_about_a_sweep_is_told_and_refused_where_it_is_no_text(tmp_path: Path, capsys) -> None:
    folder, out = examined(tmp_path / "sweep"), tmp_path / "x.md"
    (folder / "about.md").write_bytes("caf\xe9 \N{SNOWMAN}".encode())
    assert cli.main(["report", str(folder), "--out", str(out)]) == 0
    assert "caf\xe9 \N{SNOWMAN}" in out.read_text(encoding="utf-8")
    out.unlink()
    (folder / "about.md").write_bytes("caf\xe9".encode("latin-1"))
    assert cli.main(["report", str(folder), "--out", str(out)]) == 2
    assert "about.md is not UTF-8 text at byte 3: save it as UTF-8" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]


@pytest.mark.parametrize("out", [".", "sweep", "page.html"])
def test_a_page_is_written_whole_or_nothing_is(tmp_path: Path, monkeypatch, capsys, out: str) -> None:
    """To a folder it cannot be; of one whose name is not UTF-8 it can."""
    folder = examined(tmp_path / os.fsdecode(b"sweep \xe9"))
    (tmp_path / "sweep").mkdir()
    monkeypatch.chdir(tmp_path)
    there = {path.name for path in tmp_path.iterdir()}
    page = out.endswith(".html")
    assert cli.main(["report", folder.name, "--out", out]) == (0 if page else 2)
    assert f"{'written to' if page else '--out'} {out}" in "".join(capsys.readouterr())
    assert {path.name for path in tmp_path.iterdir()} == there | ({out} if page else set())
