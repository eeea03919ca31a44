"""A report on a recording: ways and subgoals of every run, and goals as their tasks measure them."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from hrl.cli import main
from hrl.report import figures
from hrl.report.episode_names import episode_names
from hrl.report.findings import gather
from hrl.report.way_to_goal import success_line, way_name, way_to_goal
from hrl_core.bags.keys import EpisodeKey
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task, shipped_tasks

TASKS = [load_task(name) for name in shipped_tasks()]


@pytest.fixture(scope="module")
def runs(record, tmp_path_factory):
    """One run whose subgoals are of many elements, one whose are of two."""
    folder = tmp_path_factory.mktemp("runs")
    for run, policy in ((1, "untrained_ant_maze"), (2, "hiro_ant_maze")):
        record(folder / str(run), policy, run=run)
    return folder


@pytest.fixture
def drawn(monkeypatch) -> Iterator[list[Any]]:
    """Figures as they are drawn."""
    found: list[Any] = []
    monkeypatch.setattr(figures, "embedded", lambda figure: found.append(figure) or "image")
    yield found
    for figure in found:
        plt.close(figure)


def targets(ax) -> int:
    """How many subgoal targets a panel of ways shows."""
    marks = [line for line in ax.lines if line.get_color() == figures.SUBGOAL and line.get_marker() == "o"]
    return sum(len(line.get_xdata()) for line in marks)


def test_every_run_is_drawn_by_its_own_hierarchy(runs, drawn):
    found = gather(runs, "")
    assert found.subgoals[1] != found.subgoals[2]
    figures.paths(found.task, found.subgoals, found.episodes, found.names)
    shown = [targets(ax) for ax in drawn[0].axes]
    assert shown == [len(episode.subgoals[0].seqs) for episode in found.episodes]
    figures.paths(found.task, {1: found.subgoals[1]}, found.episodes, found.names)
    assert [targets(ax) for ax in drawn[1].axes] == [shown[0], 0], "a run that tells none has none"


def test_the_page_tells_the_runs_apart_and_relabels_what_the_policy_can(runs, tmp_path):
    page = tmp_path / "page.html"
    assert main(["report", str(runs), "--out", str(page), "--policy", "hiro_ant_maze"]) == 0
    text = page.read_text()
    for run in (1, 2):
        assert f"<td>run {run:016x}, 0</td>" in text
    assert "2 runs, robot robot" in text
    both, own = (gather(source, "hiro_ant_maze").relabelling for source in (runs, runs / "2"))
    assert both is not None
    assert own is not None
    assert both.wins.tolist() == own.wins.tolist()
    assert both.unit == "m"


@pytest.mark.parametrize("name", ["cart_pole", "grid_world", "four_rooms"])
def test_a_report_on_choices_draws_the_walls_there_are_and_the_way_taken(record, drawn, tmp_path, name):
    task = replace(load_task(name), max_episode_steps=60)
    save_checkpoint(random_checkpoint(task, seed=1, hierarchy=FLAT), tmp_path / "policy")
    bag = record(tmp_path / "bag", str(tmp_path / "policy"), mode=Mode.TRAIN)
    assert main(["report", str(bag), "--out", str(tmp_path / "page.html")]) == 0
    assert name in (tmp_path / "page.html").read_text()
    (episode,) = gather(bag, "").episodes
    ways = drawn[0].axes[0]
    walls = [patch for patch in ways.patches if isinstance(patch, Rectangle)]
    (way,) = (line for line in ways.lines if line.get_color() == figures.TRAIL)
    x, y = way.get_xdata(), way.get_ydata()
    assert len(x) == episode.steps + 1
    assert len(walls) == {"cart_pole": 0, "grid_world": 41, "four_rooms": 65}[name]
    for wall in walls:
        inside = (wall.get_x() < x) & (x < wall.get_x() + wall.get_width())
        assert not np.any(inside & (wall.get_y() < y) & (y < wall.get_y() + wall.get_height()))


def test_an_episode_is_called_by_no_more_than_tells_it_from_others():
    def names(*keys: EpisodeKey) -> list[str]:
        episodes: list[Any] = [SimpleNamespace(key=key) for key in keys]
        return list(episode_names(episodes).values())

    assert names(EpisodeKey(1, "a", 0), EpisodeKey(1, "a", 1)) == ["0", "1"]
    assert names(EpisodeKey(1, "a", 0), EpisodeKey(1, "b", 0)) == ["a, 0", "b, 0"]
    assert names(EpisodeKey(1, "a", 0), EpisodeKey(2, "a", 0)) == [f"run {run:016x}, 0" for run in (1, 2)]


def lived(spec: TaskSpec, steps: int = 40, seed: int = 0) -> Any:
    """An episode at random places near and far from its goal."""
    rng = np.random.default_rng(seed)
    reach = max(spec.success.radius, 1.0)
    achieved = rng.uniform(-1.5, 1.5, (steps + 1, len(spec.goal))) * rng.uniform(0, reach, (steps + 1, 1))
    achieved[0] = 0.0
    goals = {"achieved_goals": achieved, "desired_goals": np.zeros_like(achieved)}
    return SimpleNamespace(key=EpisodeKey(1, "robot", 0), steps=steps, rewards=np.ones(steps), segments={}, **goals)


@pytest.mark.parametrize("spec", [task for task in TASKS if task.success.radius > 0], ids=lambda spec: spec.name)
def test_an_episode_is_at_or_below_the_line_exactly_where_the_task_says_success(spec):
    episode, line = lived(spec), success_line(spec)
    assert line is not None
    holds = spec.success_holds(episode.achieved_goals, episode.desired_goals)
    assert holds.any()
    assert not holds.all()
    assert np.array_equal(way_to_goal(spec, episode) <= line, holds)


@pytest.mark.parametrize("spec", TASKS, ids=lambda spec: spec.name)
def test_what_is_drawn_over_time_is_what_the_task_has(spec, drawn):
    episode = lived(spec)
    figures.series(spec, [episode], {episode.key: "0"})
    labels = [ax.get_ylabel() for ax in drawn[0].axes]
    assert labels == ([way_name(spec), "reward per step"] if spec.goal else ["reward per step"])
    assert ("distance" in "".join(labels)) == bool(spec.goal and not spec.success.groups)


def test_a_way_through_several_units_has_none_of_them():
    assert way_name(load_task("point_maze")) == "distance to goal [m]"
    assert way_name(load_task("push_point")) == "distance to goal, sum along its elements [m]"
    assert way_name(load_task("mountain_car")) == "distance to goal [mixed units]"
    assert way_name(load_task("kitchen")) == "groups out of place"


def test_the_intrinsic_reward_of_the_first_subgoal_is_seen_from_its_start(runs, drawn):
    found = gather(runs / "2", "")
    figures.series(found.task, found.episodes, found.names)
    (line,) = drawn[0].axes[2].lines
    table = found.episodes[0].segments[0]
    assert line.get_xdata()[0] == found.task.control_period * (table.steps[0] - table.steps_used[0]) == 0
    assert line.get_xdata()[-1] == pytest.approx(found.task.control_period * table.steps[-1])
    assert line.get_drawstyle() == "steps-pre"
    assert line.get_ydata()[:2] == pytest.approx(table.intrinsic_sums[0] / table.steps_used[0])
