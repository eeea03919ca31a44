"""The point paid for speed, and paid at the end of its maze alone."""

import numpy as np
import pytest

from hrl_core.envs.point_field import make_point_field
from hrl_core.envs.point_maze import make_point_maze
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task


def test_a_field_pays_the_way_of_a_step_in_any_direction_and_has_no_end_to_run_into():
    env = make_point_field()
    env.reset(seed=0)
    env.data.qvel[:] = 0
    assert env.step(np.array([0.5, 0.25]))[1] == pytest.approx(0.5)
    assert env.step(np.array([-1.0, 0.0]))[1] == pytest.approx(1.0), "backwards as well"
    assert env.step(np.zeros(2))[1] == pytest.approx(0.0)
    for _ in range(100):
        _, reward, terminated, truncated, _ = env.step(np.array([1.0, 0.0]))
        assert reward == pytest.approx(1.0)
        assert not terminated
        assert not truncated


@pytest.mark.parametrize(("x", "reward"), [(1.8, 0.0), (1.6, 1.0)])
def test_with_reach_the_goal_pays_once_and_ends_the_episode(x, reward):
    env = make_point_maze(goal=(0.0, 8.0), reach=1.5)
    env.reset(seed=0)
    env.data.qvel[:] = 0
    env.data.qpos[:] = x, 8.0, np.pi
    assert env.step(np.array([1.0, 0.0]))[1:3] == (reward, reward > 0)
    assert make_point_maze().goal_low.tolist() == [-2.0, -2.0]


def test_an_action_that_is_repeated_leads_where_as_many_steps_of_it_do():
    once, held = make_point_maze(), make_point_maze(repeat=5)
    action = np.array([0.9, 0.1])
    for env in (once, held):
        env.reset(seed=3)
    for _ in range(5):
        told = once.step(action)[0]["observation"]
    assert held.step(action)[0]["observation"].tobytes() == told.tobytes()


def test_every_episode_of_the_sparse_maze_has_the_same_goal_which_can_be_told_to_be_another():
    envs = VectorEnv(load_task("point_maze_sparse"), 3, 0)
    assert envs.goals.tolist() == [[0.0, 8.0]] * 3
    envs.set_goals(np.array([[0.0, 0.5]] * 3))
    assert envs.step(np.zeros((3, 2))).rewards.tolist() == [1.0] * 3
