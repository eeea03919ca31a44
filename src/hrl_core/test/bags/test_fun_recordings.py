"""FuN from recordings: hidden states come back by going through whole episodes again, and with them the update."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.fun.agent import Fun
from hrl_core.algorithms.fun.config import FunConfig
from hrl_core.algorithms.fun.lived import EpisodesInStep, side_by_side
from hrl_core.algorithms.fun.recordings import untrained
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.envs.runner import EnvRunner
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.messages import Mode
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

TASK = dataclasses.replace(load_task("t_maze"), env_kwargs={"length": 2}, max_episode_steps=9)
SEED, EPISODES = 5, 4
FEUDAL = FunConfig(size=8, embedding=4, horizon=3, dilation=2, alpha=0.1, random_direction=0.3)
FLAT = dataclasses.replace(FEUDAL, flat=True)
CONFIGS = pytest.mark.parametrize("config", [FEUDAL, FLAT], ids=["fun", "flat"])


def lived(config):
    """A policy, and episodes that it lived in the hierarchy of a graph."""
    policy = untrained(TASK, config, SEED)
    runner, stack = EnvRunner(TASK, SEED, Mode.TRAIN, run=7), policy.stack(SEED)
    return policy, [rollout(runner, stack, episode) for episode in range(EPISODES)]


def trainer(folder, path, config):
    training = TrainConfig(algorithm="fun", agent=config, num_envs=EPISODES, steps=1)
    run = BagTrainer(TASK, BagTrainConfig((Source(path),), training, relabel="off"), folder, SEED)
    run.begin(resume=False)
    run.consume(must_exist=True)
    return run


def told(policy):
    return {"hierarchy": policy.hierarchy.to_yaml(), "hierarchy_hash": policy.hierarchy.sha256}


def memory_of(traces, config):
    """What a process that lives the same episodes remembers of each."""
    kept = []
    for trace in traces:
        chosen = {subgoal.step: to_float32(subgoal.value) for subgoal in trace.subgoals}
        goal = trace.observations[0].desired_goal
        rows = [to_float32(np.concatenate((o.state, goal)) if config.flat else o.state) for o in trace.observations]
        buffer = EpisodesInStep(1, TASK.max_episode_steps, len(rows[0]), 0 if config.flat else config.size)
        for step, action in enumerate(trace.actions):
            after = trace.observations[step + 1]
            direction = np.zeros((1, 0), np.float32) if config.flat else chosen[step][None]
            acted = np.array([int(action.value[0])]), np.array([after.reward])
            ends = np.array([after.terminated]), np.array([after.last])
            buffer.add(rows[step][None], direction, *acted, rows[step + 1][None], *ends)
        kept.append(buffer.take())
    return side_by_side(kept)


@CONFIGS
def test_a_bag_gives_the_update_that_memory_gives_and_the_recorded_probabilities(tmp_path, write_traces, config):
    """Law 4-7."""
    policy, traces = lived(config)
    path = write_traces(tmp_path / "bag", TASK, traces, **told(policy))
    run = trainer(tmp_path / "run", path, config)
    run.proceed()
    assert run.reached == 1
    twin, memory = Fun(TASK, config, SEED), memory_of(traces, config)
    with torch.no_grad():
        issued = torch.from_numpy(np.pad(memory.directions, ((0, 1), (0, 0), (0, 0))))
        said, manager = twin.network(torch.from_numpy(memory.inputs), issued)
    for e, trace in enumerate(traces):
        log_probabilities = torch.log_softmax(said.logits[:, e], -1).numpy()
        for step, action in enumerate(trace.actions):
            again = log_probabilities[step, int(action.value[0])]
            assert again == pytest.approx(action.log_probability, abs=1e-4)
    assert manager is None or manager.random.any()
    twin.learn(memory)
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(twin.levels())
    assert ours.keys() == theirs.keys() == policy.weights.keys()
    for name, weights in ours.items():
        np.testing.assert_array_equal(weights, theirs[name])
    assert not np.array_equal(ours["worker.layers.0.weight"], policy.weights["worker.layers.0.weight"])


def test_an_episode_that_lacks_a_direction_is_left_out_and_counted(tmp_path, write_traces):
    policy, traces = lived(FEUDAL)
    lacking = dataclasses.replace(traces[0], subgoals=traces[0].subgoals[:1] + traces[0].subgoals[2:])
    path = write_traces(tmp_path / "bag", TASK, [lacking, *traces[1:]], **told(policy))
    run = trainer(tmp_path / "run", path, FEUDAL)
    run.proceed()
    assert run.reached == 0
    assert len(run.learner.store.lengths) == EPISODES - 1
