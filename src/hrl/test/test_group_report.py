"""What a report tells of a task of several things: in which order they came into place, and which did not."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from hrl.report.group_section import brought, group_section
from hrl_core.task.success import SuccessRule
from hrl_core.task.text import load_task

TASK = dataclasses.replace(
    load_task("PointMaze"), success=SuccessRule(1.0, "m", groups={"along": ("x",), "across": ("y",)})
)


def episode(x: list[float], y: list[float], goal: tuple[float, float]) -> Any:
    achieved = np.stack([np.array(x), np.array(y)], axis=1)
    key = SimpleNamespace(episode=3)
    return SimpleNamespace(achieved_goals=achieved, desired_goals=np.tile(goal, (len(x), 1)), key=key)


def test_things_are_told_in_the_order_in_which_they_came_to_stay() -> None:
    done, missed = brought(TASK, episode([0, 4, 8, 4, 8], [0, 8, 8, 8, 8], (8, 8)))
    assert list(done.items()) == [("across", 1), ("along", 4)], "what left its place again counts from its return on"
    assert missed == []


def test_what_is_not_in_place_in_the_end_was_missed_and_what_was_there_is_not_told() -> None:
    assert brought(TASK, episode([0, 8, 0], [0, 0, 0], (8, 0))) == ({}, ["along"])
    assert brought(TASK, episode([0, 0], [0, 0], (0, 0))) == ({}, [])


def test_the_page_has_a_row_for_each_episode() -> None:
    lived = [episode([0, 8], [0, 0], (8, 8)), episode([0, 8], [0, 8], (8, 8))]
    page = "".join(group_section(SimpleNamespace(task=TASK, episodes=lived)))  # pyright: ignore[reportArgumentType]
    assert "3 of 4 in place" in page
    assert "along (step 1), across (step 1)" in page
    nothing = SimpleNamespace(task=load_task("PointMaze"), episodes=lived)
    assert not list(group_section(nothing))  # pyright: ignore[reportArgumentType]
