"""Specifications of the first definitions, which held subgoals, are the tasks of today to whoever reads them."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from hrl_core.errors import TaskError
from hrl_core.hierarchy.spec import earlier_hierarchy, hierarchy_of
from hrl_core.task.text import load_task, parse_task

KEPT = {
    path.stem: path.read_text() for path in sorted((Path(__file__).parent / "data/first_definitions").glob("*.yaml"))
}
"""The shipped ones as they were."""
TODAY = {
    "ant_fall_xyz": "ant_fall_wide",
    "ant_gather_xy": "ant_gather",
    "ant_maze_xy": "ant_maze",
    "ant_push_xy": "ant_push_wide",
}


def recorded_hash(text: str) -> str:
    """What bags and policies of that time say: of everything in the file, in a canonical form."""
    said = {"evaluation_goals": [], **yaml.safe_load(text)}
    said["subgoal"] = {name: said["subgoal"][name] for name in ("space", "elements", "period", "kind", "cadence")}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.mark.parametrize("name", KEPT)
def test_every_shipped_one_is_a_shipped_one_of_today_and_goes_by_both_hashes(name: str):
    task = parse_task(KEPT[name])
    today = load_task(TODAY.get(name, name))
    assert task == today
    assert task.hashes == (today.sha256, recorded_hash(KEPT[name]))
    assert today.hashes == (today.sha256,)


@pytest.mark.parametrize("name", KEPT)
def test_its_subgoals_are_a_hierarchy_of_today(name: str):
    hierarchy = earlier_hierarchy(parse_task(KEPT[name]))
    today = load_task(TODAY.get(name, name))
    wanted = hierarchy_of(today, "smallest" if name in TODAY else "first")
    assert hierarchy.levels[0].elements == wanted.levels[0].elements
    assert (hierarchy.levels[0].horizon, hierarchy.levels[0].kind) == (10, "relative")


def test_what_only_has_the_name_of_a_shipped_one_keeps_it():
    task = parse_task(KEPT["ant_maze_xy"].replace("control_period: 0.1", "control_period: 0.2"))
    assert task.name == "ant_maze_xy"


def test_what_it_said_of_its_subgoals_is_kept():
    text = (
        KEPT["ant_maze_xy"]
        .replace("relative", "absolute")
        .replace("period: 10", "period: 7")
        .replace("on_result", "every_step")
    )
    (level,) = earlier_hierarchy(parse_task(text)).levels
    assert (level.kind, level.horizon, level.cadence, level.space) == ("absolute", 7, "every_step", "position_xy")


def test_a_changed_copy_and_the_file_written_of_it_are_of_today():
    task = parse_task(KEPT["ant_maze"])
    for again in (dataclasses.replace(task, max_episode_steps=7), parse_task(task.to_yaml())):
        assert again.earlier is None
        assert again.goal_spaces == task.goal_spaces


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("period: 10", "period: 2.5", "subgoal.period: must be a whole number from 1 to .*, got 2.5"),
        ("kind: relative", "kind: nearby", "subgoal.kind: must be one of relative, absolute, got 'nearby'"),
        ("    x: [", "    altitude: [", "subgoal.elements.altitude: is no element of the observation, which has x, y"),
        ("    x: [-10.0,", "    x: [10.0,", "subgoal.elements.x: the lower limit must be below the upper one"),
    ],
)
def test_a_mistake_in_it_is_refused_by_line_and_field(old: str, new: str, message: str):
    with pytest.raises(TaskError, match=f"^my.yaml, line [0-9]+: {message}"):
        parse_task(KEPT["ant_maze"].replace(old, new, 1), "my.yaml")
