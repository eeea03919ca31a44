"""The task specification is one contract: same file, same hash; a difference is named; a mistake is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hrl_core.errors import InvalidDataError, TaskError
from hrl_core.task import TaskSpec, load_task, parse_task, shipped_tasks, task_difference


@pytest.mark.parametrize("name", shipped_tasks())
def test_yaml_round_trip_keeps_specification_and_hash(name: str):
    task = load_task(name)
    again = parse_task(task.to_yaml())
    assert again == task
    assert again.sha256 == task.sha256
    assert int(task.sha256[:16], 16) == task.hash64


@pytest.mark.parametrize("spelling", ["AntMaze", "antmaze", "ant_maze", "hrl/AntMaze-v0"])
def test_shipped_task_is_found_by_any_of_its_names(spelling: str):
    assert load_task(spelling).name == "ant_maze"


def test_unknown_task_lists_the_valid_ones():
    with pytest.raises(TaskError, match=r"unknown task 'AntMase'.*ant_maze"):
        load_task("AntMase")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TaskSpec)])
def test_every_field_is_part_of_the_hash_and_is_named_when_it_differs(field: str):
    task = load_task("ant_maze")
    data = task.as_dict()
    data[field] = _changed(data[field])
    other = TaskSpec.__new__(TaskSpec)
    for name, value in data.items():
        object.__setattr__(other, name, value)
    object.__setattr__(other, "subgoal", other.subgoal if field == "subgoal" else task.subgoal)
    for name in ("observation", "action", "goal", "success"):
        if field != name:
            object.__setattr__(other, name, getattr(task, name))
    assert other.sha256 != task.sha256
    assert task_difference(task, other).startswith(field)


def _changed(value: Any) -> Any:
    if isinstance(value, dict):
        return dataclasses.replace(load_task("ant_maze").subgoal, period=11) if "period" in value else {"radius": 1.0}
    if isinstance(value, list):
        return value[:-1]
    return value + "x" if isinstance(value, str) else value * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control_period": 0.0}, "control_period"),
        ({"surprise": 1}, "unknown fields \\['surprise'\\]"),
        ({"evaluation_goals": [[1.0]]}, "evaluation_goals"),
    ],
)
def test_malformed_specification_is_refused_by_field(change: dict, message: str):
    import yaml

    data = load_task("ant_maze").as_dict() | change
    with pytest.raises(TaskError, match=message):
        parse_task(yaml.safe_dump(data))


def test_subgoal_element_outside_the_observation_is_refused():
    import yaml

    data = load_task("ant_maze").as_dict()
    data["subgoal"]["elements"]["altitude"] = [-1, 1]
    with pytest.raises(TaskError, match="altitude"):
        parse_task(yaml.safe_dump(data))


def test_wrong_size_and_non_finite_numbers_are_named():
    task = load_task("ant_maze")
    with pytest.raises(InvalidDataError, match=r"needs 30 numbers, got shape \(29,\)"):
        task.check_state(np.zeros(29))
    state = np.zeros(30)
    state[2] = np.nan
    with pytest.raises(InvalidDataError, match="z=nan"):
        task.check_state(state)


def test_subgoal_indices_follow_the_observation_layout():
    task = load_task("ant_maze")
    assert task.subgoal_indices.tolist() == list(range(15))
    assert task.subgoal_high.tolist() == [10, 10, 0.5, 1, 1, 1, 1, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3]
