"""Movement Bandits and Ant Two-walks: what is paid, and when it is over."""

from typing import Any

import mujoco
import numpy as np
import pytest

from hrl_core.envs.ant_field import make_ant_field
from hrl_core.envs.ant_obstacle_course import make_ant_obstacle_course
from hrl_core.envs.ant_two_walks import make_ant_two_walks
from hrl_core.envs.four_rooms import VERSIONS, make_four_rooms
from hrl_core.envs.humanoid_walk_crawl import STRETCH, make_humanoid_walk_crawl
from hrl_core.envs.movement_bandits import make_movement_bandits
from hrl_core.four_rooms import NUMBER
from hrl_core.task.text import load_task

STAY, EAST, WEST, NORTH, SOUTH = range(5)


@pytest.mark.parametrize(
    ("places", "achieved", "paid"),
    [
        (((0.5, 0.62), (0.1, 0.1)), 0.0, (1, 0)),
        (((0.1, 0.1), (0.59, 0.58)), 1.0, (0, 1)),
        (((0.45, 0.5), (0.5, 0.4)), 0.5, (1, 1)),
        (((0.5, 0.63), (0.1, 0.1)), -1.0, (0, 0)),
    ],
)
def test_a_place_is_paid_for_where_it_is_the_right_one(places, achieved, paid):
    env: Any = make_movement_bandits()
    for goal in (0, 1):
        env.reset(seed=0, options={"goal": [float(goal)]})
        env.restore(np.array([0.5, 0.5, *places[0], *places[1], goal]))
        told, reward, *_ = env.step(STAY)
        assert told["achieved_goal"].tolist() == [achieved]
        assert reward == paid[goal]


def test_moves_are_strides_that_end_at_the_edge():
    env: Any = make_movement_bandits()
    env.reset(seed=0)
    ways = [env.step(move)[0]["observation"][:2].tolist() for move in (EAST, NORTH, NORTH, WEST, SOUTH, STAY)]
    expected = [[0.55, 0.5], [0.55, 0.55], [0.55, 0.6], [0.5, 0.6], [0.5, 0.55], [0.5, 0.55]]
    np.testing.assert_allclose(ways, expected)
    for _ in range(20):
        told = env.step(EAST)[0]
    assert told["observation"][0] == 0.875


@pytest.mark.parametrize("goal", [(1.0, 0.0, 1.0), (0.0, 1.0, 1.0)])
def test_the_ant_is_paid_for_way_in_the_direction_asked_for_less_its_torques(goal):
    env = make_ant_two_walks()
    env.reset(seed=1, options={"goal": goal})
    rng = np.random.default_rng(0)
    for _ in range(5):
        before, action = env.data.qpos[:2].copy(), rng.uniform(-30, 30, 8)
        _, reward, terminated, _, info = env.step(action)
        way = (env.data.qpos[:2] - before) @ goal[:2]
        assert reward == pytest.approx(way / 0.2 + 0.1 - 0.01 * ((action / 30) ** 2).sum())
        assert not terminated
        assert not info["is_success"]


def test_in_the_field_the_ant_is_paid_for_way_in_any_direction_whatever_its_goal():
    env = make_ant_field()
    env.reset(seed=1, options={"goal": (1.0, 0.0, 1.0)})
    rng = np.random.default_rng(0)
    for _ in range(5):
        before, action = env.data.qpos[:2].copy(), rng.uniform(-30, 30, 8)
        told, reward, terminated, _, info = env.step(action)
        way = np.linalg.norm(env.data.qpos[:2] - before)
        assert reward == pytest.approx(way / 0.2 + 0.1 - 0.01 * ((action / 30) ** 2).sum())
        assert reward == env.compute_reward(told["achieved_goal"], env.goal, {})
        assert not terminated
    assert not info["is_success"]
    env.data.qpos[:2] = -12.0, -12.0
    assert env.step(np.zeros(8))[4]["is_success"]


def test_the_obstacle_course_pays_at_its_end_alone_and_is_over_with_a_fall():
    env = make_ant_obstacle_course()
    env.reset(seed=1)
    assert [env.task.maze.is_free(*place) for place in ((8, 0), (8, 8), (16, 8), (16, 16), (0, 8), (16, 0))] == [
        *[True] * 4,
        *[False] * 2,
    ]
    for place, reward in (((0.0, 0.0), 0.0), ((16.0, 11.0), 0.0), ((16.0, 13.0), 1.0), ((14.0, 17.0), 1.0)):
        env.data.qpos[:2] = place
        assert env.step(np.zeros(8))[1:3] == (reward, False)
    env.data.qpos[2:7] = 1.0, 0.0, 1.0, 0.0, 0.0
    assert env.step(np.zeros(8))[2]


def test_a_fallen_ant_pays_and_its_episode_is_over():
    env = make_ant_two_walks()
    env.reset(seed=1, options={"goal": (1.0, 0.0, 1.0)})
    env.data.qpos[2:7] = 1.0, 0.0, 1.0, 0.0, 0.0
    mujoco.mj_forward(env.model, env.data)
    told, reward, terminated, _, _ = env.step(np.zeros(8))
    assert terminated
    assert told["achieved_goal"][2] == pytest.approx(0.1 - 1.0)
    assert reward == pytest.approx(told["achieved_goal"][0] - 0.9)


@pytest.mark.parametrize(("goal", "success"), [((1.0, 0.0, 1.0), True), ((0.0, 1.0, 1.0), False)])
def test_success_is_15_m_in_the_direction_asked_for(goal, success):
    env = make_ant_two_walks()
    env.reset(seed=1, options={"goal": goal})
    env.data.qpos[0] = 15.5
    assert env.step(np.zeros(8))[4]["is_success"] == success


def test_the_own_cell_is_the_one_that_is_1():
    numbered, flagged = make_four_rooms("multi"), make_four_rooms("multi", one_hot=True)
    numbered.reset(seed=3)
    flagged.reset(seed=3)
    for move in np.random.default_rng(0).integers(4, size=50):
        row, column, cell = numbered.step(int(move))[0]["observation"]
        told = flagged.step(int(move))[0]["observation"]
        assert told[:2].tolist() == [row, column]
        assert told[2:].tolist() == np.eye(104)[int(cell)].tolist()


def test_the_rooms_ask_for_the_cells_of_the_literature():
    goals = load_task("four_rooms_multi").evaluation_goals
    assert [NUMBER[int(row), int(column)] for row, column in goals] == list(VERSIONS["multi"].goals)


def humanoid_at(height: float, x: float, speed: float, **made: Any) -> tuple[Any, Any]:
    """A humanoid there, moving ahead [m/s], and what a step without torques tells."""
    env: Any = make_humanoid_walk_crawl(**made)
    env.reset(seed=0)
    env.data.qpos[:3], env.data.qvel[:] = (x, 0, height), 0
    env.data.qvel[0] = speed
    if height < 0.6:
        env.data.qpos[3:7] = (0.5**0.5, 0, 0.5**0.5, 0)  # On its front.
    return env, env.step(np.zeros(17))


@pytest.mark.parametrize(("height", "walked", "crawled"), [(1.4, 2.0, 0.0), (0.8, 0.0, 0.0), (0.5, 0.0, 2.0)])
def test_the_humanoid_is_paid_for_speed_in_the_posture_asked_for(height, walked, crawled):
    env, (told, *_) = humanoid_at(height, 0.0, 2.0)
    np.testing.assert_allclose(told["achieved_goal"], (walked, crawled, 0.1), atol=0.3)
    assert (told["achieved_goal"] == 0).tolist() == [walked == 0, crawled == 0, False]
    paid = [float(env.compute_reward(told["achieved_goal"], np.array(goal), {})) for goal in ((1, 0, 1), (0, 1, 1))]
    assert paid == pytest.approx([walked + 0.1, crawled + 0.1], abs=0.3)


@pytest.mark.parametrize("x", [0.5 * STRETCH, 1.5 * STRETCH, 2.5 * STRETCH])
def test_on_the_course_walking_and_crawling_pay_in_turn(x):
    crawling = int(x // STRETCH) % 2 == 1
    walked, crawled = (humanoid_at(height, x, 2.0, course=True)[1][0]["achieved_goal"] for height in (1.4, 0.5))
    assert (walked[0] > 1) == (not crawling)
    assert (crawled[1] > 1) == crawling
    sine = humanoid_at(1.4, x, 2.0, course=True)[1][0]["observation"][47]
    assert (sine < 0) == crawling


def test_effort_costs_the_humanoid():
    env: Any = make_humanoid_walk_crawl()
    env.reset(seed=0)
    assert env.step(np.full(17, 0.5))[0]["achieved_goal"][2] == pytest.approx(0.1 - 0.01 * 17 * 0.25)
