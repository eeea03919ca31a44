"""What every task says of success, its environment does: when it is paid, and when it is over."""

from contextlib import suppress

import numpy as np
import pytest

from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.errors import TaskError
from hrl_core.messages import frozen
from hrl_core.task.text import load_task, shipped_tasks

WITH_GOALS = [name for name in shipped_tasks() if load_task(name).goal]


def resting(task):
    return np.zeros(len(task.action)).clip(task.action_low, task.action_high)


@pytest.mark.parametrize("name", WITH_GOALS)
def test_an_episode_that_ends_with_success_is_said_to(name):
    """Else nobody knows where another goal would have ended it (hindsight, relabelled goals)."""
    task = load_task(name)
    environment = GoalEnvironment(task)
    ended = False
    for seed in range(5):
        step = environment.reset(seed)
        # Who pursues its own goals alone may come upon one all the same.
        with suppress(TaskError):
            environment.set_goal(frozen(step.achieved))
        for _ in range(3):
            step = environment.step(resting(task))
            ended |= bool(step.success and step.terminated)
            if step.terminated:
                break
    environment.close()
    assert not ended or task.success.ends_episode


@pytest.mark.parametrize("name", WITH_GOALS)
def test_what_a_step_pays_is_what_its_achieved_goal_is_worth_or_it_is_said(name):
    """Else relabelled goals are learned from with other rewards than those lived."""
    task, rng = load_task(name), np.random.default_rng(0)
    environment = GoalEnvironment(task)
    if environment.abilities.rewards_goals and not environment.abilities.rewards_differ:
        step = environment.reset(1)
        for _ in range(20):
            if not step.terminated:
                action = rng.uniform(task.action_low, task.action_high)
                step = environment.step(np.round(action) if task.choices else action)
                assert step.reward == pytest.approx(float(environment.compute_reward(step.achieved, step.desired)))
    environment.close()


@pytest.mark.parametrize("name", WITH_GOALS)
def test_where_being_there_is_all_that_is_paid_it_is_what_the_task_calls_success(name):
    task = load_task(name)
    environment = GoalEnvironment(task)
    if not environment.abilities.rewards_goals or task.own_success or task.success.groups:
        # Only the environment knows when a goal is reached, or it pays by the group.
        environment.close()
        return
    rng = np.random.default_rng(0)
    achieved = environment.reset(0).achieved
    near = 2 * np.array(task.success.tolerance or (task.success.radius,) * len(task.goal))
    desired = achieved + near * rng.uniform(-1, 1, (500, len(task.goal)))
    # Cells have no places between them.
    desired = np.round(desired) if task.choices else desired
    rewards = environment.compute_reward(np.broadcast_to(achieved, desired.shape), desired)
    there = task.success_holds(np.broadcast_to(achieved, desired.shape), desired)
    environment.close()
    assert there.any()
    assert not there.all()
    if len(np.unique(rewards)) == 2:
        np.testing.assert_array_equal(rewards == rewards.max(), there)
