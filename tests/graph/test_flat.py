"""Flat policies on the graph: the worker alone, whose actions may be drawn, and what is learned from its bags."""

import numpy as np
import pytest
from aftermath import Witness

from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.on_policy import OnPolicyAgent
from hrl_core.algorithms.flat.recordings import untrained
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.bags.reader import read_bags
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.messages import Mode
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.text import load_task
from hrl_core.training.recordings.on_policy import joined, lived_in

pytestmark = pytest.mark.ros


@pytest.mark.learning
def test_a_bag_of_a_stochastic_policy_is_the_run_in_process_and_gives_the_same_update_as_memory(
    launch, read_bag, in_process, assert_same_run, tmp_path
):
    task = load_task("AntMaze")
    agent = OnPolicyFlatConfig(worker=OnPolicyConfig(epochs=2), rollout_steps=1000)
    policy = tmp_path / "policy"
    save_checkpoint(untrained(task, agent, seed=6), policy)
    graph = launch(f"policy:={policy}", "episodes:=2", "seed:=4", "explore:=true", file="policy.launch.py")
    code, output = graph.wait()
    assert code == 0, output
    traces = in_process(policy, episodes=2, seed=4, mode=Mode.TRAIN)
    bag = read_bag(graph.out / "bag")
    assert_same_run(bag, traces)
    # Not clipped, as log-probabilities are of what was drawn; what was applied stands beside.
    assert max(np.abs(action.value).max() for action in bag["action"]) > 30.0
    assert max(np.abs(o.applied_action).max() for o in bag["observation"] if o.step) == 30.0
    learners = [OnPolicyAgent(task, agent, seed=6) for _ in range(2)]
    recorded = sorted(read_bags([graph.out / "bag"]).episodes, key=lambda episode: episode.key.episode)
    rows = joined([lived_in(episode, to_float32(episode.desired_goals[:-1])) for episode in recorded])
    told = {(action.episode, action.step): action.log_probability for action in bag["action"]}
    computed = learners[0].worker._batch(rows).log_probabilities
    np.testing.assert_allclose([told[key] for key in sorted(told)], computed, atol=1e-4, rtol=0)
    learners[0].learn(rows)
    memory = RolloutBuffer(1, 1000, 32, 8)
    for trace in traces:
        for before, action, after in zip(trace.observations, trace.actions, trace.observations[1:], strict=False):
            seen = [to_float32(np.concatenate((o.state, before.desired_goal)))[None] for o in (before, after)]
            flags = np.array([after.terminated]), np.array([after.last])
            memory.add(seen[0], action.value[None], np.array([after.reward]), seen[1], *flags)
    learners[1].learn(memory.take())
    weights = [acting_weights(learner.levels()) for learner in learners]
    assert all(np.array_equal(array, weights[1][name]) for name, array in weights[0].items())
    assert not np.array_equal(weights[0]["worker.log_std"], load_checkpoint(policy).weights["worker.log_std"])


@pytest.mark.parametrize("where", ["mode:=realtime", "robot:=real"])
def test_a_flat_policy_acts_in_real_time_and_on_the_fake_robot(where, launch, listener, read_bag, tmp_path):
    """On what it observes: each action is that of the same policy in process, whatever came too late."""
    policy = tmp_path / "flat"
    save_checkpoint(random_checkpoint(load_task("AntMaze"), seed=6, hierarchy=FLAT), policy)
    witness = Witness(listener)
    graph = launch(f"policy:={policy}", where, "episodes:=0", file="policy.launch.py")
    listener.spin_until(lambda: witness.acted(0.0) > 20, timeout=60)
    code, output = graph.stop()
    assert code == 0, output
    assert "[manager]" not in output
    bag, record, hierarchy = read_bag(graph.out / "bag"), EpisodeRecord(), load_checkpoint(policy).stack(0)
    assert not bag["subgoal"]
    for observation in sorted(bag["observation"], key=lambda o: o.key):
        record.answer(hierarchy, observation)
    expected = {(action.episode, action.step): action.value for action in record.actions}
    assert len(bag["action"]) > 20
    for action in bag["action"]:
        np.testing.assert_array_equal(action.value, expected[action.episode, action.step])
