"""What a report tells of a task of several things: in which order they came into place, and which did not."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from hrl.report.episode_names import episode_names
from hrl.report.group_section import brought, group_section
from hrl_core.bags.keys import EpisodeKey
from hrl_core.task.spec import TaskSpec
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task

TASK = dataclasses.replace(
    load_task("PointMaze"), success=SuccessRule(1.0, "m", groups={"along": ("x",), "across": ("y",)})
)


def episode(x: list[float], y: list[float], goal: tuple[float, float], number: int = 3) -> Any:
    achieved = np.stack([np.array(x), np.array(y)], axis=1)
    key = EpisodeKey(1, "robot", number)
    return SimpleNamespace(achieved_goals=achieved, desired_goals=np.tile(goal, (len(x), 1)), key=key)


def section(task: TaskSpec, episodes: list[Any]) -> str:
    findings = SimpleNamespace(task=task, episodes=episodes, names=episode_names(episodes))
    return "".join(group_section(findings))  # pyright: ignore[reportArgumentType]


def test_things_are_told_in_the_order_in_which_they_came_to_stay() -> None:
    done, missed = brought(TASK, episode([0, 4, 8, 4, 8], [0, 8, 8, 8, 8], (8, 8)))
    assert list(done.items()) == [("across", 1), ("along", 4)], "what left its place again counts from its return on"
    assert missed == []


def test_what_is_not_in_place_in_the_end_was_missed_and_what_was_there_is_not_told() -> None:
    assert brought(TASK, episode([0, 8, 0], [0, 0, 0], (8, 0))) == ({}, ["along"])
    assert brought(TASK, episode([0, 0], [0, 0], (0, 0))) == ({}, [])


def test_the_page_has_a_row_for_each_episode() -> None:
    lived = [episode([0, 8], [0, 0], (8, 8)), episode([0, 8], [0, 8], (8, 8), 4)]
    page = section(TASK, lived)
    assert "3 of 4 in place" in page
    assert "along (step 1), across (step 1)" in page
    assert not section(load_task("PointMaze"), lived)


def test_a_name_is_told_as_it_is_written_and_is_no_part_of_the_page() -> None:
    rule = dataclasses.replace(TASK.success, groups={"<b>near</b>": ("x",), "<i>far</i>": ("y",)})
    page = section(dataclasses.replace(TASK, success=rule), [episode([0, 8], [0, 0], (8, 8))])
    assert "&lt;b&gt;near&lt;/b&gt; (step 1)" in page
    assert "&lt;i&gt;far&lt;/i&gt;" in page
    assert "<b>" not in page
    assert "<i>" not in page
