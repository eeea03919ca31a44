"""Flat policies from recordings: what a bag teaches is what the process that lived it would have learned."""

import dataclasses
import json

import numpy as np
import pytest

from hrl_core.algorithms.flat.config import FlatConfig, OnPolicyFlatConfig
from hrl_core.algorithms.flat.on_policy import OnPolicyAgent
from hrl_core.algorithms.flat.recordings import RecordedOnPolicyLearner, untrained
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.checkpoints.checkpoint import load_checkpoint, random_checkpoint, save_checkpoint
from hrl_core.checkpoints.weights import weights_sha256
from hrl_core.envs.runner import EnvRunner
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.messages import Mode
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.text import load_task
from hrl_core.training.presets import preset
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.material import MaterialConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

VECTORS = dataclasses.replace(load_task("reacher_arm"), max_episode_steps=30)
CHOICES = dataclasses.replace(load_task("grid_world"), max_episode_steps=30)
SEED = 5
AGENT = OnPolicyFlatConfig(worker=OnPolicyConfig(hidden=(16, 16), epochs=2, batch_size=32), rollout_steps=60)


def lived(task, policy, episodes=3, mode=Mode.TRAIN):
    runner, stack = EnvRunner(task, SEED, mode, run=7), policy.stack(SEED)
    return [rollout(runner, stack, episode) for episode in range(episodes)]


def bag_config(path, agent, **change):
    training = preset(algorithm="flat", learner=agent.learner)
    training = dataclasses.replace(training, agent=agent)
    return BagTrainConfig((Source(path),), training, relabel="off", **change)


def trainer(folder, path, agent, task, resume=False, **change):
    run = BagTrainer(task, bag_config(path, agent, **change), folder, SEED)
    run.begin(resume)
    run.consume(must_exist=True)
    return run


def memory_of(task, traces):
    """The rollout that a process keeps that lives the same episodes one after the other."""
    steps = sum(len(trace.actions) for trace in traces)
    buffer = RolloutBuffer(1, steps, len(task.observation) + len(task.goal), len(task.action))
    for trace in traces:
        for before, action, after in zip(trace.observations, trace.actions, trace.observations[1:], strict=False):
            goal = before.desired_goal
            seen = [to_float32(np.concatenate((o.state, goal)))[None] for o in (before, after)]
            flags = np.array([after.terminated]), np.array([after.last])
            buffer.add(seen[0], action.value[None], np.array([after.reward]), seen[1], *flags)
    return buffer.take()


@pytest.mark.parametrize("task", [VECTORS, CHOICES], ids=["vectors", "choices"])
@pytest.mark.parametrize("step", ["clipped", "plain", "natural"])
def test_a_bag_of_its_own_policy_gives_the_update_that_memory_gives(tmp_path, write_traces, task, step):
    agent = dataclasses.replace(AGENT, worker=dataclasses.replace(AGENT.worker, step=step))
    traces = lived(task, untrained(task, agent, SEED))
    path = write_traces(tmp_path / "bag", task, traces)
    run = trainer(tmp_path / "run", path, agent, task)
    run.proceed()
    assert run.reached == 1
    twin = OnPolicyAgent(task, agent, SEED)
    twin.learn(memory_of(task, traces))
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(twin.levels())
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())
    before = untrained(task, agent, SEED).weights
    assert any(not np.array_equal(array, before[name]) for name, array in ours.items())
    assert {"worker", "worker_value"} == {name.partition(".")[0] for name in ours}


def test_unclipped_actions_are_learned_from_not_those_that_were_applied(tmp_path, write_traces):
    wide = dataclasses.replace(AGENT, worker=dataclasses.replace(AGENT.worker, log_std=1.5))
    traces = lived(VECTORS, untrained(VECTORS, wide, SEED))
    path = write_traces(tmp_path / "bag", VECTORS, traces)
    run = trainer(tmp_path / "run", path, wide, VECTORS)
    assert isinstance(run.learner, RecordedOnPolicyLearner)
    actions = np.concatenate([rows.actions for rows in run.learner._waiting])
    said = np.concatenate([action.value for trace in traces for action in trace.actions])
    assert np.array_equal(actions.ravel(), to_float32(said))
    limit = VECTORS.action_high[0]
    assert (np.abs(actions) > limit).mean() > 0.3
    assert max(np.abs(o.applied_action).max() for trace in traces for o in trace.observations[1:]) <= limit


def test_episodes_of_another_version_or_not_whole_are_left_out_and_counted(tmp_path, write_traces):
    policy = untrained(VECTORS, AGENT, SEED)
    own, others = lived(VECTORS, policy), lived(VECTORS, dataclasses.replace(policy, version=3))
    mixed = [own[0], others[1], own[2]]
    path = write_traces(tmp_path / "bag", VECTORS, mixed)
    run = trainer(tmp_path / "run", path, AGENT, VECTORS)
    assert len(run.learner.store) == 60
    assert run.intake.left_out == {"another policy than the one that learns": 30}
    assert run.intake.lost == 30
    assert not run.intake.problems
    assert run.left
    run.proceed()
    assert (run.reached, run.left) == (1, 0)
    held = write_traces(
        tmp_path / "held", VECTORS, own, lambda o: {"action_source": 1} if o.step == 9 and o.episode == 1 else {}
    )
    assert len(trainer(tmp_path / "other", held, AGENT, VECTORS).learner.store) == 60


def test_episodes_of_its_version_and_of_other_weights_are_another_policys(tmp_path, write_traces):
    """Of robots that began with a trained policy, or of another seed."""
    own, others = untrained(VECTORS, AGENT, SEED), untrained(VECTORS, AGENT, SEED + 1)
    for name, policy, told in (("own", own, own), ("others", others, others), ("untold", own, None)):
        save_checkpoint(policy, tmp_path / name)
        sha256 = load_checkpoint(tmp_path / name).weights_sha256
        assert sha256 == weights_sha256(policy.weights)
        custom = {"hrl.policy_sha256": json.dumps({"0": sha256 if told else "", "7": "another"})}
        write_traces(tmp_path / f"bag of {name}", VECTORS, lived(VECTORS, policy), custom=custom)
    taken = {}
    for name in ("own", "others", "untold"):
        run = trainer(tmp_path / f"run of {name}", tmp_path / f"bag of {name}", AGENT, VECTORS)
        taken[name] = len(run.learner.store), dict(run.intake.left_out)
    none = (0, {"another policy than the one that learns": 90})
    assert taken == {"own": (90, {}), "others": none, "untold": (90, {})}


def test_it_goes_on_after_a_resume_and_learns_nothing_twice(tmp_path, write_traces):
    traces = lived(VECTORS, untrained(VECTORS, AGENT, SEED))
    path = write_traces(tmp_path / "bag", VECTORS, traces)
    run = trainer(tmp_path / "run", path, AGENT, VECTORS)
    run.proceed()
    run.keep()
    again = trainer(tmp_path / "run", path, AGENT, VECTORS, resume=True)
    assert (again.reached, again.left) == (1, 0)
    assert again.report() == run.report()
    assert run.report()["store_steps"] == 0
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(again.learner.levels())
    assert all(np.array_equal(array, theirs[name]) for name, array in ours.items())


@pytest.mark.parametrize("learner", ["td3", "sac", "ddpg", "dqn"])
def test_off_policy_learners_learn_from_whoever_acted(tmp_path, write_traces, learner):
    task = CHOICES if learner == "dqn" else VECTORS
    traces = lived(task, random_checkpoint(task, 0, hierarchy=FLAT))
    path = write_traces(tmp_path / "bag", task, traces)
    agent = preset(algorithm="flat", learner=learner).agent
    small = dataclasses.replace(agent.worker, hidden=(8, 8), batch_size=16)
    agent = dataclasses.replace(agent, worker=small, worker_updates=0.5, replay=300)
    weights = []
    for name in ("one", "other"):
        run = trainer(tmp_path / name, path, agent, task)
        run.proceed()
        assert run.reached == 48
        weights.append(acting_weights(run.learner.levels()))
    assert all(np.array_equal(array, weights[1][name]) for name, array in weights[0].items())


def sparse(observation):
    there = np.linalg.norm(observation.achieved_goal - observation.desired_goal) <= VECTORS.success.radius
    return {"reward": float(there) - 1.0}


@pytest.mark.parametrize("change", [lambda o: {}, sparse], ids=["distance", "sparse"])
def test_hindsight_from_recordings_knows_the_reward_or_says_that_it_does_not(tmp_path, write_traces, change):
    task = dataclasses.replace(load_task("point_maze"), max_episode_steps=30)
    if change is sparse:
        task = VECTORS
        assert task.success.radius > 0
    traces = lived(task, random_checkpoint(task, 0, hierarchy=FLAT))
    agent = FlatConfig(learning_starts=0, worker_updates=0.5, her=True, replay=300)
    path = write_traces(tmp_path / "bag", task, traces, change)
    run = trainer(tmp_path / "run", path, agent, task)
    run.proceed()
    assert run.reached == 48
    other = write_traces(tmp_path / "strange", task, traces, lambda o: {"reward": 0.25})
    with pytest.raises(HrlError, match="neither minus the distance to the goal nor -1 until success"):
        trainer(tmp_path / "run2", other, agent, task).proceed()


def test_what_a_flat_policy_has_not_is_refused(tmp_path):
    for change, message in (
        ({"relabel": "at-sampling"}, "a flat policy has no subgoals to relabel"),
        ({"newest_steps": 5}, "learns from everything once"),
    ):
        with pytest.raises(HrlError, match=message):
            BagTrainer(VECTORS, dataclasses.replace(bag_config(tmp_path, AGENT), **change), tmp_path / "run", SEED)
    with pytest.raises(HrlError, match="these are the switches of td3"):
        FlatConfig(learner="sac", worker=DDPGConfig())  # pyright: ignore[reportArgumentType]
    assert MaterialConfig().modes == ("TRAIN",)
