"""Switches that a task cannot serve are refused by name, before anything is built."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.waypoints import Waypoints
from hrl_core.algorithms.hiro.task_fit import require_bounds, require_elements, require_fit
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.recordings.recorded_reward import RecordedReward

FAST = preset("fast").agent


def test_switch_element_and_the_tasks_own_elements_are_named() -> None:
    with pytest.raises(TaskError) as refused:
        require_elements(load_task("point_maze"), FAST)
    text = str(refused.value)
    assert "tilt_penalty needs the observation elements qx, qy" in text
    assert "four_fold_symmetry needs the observation elements hip_1" in text
    assert "its observation elements are: x, y, heading, drift_x, drift_y, drift_heading, time" in text
    assert "set tilt_penalty to 0 and four_fold_symmetry to false" in text
    assert "--tilt_penalty 0 --no_four_fold_symmetry" in text


def test_a_manager_that_would_see_nothing_is_refused() -> None:
    with pytest.raises(TaskError, match="manager_sees_pose_only to false"):
        require_elements(load_task("fetch_push"), HiroConfig(manager_sees_pose_only=True))


@pytest.mark.parametrize("name", ["ant_maze", "ant_push_wide", "ant_fall"])
def test_what_the_preset_was_made_for_fits(name: str) -> None:
    require_elements(load_task(name), FAST)


def test_goals_cannot_be_relabelled_where_there_are_none() -> None:
    gather = load_task("ant_gather")
    with pytest.raises(TaskError, match=r"relabel_goals_uniform .* need a task goal.*; set both to 0"):
        require_elements(gather, FAST)
    require_elements(gather, dataclasses.replace(FAST, relabel_goals_uniform=0.0, relabel_goals_future=0.0))


def test_goals_cannot_be_relabelled_where_only_the_environment_knows_their_end() -> None:
    maze = load_task("point_maze")
    alone = dataclasses.replace(maze, success=dataclasses.replace(maze.success, radius=0.0, ends_episode=True))
    with pytest.raises(TaskError, match=r"only the environment can tell.* or give the task a success\.radius"):
        require_elements(alone, HiroConfig(relabel_goals_future=0.5))
    require_elements(alone, HiroConfig())


def test_bounds_that_standing_still_breaks_are_refused_with_those_that_hold() -> None:
    task = load_task("ant_maze")
    space = GoalSpace(task, hierarchy_of(task, "smallest").levels[0])
    near = dataclasses.replace(FAST, worker_reward="distance")
    with pytest.raises(HrlError, match=r"down to -4\.243, .* set --worker\.reward_bounds -4\.25 0, or None"):
        require_bounds(space, near)
    for bounds in (None, (-4.25, 0.0)):
        require_bounds(space, dataclasses.replace(near, worker=dataclasses.replace(near.worker, reward_bounds=bounds)))
    require_bounds(space, FAST)


def test_nobody_is_paid_for_going_on_where_success_ends_it_or_nothing_is_to_be_reached() -> None:
    agent = dataclasses.replace(
        FAST,
        tilt_penalty=0.0,
        four_fold_symmetry=False,
        manager_sees_pose_only=False,
        relabel_goals_uniform=0.0,
        relabel_goals_future=0.0,
    )
    for name, why in (("fetch_reach", "its episodes end with success"), ("ant_gather", "it has no goal")):
        task = load_task(name)
        space = GoalSpace(task, hierarchy_of(task, "smallest").levels[0])
        with pytest.raises(TaskError, match=rf"manager_reward_offset 1 .*{why}.* --manager_reward_offset 0\)"):
            require_fit(space, agent)
        require_fit(space, dataclasses.replace(agent, manager_reward_offset=0.0))


def test_lengths_that_a_task_s_space_does_not_have_are_refused() -> None:
    """Of metres, on a table of 0.3 m."""
    task = load_task("fetch_reach")
    space = GoalSpace(task, hierarchy_of(task, "smallest").levels[0])
    with pytest.raises(TaskError, match=r"adjacency_weight: subgoals of task 'fetch_reach' lie within 0\.\d+"):
        require_fit(space, HiroConfig(adjacency_weight=20.0))
    box = np.zeros(3), np.full(3, 0.3)
    with pytest.raises(TaskError, match=r"waypoint_probability: the box .* is 0\.3 wide, .* within 2"):
        Waypoints(HiroConfig(waypoint_probability=0.5), box, 1)
    Waypoints(HiroConfig(), box, 1)


def test_goals_cannot_be_relabelled_where_the_observation_lacks_them() -> None:
    maze = load_task("point_maze")
    apart = dataclasses.replace(maze, goal=(dataclasses.replace(maze.goal[0], name="target_x"), maze.goal[1]))
    only = HiroConfig(relabel_goals_future=0.5)
    with pytest.raises(TaskError, match=r"elements in the observation, which lacks target_x; set both to 0, or list"):
        require_elements(apart, only)
    require_elements(maze, only)


def test_without_these_switches_any_task_fits() -> None:
    plain = dataclasses.replace(FAST, tilt_penalty=0.0, four_fold_symmetry=False)
    for name in ("point_maze", "ant_maze"):
        require_elements(load_task(name), plain)


def test_the_agent_asks() -> None:
    spec = load_task("point_maze")
    with pytest.raises(TaskError, match="tilt_penalty"):
        HiroAgent(GoalSpace(spec, hierarchy_of(spec).levels[0]), FAST, RecordedReward(spec), torch.Generator())
