"""Demonstrations that were recorded teach what they would have taught from memory."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.algorithms.relay.config import PRESETS, hierarchy
from hrl_core.algorithms.relay.demonstrations import demonstrated
from hrl_core.demonstrations.demonstrator import Demonstrator
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.learners.cloning_config import CloningConfig
from hrl_core.messages import Mode
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.material import MaterialConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

TASK = load_task("push_point")
SMALL = CloningConfig((8, 8), batch_size=16)
CONFIG = dataclasses.replace(PRESETS["push_point"].agent, worker=SMALL, manager=SMALL)


def traces_of(mode):
    runner = EnvRunner(TASK, 3, mode)
    stack = Hierarchy(WorkerSession(TASK, FLAT, Demonstrator(TASK, 0.3), 3))
    return [rollout(runner, stack, episode) for episode in range(3)]


def weights_after(store):
    agent, rng = RelayAgent(TASK, CONFIG, torch.Generator().manual_seed(0)), np.random.default_rng(0)
    for _ in range(5):
        agent.update_worker(store, rng)
        agent.update_manager(store, rng)
    return torch.cat([tensor.double().ravel() for _, tensor in sorted(agent.state_dict().items())])


def test_a_bag_of_demonstrations_teaches_what_memory_does(write_traces, tmp_path):
    traces, level = traces_of(Mode.DEMO), hierarchy(TASK, CONFIG).levels[0]
    memory = EpisodeStore(TASK, level, 1000, 0)
    nothing = np.zeros((20, level.dim))
    for trace in traces:
        states = np.array([o.state for o in trace.observations])
        actions = np.array([o.applied_action for o in trace.observations[1:]])
        rewards = np.array([o.reward for o in trace.observations[1:]])
        goal = trace.observations[0].desired_goal
        memory.add(StoredEpisode(states, actions, rewards, nothing, nothing, goal, True, False))
    bag = write_traces(tmp_path / "bag", TASK, traces)
    recorded = demonstrated(TASK, level, [str(bag)])
    assert recorded is not None
    assert len(recorded) == len(memory) == 600
    assert torch.equal(weights_after(recorded), weights_after(memory))


def test_of_demonstrations_the_first_ones_are_taken_as_many_as_are_asked_for(write_traces, tmp_path):
    traces, level = traces_of(Mode.DEMO), hierarchy(TASK, CONFIG).levels[0]
    all_of_them, two = (write_traces(tmp_path / name, TASK, traces[:count]) for name, count in (("all", 3), ("two", 2)))
    some, those = demonstrated(TASK, level, [str(all_of_them)], count=2), demonstrated(TASK, level, [str(two)])
    assert some is not None
    assert those is not None
    assert torch.equal(weights_after(some), weights_after(those))
    with pytest.raises(HrlError, match="--demos_episodes 4: there are 3 in"):
        demonstrated(TASK, level, [str(all_of_them)], count=4)


def without_an_action(trace):
    """A demonstration of which one Action was lost."""
    return dataclasses.replace(trace, actions=trace.actions[:7] + trace.actions[8:])


def test_where_no_action_was_told_what_was_done_is_what_was_intended(write_traces, tmp_path):
    bag = write_traces(tmp_path / "bag", TASK, [without_an_action(trace) for trace in traces_of(Mode.DEMO)])
    intended, done = (demonstrated(TASK, None, [str(bag)], intended=which) for which in (True, False))
    assert intended is not None
    assert done is not None
    differs = (intended.actions != done.actions).any(axis=-1)
    assert np.isfinite(intended.actions[:3, :20]).all()
    assert not differs[:3, 7].any()
    assert differs[:3, :7].all()


def test_from_recordings_demonstrations_are_cloned_as_the_switches_say(write_traces, tmp_path):
    bag = write_traces(tmp_path / "bag", TASK, traces_of(Mode.DEMO))
    stores = []
    for intended in (True, False):
        training = TrainConfig(algorithm="relay", agent=dataclasses.replace(CONFIG, intended=intended))
        config = BagTrainConfig((Source(bag),), training, relabel="off", material=MaterialConfig(("DEMO",)))
        trainer = BagTrainer(TASK, config, tmp_path / f"run {intended}", 0)
        trainer.consume(must_exist=True)
        wanted = demonstrated(TASK, None, [str(bag)], intended=intended)
        assert wanted is not None
        stores.append(trainer.learner.store)
        np.testing.assert_array_equal(stores[-1].actions[:3, :200], wanted.actions[:3, :200])
    assert (stores[0].actions[:3] != stores[1].actions[:3]).any()


def test_a_demonstration_that_does_not_fit_is_told_and_another_stands_in(write_traces, tmp_path, caplog):
    traces = traces_of(Mode.DEMO)
    moved = traces[0].observations[10]
    traces[0].observations[10] = moved._replace(desired_goal=moved.desired_goal + 1)
    bag = write_traces(tmp_path / "bag", TASK, traces)
    store = demonstrated(TASK, None, [str(bag)], count=2)
    assert store is not None
    assert len(store) == 400
    assert "its task goal changes" in caplog.text
    with pytest.raises(HrlError, match="--demos_episodes 3: there are 2 in"):
        demonstrated(TASK, None, [str(bag)], count=3)


def test_episodes_that_are_no_demonstrations_are_not_taken_for_some(write_traces, tmp_path):
    bag = write_traces(tmp_path / "bag", TASK, traces_of(Mode.TRAIN))
    with pytest.raises(HrlError, match="of 3 episodes none is a demonstration"):
        demonstrated(TASK, hierarchy(TASK, CONFIG).levels[0], [str(bag)])


def test_without_folders_there_are_none():
    assert demonstrated(TASK, None, ()) is None


def test_demonstrations_beside_recordings_are_refused():
    shown = dataclasses.replace(CONFIG, demos=("runs/demos",))
    with pytest.raises(HrlError, match="name them among the recordings"):
        shown.for_recordings("off", 0)
    with pytest.raises(HrlError, match="set replay instead of newest_steps 5"):
        CONFIG.for_recordings("off", 5)
    assert CONFIG.for_recordings("off", 0) == CONFIG


def test_off_policy_the_manager_imitates_as_long_as_the_worker_and_then_stays_as_it_is(write_traces, tmp_path):
    valued = dataclasses.replace(CONFIG.td3, hidden=(8, 8), batch_size=16)
    agent = dataclasses.replace(CONFIG, finetuning="offpolicy", td3=valued, imitation_updates=16, worker_updates=0.08)
    bag = write_traces(tmp_path / "bag", TASK, traces_of(Mode.DEMO))
    material = MaterialConfig(modes=("DEMO",))
    config = BagTrainConfig((Source(bag),), TrainConfig(algorithm="relay", agent=agent), "off", material=material)
    run = BagTrainer(TASK, config, tmp_path / "run", seed=4)
    run.begin(resume=False)
    run.consume(must_exist=True)
    made = []
    while run.left:
        run.iterate()
        made.append(tuple(level.updates for level in run.learner.levels().values()))
    assert made == [(8, 8), (16, 16), (24, 16), (32, 16), (40, 16), (48, 16)]
