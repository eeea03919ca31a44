"""Below a tested subgoal nobody explores; what exploring draws depends on seed, level, episode and step alone."""

import dataclasses

import numpy as np
import pytest

from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, LevelSpec
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode
from hrl_core.randomness import Draws, Purpose, outside_a_run, step_generator
from hrl_core.task.text import load_task

TASK = dataclasses.replace(load_task("mountain_car"), max_episode_steps=60)
LEVEL = LevelSpec(
    "x_vx",
    "absolute",
    {"x": (-1.2, 0.6), "vx": (-0.07, 0.07)},
    horizon=4,
    unit="attempts",
    tolerance=(0.06, 0.01),
    end_when_achieved=True,
)
HIERARCHY = HierarchySpec((LEVEL, LEVEL))


def checkpoint(test_probability=0.3, random_probability=0.2):
    policy = random_checkpoint(TASK, 0, hierarchy=HIERARCHY)
    actors = {
        name: dataclasses.replace(
            actor,
            exploration_noise=tuple((np.array(actor.high) - actor.low) * 0.1),
            held_exploration=0.0,
            random_probability=random_probability,
            test_probability=0.0 if name == "worker" else test_probability,
        )
        for name, actor in policy.actors.items()
    }
    return dataclasses.replace(policy, actors=actors)


def episode(policy, seed=0, mode=Mode.TRAIN) -> EpisodeRecord:
    envs = VectorEnv(TASK, 1, seed=0)
    actors = VectorHierarchy(TASK, mode, envs)
    actors.begin(0, 0, policy.stack(seed))
    while True:
        if ended := actors.observe(envs.step(actors.act())):
            return ended[0]


def test_the_flag_of_a_test_goes_down_and_never_up():
    record = episode(checkpoint(), seed=1)
    parents = {s.seq: s for s in record.subgoals if s.level == 1}
    below = [s for s in record.subgoals if s.level == 0]
    tested = [s.test for s in below if parents[s.parent_seq].test]
    assert tested
    assert all(tested)
    own = [s.test for s in below if not parents[s.parent_seq].test]
    assert 0 < np.mean(own) < 1
    assert not any(s.test for s in episode(checkpoint(), mode=Mode.EVAL).subgoals)
    assert not any(s.test for s in episode(checkpoint(test_probability=0.0)).subgoals)


def test_under_a_test_every_level_below_answers_as_without_exploration():
    policy = checkpoint()
    record = episode(policy, seed=1)
    worker, manager, space = policy.worker(), policy.manager(0), GoalSpace(TASK, LEVEL)
    chosen = {(s.level, s.seq): s for s in record.subgoals}
    compared = 0
    for action, observation in zip(record.actions, record.observations, strict=False):
        subgoal = chosen[0, action.subgoal_seq]
        pursued = subgoal.value.astype(np.float32) - observation.state[space.indices].astype(np.float32)
        plain = worker.act(observation.state, Assignment(pursued), outside_a_run()).value
        compared += subgoal.test
        assert not subgoal.test or np.array_equal(action.value, plain)
    assert compared
    assert any(chosen[1, s.parent_seq].test for s in record.subgoals if s.level == 0)
    for subgoal in (s for s in record.subgoals if s.level == 0):
        parent, state = chosen[1, subgoal.parent_seq], record.observations[subgoal.step].state
        pursued = parent.value.astype(np.float32) - state[space.indices].astype(np.float32)
        plain = manager.select(state, Assignment(pursued), outside_a_run()).value
        assert not parent.test or np.array_equal(subgoal.value, plain)


def test_always_tested_two_exploration_seeds_agree_below_the_top():
    policy = checkpoint(test_probability=1.0, random_probability=0.0)
    top = policy.actors["manager_2"]
    quiet = dataclasses.replace(top, exploration_noise=(0.0,) * 2)
    policy = dataclasses.replace(policy, actors={**policy.actors, "manager_2": quiet})
    one, other = episode(policy, seed=1), episode(policy, seed=2)
    for a, b in zip(one.actions, other.actions, strict=True):
        assert np.array_equal(a.value, b.value)


def test_which_subgoal_is_drawn_before_whether_it_is_a_test():
    """In the order u_random, vector, u_test, from the generator of the decision."""
    policy = checkpoint(test_probability=0.5, random_probability=0.5)
    manager, space = policy.manager(1), GoalSpace(TASK, LEVEL)
    state, goal = np.array([-0.5, 0.0]), Assignment(np.array([0.48, 0.04], np.float32))
    plain, seen = manager.select(state, goal, outside_a_run()), set()
    for step in range(20):
        decision = (7, Purpose.SUBGOAL, 1, 0, step)
        choice, same = manager.select(state, goal, Draws(*decision, explore=True)), step_generator(*decision)
        if same.random() < 0.5:
            expected = same.uniform(space.low, space.high)
        else:
            noise = np.asarray(policy.actors["manager_2"].exploration_noise) * same.standard_normal(2)
            expected = np.clip(plain.value + noise, space.low, space.high)
        assert np.array_equal(choice.value, expected)
        assert choice.test == (same.random() < 0.5)
        seen.add(choice.test)
    assert seen == {True, False}


@pytest.mark.parametrize("mode", [Mode.TRAIN, Mode.EVAL])
def test_an_episode_lived_again_from_its_observations_goes_on_with_the_same_bits(mode):
    policy = checkpoint()
    envs, others = VectorEnv(TASK, 2, seed=0), VectorEnv(TASK, 2, seed=0)
    one, other = VectorHierarchy(TASK, mode, envs), VectorHierarchy(TASK, mode, others)
    for env in range(2):
        one.begin(env, env, policy.stack(0))
    for _ in range(25):
        one.observe(envs.step(one.act()))
    others.load_state_dict(envs.state_dict())
    for env in range(2):
        other.replay(env, env, policy.stack(0), one.episode(env))
    for _ in range(40):
        actions = one.act()
        assert np.array_equal(actions, other.act())
        ended, again = (actors.observe(e.step(actions)) for actors, e in ((one, envs), (other, others)))
        assert ended.keys() == again.keys()
        for env, record in ended.items():
            assert [(s.step, s.test) for s in record.subgoals] == [(s.step, s.test) for s in again[env].subgoals]
