"""Training a tree: decisions that stand for several steps, children that may not start, many cars as one by one."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.tree.batch import BatchTree
from hrl_core.algorithms.tree.cars import LessonCars
from hrl_core.algorithms.tree.config import STEPS, TreeConfig
from hrl_core.algorithms.tree.exams import networks_of
from hrl_core.algorithms.tree.learner import TreeLearner, environments, hierarchy
from hrl_core.algorithms.tree.lessons import DRIVE, LESSONS
from hrl_core.checkpoints.checkpoint import random_checkpoint
from hrl_core.checkpoints.manifest import GREEDY
from hrl_core.errors import HrlError, TaskError
from hrl_core.hierarchy.tree import Regions, Tree
from hrl_core.hierarchy.tree_policies import FORBIDDEN
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode
from hrl_core.task.text import load_task

TASK = load_task("lane_drive")
HIERARCHY = hierarchy(TASK, TreeConfig())
assert HIERARCHY.tree is not None
TREE: Tree = HIERARCHY.tree


def learner_of(config, cars=8):
    return TreeLearner(TASK, config, environments(TASK, config, cars, 0), 0)


def test_many_cars_at_once_are_driven_as_each_alone_by_its_sessions():
    leaves, ends = set(), 0
    for seed in (7, 13):
        ours, over = driven_twice(seed)
        leaves |= ours
        ends += over
    assert len(leaves) >= 4
    assert ends > 4


def driven_twice(seed):
    """Leaves that were in control, and episodes that ended."""
    policy = dataclasses.replace(random_checkpoint(TASK, seed, hierarchy=HIERARCHY), evaluation=GREEDY)
    one, other = (LessonCars(8, 5, DRIVE) for _ in range(2))
    sessions, batch = VectorHierarchy(TASK, Mode.EVAL, one), BatchTree(TASK, TREE, networks_of(policy), 8)
    for car in range(8):
        sessions.begin(car, 0, policy.stack(seed=0))
    leaves, ends = set(), 0
    for _ in range(70):
        batch.choose(other.states)
        leaves |= set(batch.leaf.tolist())
        np.testing.assert_array_equal(sessions.act()[:, 0], batch.act(other.states))
        step = one.step(sessions.act())
        batch.observe(other.step(sessions.act()).states, step.ended)
        for car in sessions.observe(step):
            sessions.begin(car, 0, policy.stack(seed=0))
            ends += 1
    return leaves, ends


def test_a_decision_is_worth_the_discounted_rewards_until_its_leaf_gives_up_control():
    config = TreeConfig(node="Nav", composite_rollout=10**9)
    learner = learner_of(config)
    gamma, expected = config.composite.discount, []
    open_rows = {}
    for _ in range(60):
        due = learner._below.due.copy()
        seen = learner._envs.states.astype(np.float32)
        actions = learner.act()
        for car in np.flatnonzero(due):
            open_rows[car] = [seen[car], learner._choice[car], []]
        step = learner._envs.step(actions)
        learner.observe(step)
        for car, reward in enumerate(step.rewards):
            open_rows[car][2].append(reward)
        for car in np.flatnonzero(learner._below.due):
            inputs, choice, rewards = open_rows.pop(car)
            total = sum(gamma**k * r for k, r in enumerate(rewards))
            expected.append((car, inputs, choice, total, gamma ** len(rewards), step.states[car], step.terminated[car]))
        list(learner.update())
    rollout, discounts = learner._rollout()
    expected.sort(key=lambda row: row[0])  # stable: each car's in order of time
    assert len(expected) == len(discounts) > 80
    for k, (_, inputs, choice, total, discount, after, terminal) in enumerate(expected):
        np.testing.assert_array_equal(rollout.inputs[k], inputs)
        np.testing.assert_array_equal(rollout.next_inputs[k], after.astype(np.float32))
        assert (rollout.actions[k, 0], rollout.terminal[k]) == (choice, terminal)
        assert (rollout.rewards[k], discounts[k]) == (pytest.approx(total, rel=1e-5), pytest.approx(discount))
    last = [k for k in range(len(expected)) if k + 1 == len(expected) or expected[k + 1][0] != expected[k][0]]
    assert np.flatnonzero(rollout.boundary).tolist() == last
    assert {round(float(np.log(d) / np.log(gamma))) for d in discounts} >= {1, 4}


def test_a_decision_that_an_update_came_upon_is_not_learned_from():
    """It is of the policy before, and the ratio of probabilities would say that it were of this one."""
    learner = learner_of(TreeConfig(node="Nav", composite_rollout=40))
    while learner.level.updates < 1:
        learner.observe(learner._envs.step(learner.act()))
        list(learner.update())
    under_way = ~learner._below.due
    assert under_way.any()
    waiting = set(np.flatnonzero(under_way))
    for _ in range(50):
        due = learner._below.due.copy()
        learner.observe(learner._envs.step(learner.act()))
        waiting -= set(np.flatnonzero(due))
        told = {int(car) for rows in learner._rows for car in rows.cars}
        assert not told & waiting
        if not waiting:
            break
    assert not waiting


def test_a_child_that_may_not_start_has_no_chance_and_the_learner_knows_it():
    learner = learner_of(TreeConfig(node="Nav"))
    states = LessonCars(200, 1, "Nav").states
    cross, recover = (Regions(TREE[name].start, TASK).hold(states) for name in ("Cross", "Recover"))
    assert cross.any()
    assert recover.any()
    inputs = states.astype(np.float32)
    logits = learner.level.act(torch.from_numpy(inputs)).numpy()
    np.testing.assert_array_equal(logits == np.float32(FORBIDDEN), np.stack((~cross & False, ~cross, ~recover), axis=1))
    drawn = np.stack([learner._draw(inputs) for _ in range(20)])
    assert not (drawn[:, ~cross] == 1).any()
    assert not (drawn[:, ~recover] == 2).any()
    assert (drawn[:, cross] == 1).any()


def test_children_are_trained_before_their_parents_and_stay_as_they_are():
    order = TREE.bottom_up()
    assert set(order) == set(LESSONS)
    assert all(order.index(child) < order.index(node.name) for node in TREE.nodes for child in node.children)
    assert sum(lesson.steps for lesson in LESSONS.values()) == STEPS
    learner = learner_of(TreeConfig(node="ChangeLane", composite_rollout=4))
    before = {name: {k: w.copy() for k, w in node.weights.items()} for name, node in learner.nodes.items()}
    while learner.level.updates < 2:
        learner.observe(learner._envs.step(learner.act()))
        list(learner.update())
    after = learner.levels()
    changed = [
        n for n, own in before.items() if any(not np.array_equal(w, after[n].weights[k]) for k, w in own.items())
    ]
    assert changed == ["ChangeLane"]


def test_an_untrained_composite_chooses_its_first_child_that_may_start():
    learner = learner_of(TreeConfig())
    nodes = {name: (node.actor, node.weights) for name, node in learner.nodes.items()}
    cars = LessonCars(100, 1, "Avoid")
    acting = BatchTree(TASK, TREE, nodes, 100, "Avoid")
    acting.choose(cars.states)
    assert {TREE.leaves[k] for k in acting.leaf} == {"StayInLane"}


def test_the_same_episodes_come_from_the_same_seed_and_other_lessons_have_others():
    one, same, other = LessonCars(4, 7, "Avoid"), LessonCars(4, 7, "Avoid"), LessonCars(4, 8, "Avoid")
    np.testing.assert_array_equal(one.states, same.states)
    assert (one.states != other.states).any()
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(5, size=(4, 1)).astype(float)
        one.step(actions)
    other.load_state_dict(one.state_dict())
    for _ in range(60):
        actions = rng.integers(5, size=(4, 1)).astype(float)
        steps = one.step(actions), other.step(actions)
        for a, b in zip(*steps, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (TreeConfig(node="Avoyd"), "'Avoyd' is no node; did you mean Avoid"),
        (TreeConfig(leave_out=("Fly",)), "'Fly' is no node"),
        (TreeConfig(leave_out=tuple(LESSONS)), "no node is left to train"),
        (TreeConfig(tree="/nowhere"), "tree.yaml is missing"),
    ],
)
def test_switches_that_name_nothing_are_refused(config, words):
    with pytest.raises(HrlError, match=words):
        learner_of(config)


def test_tasks_without_lessons_are_refused():
    with pytest.raises(TaskError, match="has lessons for the nodes of task lane_drive; task 'grid_world' has none"):
        hierarchy(load_task("grid_world"), TreeConfig())


def test_any_seed_that_is_allowed_will_do():
    config = TreeConfig()
    assert TreeLearner(TASK, config, environments(TASK, config, 2, 0), 2**63 - 1).nodes
