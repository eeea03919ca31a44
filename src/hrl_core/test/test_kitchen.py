"""Kitchen: the source's physics where asked for, an arm that stands still otherwise, and what is in place."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from hrl_core.envs.kitchen import ARM_NOISE, GOALS, OBJECT_NOISE, KitchenEnv, make_kitchen
from hrl_core.kitchen_model import ARM, GROUPS, REST, START, TARGETS, asked_of, goal_of
from hrl_core.task.text import load_task

pytest.importorskip("gymnasium_robotics")
EFFECTOR_HEIGHT = 61
TASK = load_task("kitchen")


@pytest.fixture(scope="module")
def kitchen() -> KitchenEnv:
    return make_kitchen()


@pytest.fixture(scope="module")
def sources() -> KitchenEnv:
    return make_kitchen(gravity_compensation=False, noise=0.0)


def test_without_compensation_and_noise_it_is_the_sources_bit_for_bit(sources: KitchenEnv) -> None:
    """Law L11."""
    silent = {"robot_noise_ratio": 0.0, "object_noise_ratio": 0.0, "terminate_on_tasks_completed": False}
    theirs: Any = gymnasium.make("gymnasium_robotics:FrankaKitchen-v1", **silent).unwrapped
    rng = np.random.default_rng(0)
    told, other = sources.reset(seed=0)[0], theirs.reset(seed=0)[0]
    for action in rng.uniform(-1.2, 1.2, (50, 9)):
        np.testing.assert_array_equal(told["observation"][:59], other["observation"])
        told, other = sources.step(action)[0], theirs.step(action)[0]
    assert sources.dt == theirs.robot_env.dt


def test_an_arm_told_to_stand_still_does_so_only_where_it_bears_its_weight(
    kitchen: KitchenEnv, sources: KitchenEnv
) -> None:
    """Law L11: by what the end effector has sunk after 50 steps."""
    sunk = []
    for env in (kitchen, sources):
        start = env.reset(seed=0)[0]["observation"][EFFECTOR_HEIGHT]
        heights = [env.step(np.zeros(9))[0]["observation"][EFFECTOR_HEIGHT] for _ in range(50)]
        sunk.append(start - heights[-1])
    assert abs(sunk[0]) < 0.005
    assert sunk[1] == pytest.approx(0.325, abs=0.01)


def test_episodes_start_alike_and_only_what_is_observed_is_noisy(kitchen: KitchenEnv) -> None:
    """Law L10."""
    told = [kitchen.reset(seed=seed)[0] for seed in range(3)]
    bounds = np.repeat((ARM_NOISE, OBJECT_NOISE), (18, 41))
    exact = np.concatenate((START[:ARM], np.zeros(ARM), REST, np.zeros(20)))
    for one in told:
        np.testing.assert_array_equal(one["achieved_goal"], REST)
        assert np.all(np.abs(one["observation"][:59] - exact) <= bounds)
    assert np.any(told[0]["observation"] != told[1]["observation"])


def test_a_start_is_jittered_as_the_seed_says() -> None:
    env = make_kitchen(start_jitter=6, noise=0.0)
    one, again, other = (env.reset(seed=seed)[0]["observation"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert 0.01 < np.abs(one[:7] - START[:7]).max() < 1.0
    assert np.abs(one[:7] - other[:7]).max() > 0.01


def test_an_episode_asks_for_all_but_one_thing_and_a_goal_tells_which(kitchen: KitchenEnv) -> None:
    drawn = {tuple(asked_of(kitchen.reset(seed=seed)[0]["desired_goal"])) for seed in range(40)}
    assert drawn == {tuple(asked_of(goal)) for goal in GOALS}
    assert all(len(asked) == len(TARGETS) - 1 for asked in drawn)


def test_the_reward_counts_the_things_that_are_not_in_place(kitchen: KitchenEnv) -> None:
    goal = goal_of("kettle", "slide_cabinet")
    assert kitchen.compute_reward(goal, goal, {}) == 0
    assert kitchen.compute_reward(REST, goal, {}) == -2
    disturbed = goal_of("kettle", "slide_cabinet", "microwave")
    np.testing.assert_array_equal(kitchen.compute_reward(np.stack([disturbed, REST]), goal, {}), [-1, -2])
    for elements in GROUPS.values():
        moved = goal.copy()
        moved[list(elements)] += 0.31 / np.sqrt(len(elements))
        assert kitchen.compute_reward(moved, goal, {}) == -1


def test_success_is_a_reward_of_0_whatever_is_asked_for(kitchen: KitchenEnv) -> None:
    rng = np.random.default_rng(0)
    achieved = np.stack([goal_of(*rng.permutation(list(TARGETS))[: rng.integers(6)]) for _ in range(300)])
    achieved += rng.normal(scale=0.12, size=achieved.shape)
    for goal in (REST, *GOALS):
        rewards = kitchen.compute_reward(achieved, goal, {})
        np.testing.assert_array_equal(TASK.success_holds(achieved, goal), rewards == 0)
        missing = len(GROUPS) - np.sum(list(TASK.groups_within(achieved, goal).values()), axis=0)
        np.testing.assert_array_equal(rewards, -missing)
    assert list(TASK.success.groups) == list(GROUPS)
    np.testing.assert_allclose(TASK.evaluation_goals, GOALS, atol=1e-4)


def test_a_tilted_kettle_at_its_place_is_not_in_place_and_all_at_rest_is_what_rest_asks_for() -> None:
    """Law L12."""
    goal = goal_of("kettle")
    tilted = goal.copy()
    half = np.radians(40) / 2
    tilted[list(GROUPS["kettle"])[3:]] = np.cos(half), np.sin(half), 0.0, 0.0
    assert TASK.succeeded(goal, goal)
    assert not TASK.succeeded(tilted, goal)
    assert TASK.succeeded(REST, REST)
