"""MLSH: what may touch what, and that it is PPO at either level."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from hrl_core.algorithms.choices import Lived
from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.on_policy import OnPolicyLearner
from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.algorithms.mlsh.lived import lessons
from hrl_core.algorithms.mlsh.skills import make_skills
from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.learners.distributions import distribution
from hrl_core.learners.on_policy import Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.text import load_task

BANDITS = load_task("movement_bandits")
WALKS = load_task("ant_two_walks")
SMALL = OnPolicyConfig(hidden=(8, 8), epochs=2, batch_size=16, reward_scale=0.5)
CONFIG = MlshConfig(
    horizon=5, groups=2, warmup=2, joint=1, rollout_steps=20, staggered=False, worker=SMALL, manager=SMALL
)


class Paid:
    """Environments whose rewards are what somebody says, from the environments' actions."""

    def __init__(self, envs, rewards):
        self._envs, self._rewards = envs, rewards

    def __getattr__(self, name):
        return getattr(self._envs, name)

    def step(self, actions):
        step = self._envs.step(actions)
        return step._replace(rewards=self._rewards(actions, step.rewards))


def live(learner, envs, updates):
    """Go on for so many updates."""
    wanted = learner.updates + updates
    while learner.updates < wanted:
        learner.observe(envs.step(learner.act()))
        list(learner.update())


def make(config=CONFIG, task=BANDITS, num_envs=6, seed=0, rewards=None):
    plain = VectorEnv(task, num_envs, seed)
    envs: Any = plain if rewards is None else Paid(plain, rewards)
    return MlshLearner(task, config, envs, seed), envs


def bits(learned):
    """Everything that a learner's later updates depend on, but for the number of its updates."""
    return {name: part.numpy().tobytes() for name, part in learned.state_dict().items() if name != "updates"}


def test_skills_stay_as_they_are_while_masters_warm_up():
    learner, envs = make()
    before = [bits(skill) for skill in learner.skills]
    masters = [bits(group.master) for group in learner.groups]
    live(learner, envs, CONFIG.warmup)
    assert [bits(skill) for skill in learner.skills] == before
    assert all(bits(group.master) != old for group, old in zip(learner.groups, masters, strict=True))
    live(learner, envs, CONFIG.joint)
    assert all(bits(skill) != old for skill, old in zip(learner.skills, before, strict=True))


@pytest.mark.parametrize("groups", [2, 3])
def test_no_skill_learns_from_a_master_that_has_not_warmed_up(groups):
    """Groups that begin late warm up until then (algorithm 1 of the paper, master.py of the released code)."""
    config = dataclasses.replace(CONFIG, groups=groups, warmup=3, joint=2, staggered=True)
    learner, envs = make(config)
    begun, made = [None] * groups, 0
    while made < config.period + groups:
        for number, group in enumerate(learner.groups):
            if group.joint and not group.tasks and begun[number] is None:
                begun[number] = made
        live(learner, envs, 1)
        made += 1
    assert begun == [config.warmup + number * config.period // groups for number in range(groups)]


def test_a_new_task_begins_with_a_master_that_knows_nothing_of_those_before():
    one, envs = make()
    other, other_envs = make(rewards=lambda actions, _: np.sin(actions[:, 0]))
    for learner, own in ((one, envs), (other, other_envs)):
        live(learner, own, CONFIG.period)
    assert bits(one.groups[0].master) != bits(other.groups[0].master), "they have learned alike"
    first = bits(make()[0].groups[0].master)
    for learner in (one, other):
        assert learner.groups[0].clock == CONFIG.period
        learner.act()
        assert (learner.groups[0].clock, learner.groups[0].tasks) == (0, 1)
    # Weights and moments alike; there are none of the latter.
    assert bits(one.groups[0].master) == bits(other.groups[0].master)
    assert bits(one.groups[0].master).keys() == first.keys()
    assert bits(one.groups[0].master) != first


def test_groups_share_the_tasks_and_change_them_in_turn():
    learner, envs = make(dataclasses.replace(CONFIG, groups=3))
    assert [group.goal for group in learner.groups] == [(0.0,), (1.0,), (0.0,)]
    assert envs.goals[:, 0].tolist() == [0, 0, 1, 1, 0, 0]
    live(learner, envs, CONFIG.period)
    learner.act()
    assert envs.goals[:, 0].tolist() == [1, 1, 0, 0, 1, 1]


def test_a_master_learns_from_its_own_group_alone():
    one, envs = make()
    other, other_envs = make(rewards=lambda actions, paid: np.where(np.arange(6) < 3, paid, np.sin(actions[:, 0])))
    for learner, own in ((one, envs), (other, other_envs)):
        live(learner, own, CONFIG.warmup)
    assert bits(one.groups[0].master) == bits(other.groups[0].master)
    assert bits(one.groups[1].master) != bits(other.groups[1].master)


def random_rows(rng, count, inputs=6):
    rows = Rollout(
        inputs=rng.random((count, inputs), np.float32),
        actions=rng.integers(5, size=(count, 1)).astype(np.float32),
        rewards=rng.standard_normal(count).astype(np.float32),
        next_inputs=rng.random((count, inputs), np.float32),
        terminal=np.zeros(count, np.bool_),
        boundary=np.arange(count) == count - 1,
    )
    return Lived(rows, np.ones(count, np.int64), np.ones(count, np.bool_))


def test_steps_of_a_skill_change_no_other_skill():
    learner, envs = make()
    live(learner, envs, CONFIG.period)
    idle, acting = (bits(skill) for skill in learner.skills)
    rows = random_rows(np.random.default_rng(0), 40)
    updates = list(learner._learn_skills(rows, np.ones(40, np.bool_)))
    assert [update.metrics["share_1"] for update in updates] == [1.0]
    assert bits(learner.skills[0]) == idle
    assert bits(learner.skills[1]) != acting


def test_no_two_skills_begin_alike_whatever_their_seeds():
    config = dataclasses.replace(CONFIG, skills=4)
    begun = [tuple(bits(skill).values()) for seed in range(5) for skill in make_skills(BANDITS, config, seed)]
    assert len(set(begun)) == 20


@pytest.mark.parametrize("name", ["cart_pole", "pendulum"])
def test_one_skill_chosen_anew_at_every_step_is_flat_ppo(name):
    task = load_task(name)
    learner = dataclasses.replace(SMALL, log_std=-0.3)
    single = MlshConfig(skills=1, horizon=1, groups=1, warmup=0, joint=1, rollout_steps=30, worker=learner)
    mlsh, envs = make(single, task, num_envs=4, seed=3)
    flat_envs = VectorEnv(task, 4, 3)
    flat = OnPolicyLearner(task, OnPolicyFlatConfig(worker=learner, rollout_steps=120), flat_envs, 3)
    live(mlsh, envs, 3)
    while flat.agent.worker.updates < 3:
        flat.observe(flat_envs.step(flat.act()))
        list(flat.update())
    assert bits(mlsh.skills[0]) == bits(flat.agent.worker)


def test_advantages_reach_over_a_change_of_the_skill():
    learner, _ = make()
    for k, skill in enumerate(learner.skills):
        # V_0 = 10 everywhere, V_1 = 20.
        torch.nn.init.zeros_(skill.values.linears[-1].weight)
        torch.nn.init.constant_(skill.values.linears[-1].bias, 10.0 * (k + 1))
        skill.config = OnPolicyConfig(discount=0.5, gae_lambda=0.5)
    rows = random_rows(np.random.default_rng(0), 3)
    rows = rows._replace(skills=np.array([0, 1, 1]), rows=rows.rows._replace(rewards=np.array([1, 2, 4], np.float32)))
    first, second = lessons(rows, learner.skills)
    # delta: 1 + .5 * 20 - 10, 2 + .5 * 20 - 20, 4 + .5 * 20 - 20 (cut off, so that its value counts);
    # A_2 = -6, A_1 = -8 + .25 * -6, A_0 = 1 + .25 * A_1; returns are A + V.
    np.testing.assert_allclose(first.advantages, [1 - 9.5 / 4])
    np.testing.assert_allclose(second.advantages, [-9.5, -6])
    np.testing.assert_allclose(first.returns, [11 - 9.5 / 4])
    np.testing.assert_allclose(second.returns, [10.5, 14])


def test_the_policy_that_acts_is_the_one_that_learned(tmp_path):
    config = dataclasses.replace(CONFIG, skills=3, rollout_steps=30)
    learner, envs = make(config, WALKS, num_envs=2)
    live(learner, envs, config.period)
    saved = untrained_checkpoint("mlsh", WALKS, hierarchy(WALKS, config), learner.levels(), 0)
    save_checkpoint(dataclasses.replace(saved, evaluation=SAMPLED), tmp_path / "policy")
    policy = load_checkpoint(tmp_path / "policy")
    worker, manager, states = policy.worker(), policy.manager(), envs.states
    for k, state in enumerate(states):
        draws = Draws(0, Purpose.ACTION, 0, 0, k, explore=False)
        inputs = torch.from_numpy(state.astype(np.float32)[None])
        choice = manager.select(state, Assignment(), draws)
        said = distribution(learner.groups[0].master.actor, inputs).log_prob(torch.tensor([choice.skill]))
        assert choice.log_probability == pytest.approx(said.item(), abs=1e-4)
        for number, skill in enumerate(learner.skills):
            action = worker.act(state, Assignment(skill=number), draws)
            drawn = torch.from_numpy(action.value.astype(np.float32) / 30)[None]
            assert action.log_probability == pytest.approx(
                distribution(skill.actor, inputs).log_prob(drawn).item(), abs=1e-3
            )


def test_neither_level_sees_goal_nor_what_is_ignored():
    config = dataclasses.replace(CONFIG, skills_ignore=("x", "y", "time"))
    learner, _ = make(config, WALKS, num_envs=2)
    policy = untrained_checkpoint("mlsh", WALKS, hierarchy(WALKS, config), learner.levels(), 0)
    assert policy.hierarchy.pursued(0, WALKS) == 0
    state = np.linspace(0.1, 1.0, 30)
    moved = state + np.eye(30)[[0, 1, 29]].sum(axis=0)
    acts = [
        policy.worker().act(s, Assignment(skill=1), Draws(0, Purpose.ACTION, 0, 0, 0, False)).value
        for s in (state, moved)
    ]
    assert acts[0].tobytes() == acts[1].tobytes()


def kept(tmp_path, task=BANDITS, config=CONFIG):
    folder = tmp_path / "kept"
    learner, envs = make(config, task, num_envs=2)
    live(learner, envs, config.period)
    save_checkpoint(untrained_checkpoint("mlsh", task, hierarchy(task, config), learner.levels(), 0), folder)
    return learner, folder


def test_frozen_skills_are_those_of_the_policy_and_stay_so_while_masters_learn(tmp_path):
    old, folder = kept(tmp_path)
    config = dataclasses.replace(CONFIG, frozen_skills=str(folder), staggered=True)
    learner, envs = make(config, seed=5)
    weights = {name: array.tobytes() for name, array in learner.levels()["worker"].weights.items()}
    assert weights == {name: array.tobytes() for name, array in old.levels()["worker"].weights.items()}
    master = bits(learner.groups[1].master)
    live(learner, envs, 2 * config.period)
    assert weights == {name: array.tobytes() for name, array in learner.levels()["worker"].weights.items()}
    assert bits(learner.groups[1].master) != master
    assert [group.tasks for group in learner.groups] == [0, 0], "a frozen run keeps to its task"


@pytest.mark.parametrize(
    ("change", "task", "problem"),
    [
        ({"skills": 3}, "movement_bandits", "has 2 skills: give --skills 2"),
        ({}, "four_rooms_multi", "observation or action is another"),
        ({"groups": 4}, "movement_bandits", "num_envs 6 cannot be dealt among 4 groups"),
        ({"task_goal": (1.0, 2.0)}, "movement_bandits", "--task_goal with 1 numbers, got 2"),
        ({"skills_ignore": ("z",)}, "movement_bandits", "'z' is no element of the observation"),
        ({"input_scale": (1.0,)}, "movement_bandits", "observes 6 numbers, got 1 factors"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(tmp_path, change, task, problem):
    _, folder = kept(tmp_path)
    config = dataclasses.replace(CONFIG, frozen_skills=str(folder), **change)
    with pytest.raises(HrlError, match=problem):
        make(config, load_task(task))


def test_tasks_without_evaluation_goals_ask_for_one():
    with pytest.raises(HrlError, match="names no evaluation_goals"):
        hierarchy(load_task("grid_world"), CONFIG)


def test_a_policy_with_skills_that_nobody_asks_for_is_refused(tmp_path):
    learner, _ = make()
    levels = dict(learner.levels())
    worker = levels["worker"]
    levels["worker"] = worker._replace(actor=dataclasses.replace(worker.actor, skills=1))
    policy = untrained_checkpoint("mlsh", BANDITS, hierarchy(BANDITS, CONFIG), levels, 0)
    save_checkpoint(policy, tmp_path / "policy")
    with pytest.raises(CheckpointError, match="networks for 1 skills, its hierarchy has 2"):
        load_checkpoint(tmp_path / "policy")


def test_goals_that_are_set_hold_in_the_present_episode_and_in_those_after_it_and_after_a_resume():
    envs, again = (VectorEnv(BANDITS, 2, 0) for _ in range(2))
    envs.set_goals(np.array([[1.0], [0.0]]))
    for _ in range(60):
        envs.step(np.zeros((2, 1)))
        assert envs.goals[:, 0].tolist() == [1.0, 0.0]
    again.load_state_dict(envs.state_dict())
    for _ in range(60):
        again.step(np.zeros((2, 1)))
        assert again.goals[:, 0].tolist() == [1.0, 0.0]
