"""The rows of HAC: by hand, and their laws in episodes that a hierarchy of three levels has lived."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms.hac.actor_shapes import actor_configs
from hrl_core.algorithms.hac.config import DDPGHacConfig, hierarchy
from hrl_core.algorithms.hac.lived import Decisions, Lived, lived
from hrl_core.algorithms.hac.pursuits import pursuit
from hrl_core.algorithms.hac.rows import hindsight_goals, level_rows
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.spec import manager_name
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode, SegmentEnd
from hrl_core.networks.fast_actor import FastActor
from hrl_core.task.text import load_task

TASK = dataclasses.replace(load_task("mountain_car"), max_episode_steps=60)
CONFIG = DDPGHacConfig(
    horizon=2,
    subgoal_elements=("x",),
    subgoal_low=(-1.0,),
    subgoal_high=(1.0,),
    subgoal_tolerance=(0.05,),
    discount=0.9,
    hindsight_goals=0,
)


def decisions(starts, ends, values, served, *flags):
    columns = map(np.array, flags)
    return Decisions(
        np.array(starts), np.array(ends), np.array(values, np.float64)[:, None], np.array(served), *columns
    )


NONE = ([False] * 5,) * 3


def by_hand(failed=False):
    """Five steps of 0.1 from x = 0 under three subgoals: reached, missed with all attempts, cut by the end."""
    states = np.array([[0.1 * step, 0.0] for step in range(6)])
    worker = decisions(range(5), range(1, 6), [0.5, -0.5, 1.0, 0.0, 0.25], [0, 0, 1, 1, 2], *NONE)
    manager = decisions(
        [0, 2, 4],
        [2, 4, 5],
        [0.2, 1.0, 0.9],
        [0, 0, 0],
        [False, True, True],
        [True, False, False],
        [False, True, False],
    )
    return Lived(states, states.copy(), np.tile([0.5, 0.0], (6, 1)), (worker, manager), failed)


def made(level, config=CONFIG, episode=None, seed=0):
    levels = hierarchy(TASK, config)
    return level_rows(TASK, levels, config, episode or by_hand(), level, np.random.default_rng(seed))


def test_the_worker_earns_minus_one_until_its_subgoal_is_there_by_hand():
    rows = made(0)
    assert rows.rewards.tolist() == [-1, 0, -1, -1, -1]
    np.testing.assert_allclose(rows.discounts, [0.9, 0, 0.9, 0.9, 0.9])
    np.testing.assert_allclose(rows.actions[:, 0], [0.5, -0.5, 1.0, 0.0, 0.25])
    # State, then the way left to the subgoal: now, and after the step.
    np.testing.assert_allclose(rows.inputs[:, 2], [0.2, 0.1, 0.8, 0.7, 0.5], atol=1e-6)
    np.testing.assert_allclose(rows.next_inputs[:, 2], [0.1, 0.0, 0.7, 0.6, 0.4], atol=1e-6)
    np.testing.assert_allclose(rows.next_inputs[:, 0], [0.1, 0.2, 0.3, 0.4, 0.5], atol=1e-6)


def test_the_manager_learns_of_what_was_reached_and_of_the_test_that_failed_by_hand():
    rows = made(1)
    # Reached: the subgoal itself; missed: where it led. Then the subgoal that was missed with all attempts.
    np.testing.assert_allclose(rows.actions[:, 0], [0.2, 0.4, 0.5, 1.0], atol=1e-6)
    assert rows.rewards.tolist() == [-1, -1, 0, -2]
    np.testing.assert_allclose(rows.discounts, [0.9, 0.9, 0, 0])
    np.testing.assert_allclose(rows.inputs[:, 2:], np.tile([0.5, 0.0], (4, 1)))
    np.testing.assert_allclose(rows.inputs[:, 0], [0, 0.2, 0.4, 0.2], atol=1e-6)
    np.testing.assert_allclose(rows.next_inputs[:, 0], [0.2, 0.4, 0.5, 0.4], atol=1e-6)


def test_a_missed_test_costs_what_is_asked_for():
    assert made(1, dataclasses.replace(CONFIG, test_penalty=10.0)).rewards.tolist() == [-1, -1, 0, -10]
    assert made(0, dataclasses.replace(CONFIG, test_penalty=10.0)).rewards.tolist() == made(0).rewards.tolist()


def test_a_failure_is_as_bad_as_anything_and_nothing_follows_unless_it_is_there():
    """The last step, and the subgoal that it cut off, ended with a fall; the task's goal was reached by it."""
    worker, manager = made(0, episode=by_hand(failed=True)), made(1, episode=by_hand(failed=True))
    assert worker.rewards.tolist() == [-1, 0, -1, -1, -2]
    np.testing.assert_allclose(worker.discounts, [0.9, 0, 0.9, 0.9, 0])
    assert manager.rewards.tolist() == [-1, -1, 0, -2]
    far = by_hand(failed=True)._replace(task_goals=np.tile([0.9, 0.0], (6, 1)))
    manager = made(1, episode=far)
    assert manager.rewards.tolist() == [-1, -1, -2, -2]
    np.testing.assert_allclose(manager.discounts, [0.9, 0.9, 0, 0])


def test_hindsight_goals_are_those_of_the_same_or_a_later_decision_of_the_sequence():
    sequences = np.array([0, 0, 0, 2, 2, 3])
    which, later = hindsight_goals(sequences, 200, np.random.default_rng(0))
    assert np.bincount(which).tolist() == [200] * 6
    found = {i: set(later[which == i].tolist()) for i in range(6)}
    assert found == {0: {0, 1, 2}, 1: {1, 2}, 2: {2}, 3: {3, 4}, 4: {4}, 5: {5}}


def test_a_hindsight_goal_that_the_row_itself_leads_to_ends_it():
    config = dataclasses.replace(CONFIG, hindsight_goals=4)
    rows, own = made(0, config), made(0)
    extra = slice(len(own.rewards), None)
    left = rows.next_inputs[extra, 2]
    assert len(left) == 20
    there = np.abs(left) <= 0.05
    assert rows.rewards[extra].tolist() == np.where(there, 0, -1).tolist()
    np.testing.assert_allclose(rows.discounts[extra], np.where(there, 0, 0.9))
    # Steps of 0.1: nothing was reached before it was lived.
    assert 0 < there.sum() < 20


@pytest.mark.parametrize("drop", [True, False])
def test_hindsight_rows_that_begin_at_their_goal_are_dropped_where_asked(drop):
    config = dataclasses.replace(CONFIG, hindsight_goals=50, subgoal_tolerance=(0.15,), drop_reached_starts=drop)
    rows, count = made(0, config), len(by_hand().levels[0].starts)
    left = rows.inputs[count : count + 50 * count if not drop else None, 2]
    assert (np.abs(left) <= 0.15 - 1e-6).any() != drop


LIVED_CONFIG = DDPGHacConfig(levels=3, horizon=4, hindsight_goals=4)


def record(config=LIVED_CONFIG, mode=Mode.TRAIN, seed=0, episodes=1):
    """Episodes of an untrained hierarchy whose actions and subgoals vary."""
    levels = hierarchy(TASK, config)
    actors = actor_configs(TASK, levels, config)
    rng = np.random.default_rng(seed)
    weights = {
        f"{party}.{name}": rng.normal(0, 0.3, shape).astype(np.float32)
        for party, actor in actors.items()
        for name, shape in actor.parameter_shapes().items()
    }
    policy = Checkpoint(TASK, levels, "hac", True, 0, 0, seed, "", actors, weights)
    envs = VectorEnv(TASK, 1, seed=seed)
    acting, records = VectorHierarchy(TASK, mode, envs), []
    while len(records) < episodes:
        acting.begin(0, len(records), policy.stack(seed))
        while not (ended := acting.observe(envs.step(acting.act()))):
            pass
        records.append(ended[0])
    return policy, levels, records


@pytest.mark.parametrize("config", [dataclasses.replace(LIVED_CONFIG, levels=k) for k in (1, 2, 3)])
def test_what_is_learned_from_is_what_the_networks_saw_and_answered(config):
    """Without exploration each network gives the very decisions of its rows, bit for bit."""
    policy, levels, (said,) = record(config, Mode.EVAL)
    episode = lived(said, levels)
    for level, party in enumerate(levels.parties):
        own = dataclasses.replace(config, hindsight_goals=0)
        rows = level_rows(TASK, levels, own, episode, level, np.random.default_rng(0))
        actor, chosen = FastActor(policy.actor(party), policy.level(party)), episode.levels[level].values
        # Penalties, if any, come behind.
        assert len(rows.inputs) >= len(chosen) > 0
        for inputs, value in zip(rows.inputs[: len(chosen)], chosen, strict=True):
            np.testing.assert_array_equal(actor(inputs), value.astype(np.float32))


def test_one_hindsight_action_for_each_segment_and_a_penalty_for_each_failed_test():
    config = dataclasses.replace(LIVED_CONFIG, hindsight_goals=0)
    _, levels, records = record(episodes=5)
    penalties = 0
    for said in records:
        episode = lived(said, levels)
        for level in (1, 2):
            rows = level_rows(TASK, levels, config, episode, level, np.random.default_rng(0))
            subgoals = [s for s in said.subgoals if s.level == level - 1]
            results = {r.seq: r for r in said.subgoal_results if r.level == level - 1}
            count = len(subgoals)
            for subgoal, action in zip(subgoals, rows.actions[:count], strict=True):
                result = results[subgoal.seq]
                kept = result.end_reason == SegmentEnd.ACHIEVED
                np.testing.assert_allclose(action, subgoal.value if kept else result.achieved, rtol=1e-6)
            extra = rows.rewards[count:]
            penalties += len(extra)
            assert extra.tolist() == [-4.0] * len(extra)
            assert not rows.discounts[count:].any()
            failed = [s for s in subgoals if s.test and results[s.seq].end_reason == SegmentEnd.HORIZON]
            np.testing.assert_allclose(
                rows.actions[count:], np.array([s.value for s in failed]).reshape(-1, 2), rtol=1e-6
            )
            assert set(rows.rewards[:count].tolist()) <= {0.0, -1.0}
            assert np.array_equal(rows.rewards[:count] == 0, rows.discounts[:count] == 0)
    assert penalties


def test_attempts_are_at_most_those_allowed_and_all_where_they_are_used_up():
    _, levels, records = record(episodes=5)
    for said in records:
        episode = lived(said, levels)
        for level in (1, 2):
            subgoals, below = episode.levels[level], episode.levels[level - 1]
            attempts = np.bincount(below.served, minlength=len(subgoals.starts))
            assert attempts.max() <= 4
            assert (attempts[subgoals.missed] == 4).all()


def test_with_dropping_no_hindsight_row_begins_at_its_goal():
    _, levels, (said,) = record()
    episode = lived(said, levels)
    for level in range(3):
        drops, keeps = (
            level_rows(TASK, levels, config, episode, level, np.random.default_rng(0))
            for config in (LIVED_CONFIG, dataclasses.replace(LIVED_CONFIG, drop_reached_starts=False))
        )
        own, count = pursuit(TASK, levels, level), len(episode.levels[level].starts)
        assert len(drops.rewards) <= len(keeps.rewards)

        def begins_there(rows, own=own, level=level, count=count):
            inputs = rows.inputs[count : count * 5].astype(np.float64)
            goals = inputs[:, 2:] if level == 2 else inputs[:, 2:] + inputs[:, :2]
            return own.holds(goals, inputs[:, :2])

        assert begins_there(keeps).any()
        # What follows the hindsight rows are penalties, of goals that did not hold.
        assert begins_there(drops).sum() <= 1


def test_without_levels_the_sequence_is_the_episode():
    config = dataclasses.replace(LIVED_CONFIG, levels=1, hindsight_goals=0)
    _, levels, (said,) = record(config)
    assert not levels.levels
    rows = level_rows(TASK, levels, config, lived(said, levels), 0, np.random.default_rng(0))
    assert len(rows.rewards) == 60
    np.testing.assert_allclose(rows.inputs[:, 2:], np.tile([0.48, 0.04], (60, 1)), rtol=1e-6)


def test_names_of_levels_are_those_of_the_processes():
    levels = hierarchy(TASK, LIVED_CONFIG)
    assert list(actor_configs(TASK, levels, LIVED_CONFIG)) == ["worker", manager_name(0), manager_name(1)]
