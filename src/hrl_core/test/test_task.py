"""The task specification is one contract: same file, same hash; a difference is named; a mistake is refused."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.envs.push_point import PushPointEnv
from hrl_core.errors import HrlError, InvalidDataError, TaskError
from hrl_core.hierarchy.spec import FLAT, GoalSpace, hierarchy_of
from hrl_core.task.spec import SuccessRule, TaskSpec
from hrl_core.task.text import SHIPPED, load_task, parse_task, shipped_tasks, task_difference
from hrl_core.typed_fields import FieldError


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


NOT_AGREED = {"goal_spaces", "earlier"}


@pytest.mark.parametrize("field", [row.name for row in dataclasses.fields(TaskSpec) if row.name not in NOT_AGREED])
def test_every_field_is_part_of_the_hash_and_is_named_when_it_differs(field: str):
    task = load_task("ant_maze")
    data = task.as_dict()
    data[field] = _changed(data[field])
    other = TaskSpec.__new__(TaskSpec)
    for name, value in (data | dict.fromkeys(NOT_AGREED)).items():
        object.__setattr__(other, name, value)
    for name in ("observation", "action", "goal", "success"):
        if field != name:
            object.__setattr__(other, name, getattr(task, name))
    assert other.sha256 != task.sha256
    assert task_difference(task, other).startswith(field)


def _changed(value: Any) -> Any:
    if isinstance(value, dict):
        if "unit" in value:
            return dataclasses.replace(load_task("ant_maze").success, radius=1.0)
        return {"radius": 1.0}
    if isinstance(value, list):
        return value[:-1]
    return value + "x" if isinstance(value, str) else value * 2


def test_goal_spaces_are_offered_and_no_part_of_what_all_agree_on():
    task = load_task("ant_maze")
    other = dataclasses.replace(task, goal_spaces={"height": {"z": (-0.1, 0.1)}})
    assert (other, other.sha256) == (task, task.sha256)
    assert parse_task(other.to_yaml()).goal_spaces == other.goal_spaces


@pytest.mark.parametrize(("goal_space", "size"), [("first", 15), ("smallest", 2), ("position", 15), ("position_xy", 2)])
def test_a_hierarchy_lies_in_a_goal_space_of_the_task(goal_space: str, size: int):
    (level,) = hierarchy_of(load_task("ant_maze"), goal_space, horizon=7).levels
    assert (len(level.elements), level.horizon, level.kind) == (size, 7, "relative")


def test_a_goal_space_that_is_not_offered_is_refused_with_those_that_are():
    with pytest.raises(
        TaskError, match="goal_space: 'xy' is none of task 'ant_maze': choose first, smallest or one of"
    ):
        hierarchy_of(load_task("ant_maze"), "xy")
    assert hierarchy_of(dataclasses.replace(load_task("ant_maze"), goal_spaces={})) == FLAT


TEXT = (SHIPPED / "ant_maze.yaml").read_text()
MISTAKES = [
    (
        "max_episode_steps: 500",
        "max_episode_steps: 500\nmax_episode_steps: 5",
        "line 6: max_episode_steps: is given twice",
    ),
    ("max_episode_steps: 500", "max_episode_steps: 10.7", "line 5: max_episode_steps: must be a whole number.*10.7"),
    ("max_episode_steps: 500", "max_episode_steps: yes", "line 5: max_episode_steps: must be a whole number.*got yes"),
    ("max_episode_steps: 500", "max_episode_steps: 010", "line 5: max_episode_steps: must be a whole number.*got 010"),
    ("max_episode_steps: 500", "max_episode_steps: 0", "max_episode_steps: must be a whole number from 1 to"),
    ("max_episode_steps: 500", 'max_episode_steps: "500"', "max_episode_steps: must be a whole number.*got '500'"),
    (
        "max_episode_steps: 500",
        "max_episode_step: 500",
        "max_episode_step: unknown field; did you mean max_episode_steps",
    ),
    (
        "control_period: 0.1",
        "control_period: 0.0",
        "control_period: must be a number of seconds from 1e-6 to 3600, got 0.0",
    ),
    ("control_period: 0.1", "control_period: .inf", "control_period: must be a number of seconds"),
    ("control_period: 0.1", "", "lacks control_period; fields are: name"),
    ("control_period: 0.1", "control_period: 0.1\nsurprise: 1", "line 7: surprise: unknown field"),
    ("    x: [-10.0, 10.0]", "    x: [-10.0]", "goal_spaces.position.x: must be a list of 2, got a list of 1"),
    ("    x: [-10.0, 10.0]", "    x: [10.0, 10.0]", "goal_spaces.position.x: the lower limit must be below the upper"),
    ("radius: 5.0", "radius: .nan", "success.radius: must be a finite number, 0 or above, or -1 .*got .nan"),
    ("radius: 5.0", "radius: -5", "success.radius: must be a finite number, 0 or above, or -1 .*got -5"),
    ("name: hip_4, unit: N m", "name: hip_3, unit: N m", r"action\[6\]: 'hip_3' is there twice"),
    ("{name: z, unit", "{name: y, unit", r"observation\[2\]: 'y' is there twice"),
    ("{name: z, unit", '{name: "", unit', r"observation\[2\].name: must be text that is not empty, got ''"),
    ("{name: z, unit", "{name: off, unit", r"observation\[2\].name: must be text that is not empty, got off"),
    ("low: -30.0", "low: -.inf", r"action\[0\].low: must be a finite number, got -.inf"),
    ("low: -30.0", "low: 31", r"action\[0\].low: the lower limit must be below the upper one, got 31 and 30"),
    ("[[0.0, 16.0]", "[[.nan, 16.0]", r"evaluation_goals\[0\]\[0\]: must be a finite number, got .nan"),
    ("[[0.0, 16.0]", "[[16.0]", r"evaluation_goals\[0\]: must be a list of 2, as goal has, got a list of 1"),
    ("    x: [", "    altitude: [", "goal_spaces.position.altitude: is no element of the observation, which has x, y"),
    ("env_kwargs: {}", "env_kwargs: {scale: .nan}", "env_kwargs.scale: must be text, finite decimal numbers"),
    ("env_kwargs: {}", "env_kwargs: {scale: 010}", "env_kwargs.scale: must be text, finite decimal numbers.*got 010"),
    ("name: ant_maze", "name: [ant_maze]", "name: must be text that is not empty, got a list of 1"),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_mistake_is_refused_by_file_line_field_and_what_is_allowed(old: str, new: str, message: str):
    assert old in TEXT
    with pytest.raises(TaskError, match=f"^my.yaml, (line [0-9]+: .*)?{message}"):
        parse_task(TEXT.replace(old, new, 1), "my.yaml")


def test_numbers_that_people_write_are_read_as_numbers():
    assert parse_task(TEXT.replace("radius: 5.0", "radius: 5e-1")).success.radius == 0.5
    assert parse_task(TEXT.replace("control_period: 0.1", "control_period: 1")).control_period == 1.0


def test_a_file_that_is_not_utf8_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(TEXT.replace("name: ant_maze", "name: ameise_\xe4").encode("latin-1"))
    with pytest.raises(TaskError, match="is not UTF-8 text at byte"):
        load_task(path)


def test_a_specification_made_in_code_keeps_the_same_rules():
    task = load_task("ant_maze")
    with pytest.raises(FieldError, match="control_period: must be a number of seconds"):
        dataclasses.replace(task, control_period=float("nan"))
    with pytest.raises(FieldError, match=r"action\[1\]: 'hip_4' is there twice"):
        dataclasses.replace(task, action=task.action[:1] * 2)


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
    space = GoalSpace(task, hierarchy_of(task).levels[0])
    assert space.indices.tolist() == list(range(15))
    assert space.high.tolist() == [10, 10, 0.5, 1, 1, 1, 1, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3, 0.5, 0.3]


def test_what_success_has_been_given_since_is_hashed_only_where_it_is_set():
    task = load_task("ant_maze")
    assert task.as_dict()["success"] == {"radius": 5.0, "unit": "m"}
    ends = dataclasses.replace(task, success=dataclasses.replace(task.success, ends_episode=True))
    close = dataclasses.replace(task, success=dataclasses.replace(task.success, radius=-1.0, tolerance=(1.0, 2.0)))
    assert len({task.sha256, ends.sha256, close.sha256}) == 3
    assert parse_task(close.to_yaml()) == close


def test_tolerances_take_the_place_of_a_radius_and_are_as_many_as_the_goal_has():
    task = load_task("ant_maze")
    with pytest.raises(FieldError, match="tolerance: takes the place of a radius: set radius to -1"):
        dataclasses.replace(task.success, tolerance=(1.0, 1.0))
    with pytest.raises(FieldError, match="tolerance: must be a list of 2, as goal has"):
        dataclasses.replace(task, success=dataclasses.replace(task.success, radius=-1.0, tolerance=(1.0,)))


def _with(rule: SuccessRule) -> TaskSpec:
    return dataclasses.replace(load_task("push_point"), success=rule)


_THINGS = {"block": ("block_x", "block_y")}


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_one_group_of_all_elements_is_the_radius_alone(seed: int) -> None:
    """Law L12."""
    rng = np.random.default_rng(seed)
    achieved, desired = rng.normal(size=(2, 40, 2))
    alone, grouped = _with(SuccessRule(1.0, "m")), _with(SuccessRule(1.0, "m", groups=_THINGS))
    expected = alone.success_holds(achieved, desired)
    np.testing.assert_array_equal(grouped.success_holds(achieved, desired), expected)
    assert [grouped.succeeded(*pair) for pair in zip(achieved, desired, strict=True)] == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_way_to_a_goal_is_measured_by_the_norm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    achieved, desired = rng.normal(size=(2, 40, 2))
    task = _with(SuccessRule(1.0, "m", norm="l1"))
    expected = np.abs(achieved - desired).sum(axis=1) <= 1.0
    np.testing.assert_array_equal(task.success_holds(achieved, desired), expected)
    assert [task.succeeded(*pair) for pair in zip(achieved, desired, strict=True)] == expected.tolist()
    # All that lies in the ball is there, and more than that.
    inside = np.linalg.norm(achieved - desired, axis=1) <= task.success.ball(2)
    assert expected[inside].all()
    assert task.success_holds(np.array([0.999, 0.0]), np.zeros(2))
    assert SuccessRule(1.0, "m").ball(2) == 1.0


def test_push_point_calls_success_what_its_environment_pays_for() -> None:
    task, env = load_task("push_point"), PushPointEnv()
    achieved, desired = np.random.default_rng(0).uniform(-1, 1, (2, 1000, 2))
    paid = env.compute_reward(achieved, desired, {}) == 0
    np.testing.assert_array_equal(task.success_holds(achieved, desired), paid)
    assert parse_task(task.to_yaml()) == task


def test_every_group_must_be_in_place_by_itself() -> None:
    groups = {"along": ("block_x",), "across": ("block_y",)}
    task = _with(SuccessRule(1.0, "m", groups=groups))
    achieved, desired = np.array([[0.9, 0.9], [0.9, 1.1], [1.1, 1.1]]), np.zeros(2)
    within = task.groups_within(achieved, desired)
    assert {name: told.tolist() for name, told in within.items()} == {
        "along": [True, True, False],
        "across": [True, False, False],
    }
    assert task.success_holds(achieved, desired).tolist() == [True, False, False]
    assert not _with(SuccessRule(1.0, "m")).succeeded(achieved[0], desired)
    assert task.succeeded(achieved[0], desired)


def test_tasks_without_groups_keep_their_hash_and_groups_survive_the_file() -> None:
    task = _with(SuccessRule(1.0, "m", groups=_THINGS))
    assert "groups" not in _with(SuccessRule(1.0, "m")).as_dict()["success"]
    assert parse_task(task.to_yaml()) == task
    assert task.sha256 != _with(SuccessRule(1.0, "m")).sha256


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            {"radius": 1.0, "groups": {"block": ("block_q",)}},
            "success.groups.block.*'block_q' is no element of the goal",
        ),
        ({"radius": 1.0, "groups": {"block": ()}}, "at least one"),
        ({"radius": 0.0, "groups": _THINGS}, "need a radius above 0"),
        ({"radius": 0.0, "norm": "l1"}, "norm: needs a radius above 0"),
        ({"radius": 1.0, "norm": "l3"}, "one of l2, l1"),
        ({"radius": 1.0, "groups": {"block": ("block_x", "block_x")}}, "there twice"),
    ],
)
def test_groups_that_cannot_be_are_refused(said: dict, told: str) -> None:
    with pytest.raises(HrlError, match=told):
        _with(SuccessRule(unit="m", **said))


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("ant_maze", {1: 2.0}, "to goal 2.0 m"),
        ("hill_car", {0: 0.25}, "to goal 0.2 m"),
        ("mountain_car", {0: 0.25}, "to goal 0.2"),
        ("kitchen", {}, "0 out of place"),
        ("kitchen", {13: 1.0, 14: 1.0, 15: 1.0}, "2 out of place"),
    ],
)
def test_what_is_left_is_told_in_the_unit_of_the_goal_or_as_things(name: str, change: dict[int, float], told: str):
    task = load_task(name)
    goal = np.array(task.evaluation_goals[0])
    achieved = goal.copy()
    for element, way in change.items():
        achieved[element] += way
    assert task.way_left(achieved, goal) == told
