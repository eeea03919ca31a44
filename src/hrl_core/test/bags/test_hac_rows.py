"""What HAC learns from a recording is what it learns from the episodes themselves."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms.hac.config import HacConfig
from hrl_core.algorithms.hac.learner import HacLearner
from hrl_core.algorithms.hac.lived import lived, recorded
from hrl_core.algorithms.hac.rows import level_rows
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.hierarchy.rollout import rollout
from hrl_core.messages import Mode
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.text import load_task

TASK = dataclasses.replace(load_task("mountain_car"), max_episode_steps=60)
SEED = 5


def config(levels):
    return HacConfig(levels=levels, horizon=4, updates=0)


@pytest.fixture(params=[1, 2, 3])
def learner(request):
    """A learner that lives three episodes; it makes no updates, so that one policy has acted in all of them."""
    envs = VectorEnv(TASK, 1, SEED)
    made = HacLearner(TASK, config(request.param), envs, SEED)
    while made.state_dict()["episodes"] < 3:
        made.observe(envs.step(made.act()))
    return made


@pytest.fixture
def bag(tmp_path, learner, write_traces):
    """The same episodes as a running graph says them."""
    levels = learner.levels()
    actors: dict[str, ActorConfig] = {party: level.actor for party, level in levels.items()}
    weights = {f"{party}.{name}": a for party, level in levels.items() for name, a in level.weights.items()}
    policy = Checkpoint(TASK, learner.hierarchy, "hac", True, 0, 0, SEED, "", actors, weights)
    runner, stack = EnvRunner(TASK, SEED, Mode.TRAIN, run=7), policy.stack(SEED)
    traces = [rollout(runner, stack, episode) for episode in range(3)]
    said = {"hierarchy": learner.hierarchy.to_yaml(), "hierarchy_hash": learner.hierarchy.sha256}
    return write_traces(tmp_path / "bag", TASK, traces, **said), traces


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_rows_from_a_bag_are_those_of_the_learner_that_lived_them(learner, bag):
    path, _ = bag
    levels, found = learner.hierarchy, read_bags([path]).episodes
    assert len(found) == 3
    made = {party: [] for party in levels.parties}
    for episode in found:
        told = recorded(episode, levels)
        assert told is not None
        for level, rows in enumerate(made.values()):
            rng = learner.generator(level, episode.key.episode)
            rows.append(level_rows(TASK, levels, config(len(made)), told, level, rng))
    for party, rows in made.items():
        ring = learner.rows[party].state_dict()
        for name in ("inputs", "actions", "rewards", "discounts", "next_inputs"):
            joined = np.concatenate([getattr(each, name) for each in rows])
            np.testing.assert_array_equal(joined, ring[name])


def test_an_episode_is_the_same_whoever_tells_it(learner, bag):
    path, traces = bag
    for episode, trace in zip(read_bags([path]).episodes, traces, strict=True):
        one, other = recorded(episode, learner.hierarchy), lived(trace, learner.hierarchy)
        assert one is not None
        assert equal(one[:3], other[:3])
        assert all(equal(a, b) for a, b in zip(one.levels, other.levels, strict=True))


def test_of_an_episode_that_is_not_whole_nothing_is_made(bag, learner):
    path, _ = bag
    episode = read_bags([path]).episodes[0]
    assert recorded(dataclasses.replace(episode, terminated=False, truncated=False), learner.hierarchy) is None
    for level, table in episode.subgoals.items():
        less = {**episode.subgoals, level: type(table)._make(column[1:] for column in table)}
        assert recorded(dataclasses.replace(episode, subgoals=less), learner.hierarchy) is None
        assert recorded(dataclasses.replace(episode, subgoals={}), learner.hierarchy) is None
