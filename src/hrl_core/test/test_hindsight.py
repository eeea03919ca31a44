"""Hindsight: goals that were achieved later in the episode, the reward they would have given, every row its own."""

import dataclasses

import numpy as np
import pytest

from hrl_core.errors import TaskError
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.replay.hindsight import Hindsight
from hrl_core.task.spec import SuccessRule

LENGTHS = (8, 5, 3)


def sparse(achieved, desired):
    return np.where(np.linalg.norm(achieved - desired, axis=-1) <= 0.5, 0.0, -1.0)


@pytest.fixture
def filled(tiny_task):
    """A task, and a store in which the place says episode and step."""
    task = tiny_task()
    store = EpisodeStore(task, None, 100, 0)
    for number, steps in enumerate(LENGTHS):
        states = np.zeros((steps + 1, 4))
        states[:, 0], states[:, 1] = 10 * number, np.arange(steps + 1)
        actions, rewards, nothing = np.zeros((steps, 2)), np.full(steps, -1.0), np.zeros((1, 0))
        store.add(StoredEpisode(states, actions, rewards, nothing, nothing, np.array([99.0, 99.0]), True, False))
    return task, store


def batch(task, store, goals=3, size=400, reward=sparse):
    rng = np.random.default_rng(0)
    slots, steps = store.draw_steps(size, rng)
    before = store.steps_at(slots, steps)
    return slots, steps, before, Hindsight(task, goals, reward).relabelled(store, slots, steps, before, rng)


def test_goals_come_from_later_in_the_same_episode_and_rewards_from_what_followed(filled):
    slots, steps, before, after = batch(*filled)
    changed = 300
    assert (after.task_goals[:changed, 0] == 10 * slots[:changed]).all()
    later = after.task_goals[:changed, 1]
    assert (later > steps[:changed]).all() and (later <= np.array(LENGTHS)[slots[:changed]]).all()
    # From the *next* achieved goal: rows whose goal is the very next place have reached it.
    assert np.array_equal(after.rewards[:changed] == 0, later == steps[:changed] + 1)
    for name in ("task_goals", "rewards", "terminated"):
        assert np.array_equal(getattr(after, name)[changed:], getattr(before, name)[changed:])
    for name in ("states", "actions", "next_states"):
        assert np.array_equal(getattr(after, name), getattr(before, name))


def test_every_later_step_is_as_likely(filled):
    slots, steps, _, after = batch(*filled, goals=10**6, size=40_000)
    rows = (slots == 0) & (steps == 3)
    counts = np.bincount(after.task_goals[rows, 1].astype(int), minlength=9)[4:9]
    np.testing.assert_allclose(counts / rows.sum(), 0.2, atol=0.03)


def test_rows_end_where_their_own_goal_is_reached_if_the_task_ends_there(filled):
    task, store = filled
    assert not batch(task, store)[3].terminated.any()
    ends = dataclasses.replace(task, success=SuccessRule(0.5, "m", ends_episode=True))
    after = batch(ends, store)[3]
    assert np.array_equal(after.terminated[:300], after.rewards[:300] == 0)


@pytest.mark.parametrize("ends_episode", [True, False])
def test_an_end_that_is_not_the_goals_is_one_under_any_goal(filled, ends_episode):
    """The first two episodes ended for good: one at its goal, one by a fall."""
    task, store = filled
    task = dataclasses.replace(task, success=SuccessRule(0.5, "m", ends_episode=ends_episode))
    store.terminated[:2] = True
    store.task_goals[0] = (0.0, 8.0)
    slots, steps, before, after = batch(task, store)
    at_end, there = before.terminated[:300], after.rewards[:300] == 0
    fallen = at_end & (slots[:300] == 1)
    assert fallen.any()
    assert (at_end & (slots[:300] == 0)).any()
    assert np.array_equal(after.terminated[:300], fallen | (there & ends_episode))
    assert np.array_equal(after.terminated[300:], before.terminated[300:])
    del steps


def test_nothing_stored_is_changed(filled):
    task, store = filled
    before = {name: array.copy() for name, array in store.state_dict().items()}
    batch(task, store)
    assert all(np.array_equal(array, before[name]) for name, array in store.state_dict().items())


def test_goals_that_cannot_be_replaced_are_refused(tiny_task):
    task = tiny_task()
    for change, message in (
        ({"goal": ()}, "it has no goal"),
        ({"goal": (dataclasses.replace(task.goal[0], name="elsewhere"),)}, "its observation lacks elsewhere"),
        ({"success": SuccessRule(0.0, "m", ends_episode=True)}, "only the environment"),
    ):
        with pytest.raises(TaskError, match=message):
            Hindsight(dataclasses.replace(task, **change), 4, sparse)
