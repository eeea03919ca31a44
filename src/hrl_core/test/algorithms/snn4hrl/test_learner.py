"""SNN4HRL: what skills are paid and told, and that a manager leaves them as they are."""

import dataclasses
import shutil
from typing import Any

import numpy as np
import pytest
import torch

from hrl_core.algorithms.protocols import untrained_checkpoint
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig, hierarchy
from hrl_core.algorithms.snn4hrl.information import bonus, cells
from hrl_core.algorithms.snn4hrl.learner import learner as make_learner
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.manifest import SAMPLED
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.learners.distributions import distribution
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.text import load_task

FIELD, MAZE = load_task("point_field"), load_task("point_maze_sparse")
SMALL = OnPolicyConfig(hidden=(8, 8), epochs=2, batch_size=64)
CONFIG = Snn4hrlConfig(
    skills=3, rollout_steps=20, horizon=8, skills_ignore=("x", "y", "time"), worker=SMALL, manager=SMALL
)


def live(learner, envs, updates=1) -> list[Any]:
    """Go on for so many updates, which are returned."""
    made = []
    while len(made) < updates:
        learner.observe(envs.step(learner.act()))
        made += learner.update()
    return made


def draws():
    """Random numbers of an action outside training, the same at every call."""
    return Draws(0, Purpose.ACTION, 0, 0, 0, explore=False)


def pretrained(tmp_path, config=CONFIG, num_envs=6) -> tuple[Any, Any]:
    """Skills that have learned a little, and the folder of the policy that has them."""
    envs = VectorEnv(FIELD, num_envs, 0)
    learner = make_learner(FIELD, config, envs, 0)
    live(learner, envs, 2)
    policy = untrained_checkpoint("snn4hrl", FIELD, hierarchy(FIELD, config), learner.levels(), 0)
    save_checkpoint(dataclasses.replace(policy, evaluation=SAMPLED), tmp_path / "skills")
    return learner, tmp_path / "skills"


def over(folder, envs, seed=0, **change) -> Any:
    config = dataclasses.replace(CONFIG, frozen_skills=str(folder), **change)
    return make_learner(MAZE, config, envs, seed)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_skills_are_paid_for_the_task_and_for_cells_that_tell_them_apart(weight):
    envs = VectorEnv(FIELD, 6, 0)
    learner = make_learner(FIELD, dataclasses.replace(CONFIG, bonus_weight=weight), envs, 0)
    made: list[Any] = []
    rewards, places = [], []
    while not made:
        step = envs.step(learner.act())
        learner.observe(step)
        rewards.append(step.rewards)
        places.append(step.states[:, :2])
        made = list(learner.update())
    # Environment by environment, each in order of time.
    rewards, places = np.array(rewards).T.ravel(), np.array(places).transpose(1, 0, 2).reshape(-1, 2)
    latents = np.repeat(np.arange(6) % 3, 20)
    expected = rewards + weight * bonus(latents, cells(places.astype(np.float32), 1.0), 3)
    np.testing.assert_allclose(made[0].batch["rewards"], expected, atol=1e-6)


def test_the_policy_that_acts_is_the_one_that_learned_and_does_not_see_what_is_ignored(tmp_path):
    learner, folder = pretrained(tmp_path)
    worker = load_checkpoint(folder).worker()
    state = np.linspace(0.1, 0.9, 7)
    for skill in range(3):
        action = worker.act(state, Assignment(skill=skill), draws())
        features = np.where(np.isin(np.arange(7), (0, 1, 6)), 0, state)
        one_hot = np.eye(3)[skill]
        seen = np.concatenate((features, one_hot, np.outer(features, one_hot).ravel())).astype(np.float32)[None]
        drawn = torch.from_numpy((action.value / FIELD.action_high).astype(np.float32))[None]
        said = distribution(learner.network.actor, torch.from_numpy(seen)).log_prob(drawn)
        assert action.log_probability == pytest.approx(said.item(), abs=1e-3)
        moved = state + np.eye(7)[[0, 1, 6]].sum(axis=0)
        assert worker.act(moved, Assignment(skill=skill), draws()).value.tobytes() == action.value.tobytes()


def test_before_there_is_a_manager_skills_are_drawn_evenly_one_for_each_episode(tmp_path):
    _, folder = pretrained(tmp_path)
    policy = load_checkpoint(folder)
    assert policy.hierarchy.levels[0].horizon == FIELD.max_episode_steps
    manager = policy.manager()
    chosen = [
        manager.select(np.ones(7), Assignment(), Draws(0, Purpose.SUBGOAL, 0, k, 0, explore=False)) for k in range(90)
    ]
    np.testing.assert_allclose([choice.log_probability for choice in chosen], -np.log(3))
    assert min(np.bincount([choice.skill for choice in chosen], minlength=3)) > 15


def test_a_manager_learns_over_skills_that_keep_every_bit(tmp_path):
    old, folder = pretrained(tmp_path)
    envs = VectorEnv(MAZE, 4, 1)
    learner = over(folder, envs)
    before = learner.manager.actor_arrays()["layers.0.weight"]
    live(learner, envs, 2)
    assert not np.array_equal(before, learner.manager.actor_arrays()["layers.0.weight"])
    for level in ("worker", "worker_value"):
        kept, given = learner.levels()[level].weights, old.levels()[level].weights
        assert {name: array.tobytes() for name, array in kept.items()} == {
            name: array.tobytes() for name, array in given.items()
        }


def test_a_manager_does_not_go_on_over_other_skills(tmp_path):
    _, folder = pretrained(tmp_path)
    kept = over(folder, VectorEnv(MAZE, 4, 1)).parts()["frozen_skills"].state_dict()
    over(folder, VectorEnv(MAZE, 4, 1)).parts()["frozen_skills"].load_state_dict(kept)
    shutil.rmtree(folder)
    pretrained(tmp_path, num_envs=3)
    with pytest.raises(HrlError, match="other weights than this run has learned over"):
        over(folder, VectorEnv(MAZE, 4, 1)).parts()["frozen_skills"].load_state_dict(kept)


@pytest.mark.parametrize("draw_actions", [False, True])
def test_kept_skills_act_by_their_mean_unless_they_are_to_be_drawn(tmp_path, draw_actions):
    _, folder = pretrained(tmp_path)
    envs = VectorEnv(MAZE, 4, 1)
    learner = over(folder, envs, draw_actions=draw_actions)
    states, acted = envs.states.copy(), learner.act().copy()
    greedy = dataclasses.replace(load_checkpoint(folder), evaluation="greedy").worker()
    means = [
        greedy.act(state, Assignment(skill=int(k)), draws()).value
        for state, k in zip(states, learner._choices.skills, strict=True)
    ]
    assert np.allclose(acted, means, atol=1e-5) != draw_actions


def test_a_choice_that_an_episode_s_end_cuts_earns_what_it_lived_and_is_worth_what_follows(tmp_path):
    _, folder = pretrained(tmp_path)
    # 500 steps: 62 choices of 8 and one of 4.
    envs = VectorEnv(MAZE, 2, 1)
    (made,) = live(over(folder, envs, rollout_steps=500), envs)
    batch = {name: column.numpy() for name, column in made.batch.items()}
    assert len(batch["rewards"]) == 2 * 63
    assert batch["boundary"].nonzero()[0].tolist() == [62, 125]
    assert not batch["terminal"].any(), "the clock cut it: what follows is worth something"
    assert batch["next_inputs"][[62, 125], 6].tolist() == [0.5, 0.5], "the state after step 500"


@pytest.mark.parametrize(
    ("change", "task", "envs", "problem"),
    [
        ({}, "point_field", 4, "num_envs 4 cannot be dealt among 3 skills: give a multiple"),
        ({"position": ("x", "z")}, "point_field", 3, "position: 'z' is no element of the observation"),
        ({"skills_ignore": ("z",)}, "point_field", 3, "skills_ignore: 'z' is no element"),
        ({"frozen_skills": "kept", "skills": 2}, "point_maze_sparse", 2, "has 3 skills: give --skills 3"),
        ({"frozen_skills": "kept"}, "ant_two_walks", 2, "observation or action is another than that of"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(tmp_path, change, task, envs, problem):
    if "frozen_skills" in change:
        change = change | {"frozen_skills": str(pretrained(tmp_path)[1])}
    spec = load_task(task)
    with pytest.raises(HrlError, match=problem):
        make_learner(spec, dataclasses.replace(CONFIG, **change), VectorEnv(spec, envs, 0), 0)


def test_a_policy_without_skills_of_its_own_is_none_to_choose_among(tmp_path):
    save_checkpoint(random_checkpoint(MAZE, 0), tmp_path / "subgoals")
    with pytest.raises(HrlError, match="no network for each of its skills"):
        over(tmp_path / "subgoals", VectorEnv(MAZE, 2, 0))
