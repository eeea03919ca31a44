"""Skills from recordings: what a bag teaches is what the process that lived it would have learned."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.mlsh.config import MlshConfig, hierarchy
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.algorithms.mlsh.recordings import untrained as untrained_master
from hrl_core.algorithms.option_critic.agent import OptionCritic
from hrl_core.algorithms.option_critic.config import OptionCriticConfig
from hrl_core.algorithms.option_critic.recordings import untrained as untrained_options
from hrl_core.algorithms.protocols import acting_weights, untrained_checkpoint
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.checkpoints.checkpoint import save_checkpoint
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.rollout import rollout
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.messages import Mode, frozen
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.segments import Source
from hrl_core.training.recordings.trainer import BagTrainer

ROOMS = dataclasses.replace(load_task("four_rooms_point"), max_episode_steps=40)
BANDITS = dataclasses.replace(load_task("movement_bandits"), max_episode_steps=40)
SEED = 5
OPTIONS = OptionCriticConfig(options=3, hidden=(8, 8), rollout_steps=60, epochs=2, batch_size=32)
LEVEL = OnPolicyConfig(hidden=(8, 8), epochs=2, batch_size=16)
MLSH = MlshConfig(groups=1, horizon=5, rollout_steps=100, worker=LEVEL, manager=LEVEL)


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """A config of a master over skills of another seed, which have been written to a folder."""
    folder = tmp_path_factory.mktemp("skills") / "policy"
    levels = MlshLearner(BANDITS, MLSH, VectorEnv(BANDITS, 1, 0), 77).levels()
    save_checkpoint(untrained_checkpoint("mlsh", BANDITS, hierarchy(BANDITS, MLSH), levels, 77), folder)
    return dataclasses.replace(MLSH, frozen_skills=str(folder))


def lived(task, policy, episodes=4, goal=()):
    runner, stack = EnvRunner(task, SEED, Mode.TRAIN, frozen(goal) if goal else None, run=7), policy.stack(SEED)
    return [rollout(runner, stack, episode) for episode in range(episodes)]


def trainer(folder, path, algorithm, agent, task, resume=False):
    training = TrainConfig(algorithm=algorithm, agent=agent, num_envs=1, steps=1)
    run = BagTrainer(task, BagTrainConfig((Source(path),), training, relabel="off"), folder, SEED)
    run.begin(resume)
    run.consume(must_exist=True)
    return run


def told(policy):
    """What the announcement of a run says of its policy."""
    return {"hierarchy": policy.hierarchy.to_yaml(), "hierarchy_hash": policy.hierarchy.sha256}


def skills_of(trace):
    """Skill of each step, and whether it was chosen there."""
    chosen = {subgoal.step: subgoal.skill_id for subgoal in trace.subgoals}
    skills, begins = [], []
    for step in range(len(trace.actions)):
        begins.append(step in chosen)
        skills.append(chosen.get(step, skills[-1] if skills else -1))
    return skills, begins


def memory_of(traces, buffer, seen, said):
    """Fill the memory of a process that lives the same episodes one after the other."""
    for trace in traces:
        for step, action in enumerate(trace.actions):
            before, after = trace.observations[step : step + 2]
            flags = np.array([after.terminated]), np.array([after.last])
            rows = [seen(one, before.desired_goal, trace, step)[None] for one in (before, after)]
            buffer.add(rows[0], said(action, trace, step)[None], np.array([after.reward]), rows[1], *flags)
    return buffer


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    return {name for name in ours if np.array_equal(ours[name], theirs[name])}


def test_a_bag_gives_option_critic_the_update_that_memory_gives(tmp_path, write_traces):
    policy = untrained_options(ROOMS, OPTIONS, SEED)
    traces = lived(ROOMS, policy)
    path = write_traces(tmp_path / "bag", ROOMS, traces, **told(policy))
    run = trainer(tmp_path / "run", path, "option_critic", OPTIONS, ROOMS)
    run.proceed()
    assert run.reached == 1
    assert len({skill for trace in traces for skill in skills_of(trace)[0]}) > 1
    steps = sum(len(trace.actions) for trace in traces)
    one_hot = np.eye(OPTIONS.options, dtype=np.float32)

    def seen(observation, goal, trace, step):
        state = to_float32(np.concatenate((observation.state, goal)))
        return np.concatenate((state, one_hot[skills_of(trace)[0][step]]))

    twin = OptionCritic(ROOMS, OPTIONS, torch.Generator().manual_seed(SEED))
    memory = memory_of(traces, RolloutBuffer(1, steps, twin.input_dim, 1), seen, lambda action, *_: action.value)
    twin.update(memory.take())
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(twin.levels())
    assert same(ours, theirs) == set(ours)
    assert not same(ours, policy.weights) & {name for name in ours if name.endswith("0.weight")}


def test_a_bag_gives_a_master_the_update_that_memory_gives_and_leaves_the_skills(tmp_path, write_traces, master):
    policy = untrained_master(BANDITS, master, SEED)
    goal = master.goals(BANDITS)[0]
    traces = lived(BANDITS, policy, goal=goal)
    path = write_traces(tmp_path / "bag", BANDITS, traces, **told(policy))
    run = trainer(tmp_path / "run", path, "mlsh", master, BANDITS)
    run.proceed()
    assert run.reached == 1
    steps = sum(len(trace.actions) for trace in traces)
    config = dataclasses.replace(master, rollout_steps=steps)
    twin = MlshLearner(BANDITS, config, VectorEnv(BANDITS, 1, 0), SEED)

    def said(action, trace, step):
        skills, begins = skills_of(trace)
        return np.array([*action.value, skills[step], begins[step]])

    memory_of(traces, twin._buffer, lambda observation, *_: to_float32(observation.state), said)
    list(twin.update())
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(twin.levels())
    assert same(ours, theirs) == set(ours)
    kept = same(ours, policy.weights)
    assert {name for name in ours if name.startswith("worker")} <= kept
    assert {"manager.layers.0.weight", "manager_value.layers.0.weight"}.isdisjoint(kept)


def test_what_another_manager_or_another_task_gave_is_left_out_and_counted(tmp_path, write_traces, master):
    policy = untrained_master(BANDITS, master, SEED)
    own, others = (lived(BANDITS, policy, goal=goal) for goal in master.goals(BANDITS)[:2])
    strange = dataclasses.replace(own[1], subgoals=[said._replace(policy_version=3) for said in own[1].subgoals])
    worker = dataclasses.replace(own[2], actions=[said._replace(policy_version=3) for said in own[2].actions])
    path = write_traces(tmp_path / "bag", BANDITS, [own[0], strange, worker, others[3]], **told(policy))
    run = trainer(tmp_path / "run", path, "mlsh", master, BANDITS)
    assert run.intake.left_out == {
        "another manager than the one that learns": 40,
        "another policy than the one that learns": 40,
        "another task goal than the master's": 40,
    }
    assert not run.intake.problems
    assert (len(run.learner.store), run.left) == (40, 0)


def test_an_episode_of_whose_skills_one_is_not_known_is_left_out(tmp_path, write_traces):
    policy = untrained_options(ROOMS, OPTIONS, SEED)
    traces = lived(ROOMS, policy)
    many = next(trace for trace in traces if len(trace.subgoals) > 2)
    for number, change in enumerate(
        (
            {"subgoal_results": [said for said in many.subgoal_results if said.seq != 1]},
            {"subgoals": [said for said in many.subgoals if said.seq != 1]},
        )
    ):
        path = write_traces(tmp_path / str(number), ROOMS, [dataclasses.replace(many, **change)], **told(policy))
        run = trainer(tmp_path / f"run{number}", path, "option_critic", OPTIONS, ROOMS)
        assert run.intake.left_out == {"a skill, or the end of one, is missing": len(many.actions)}


def test_it_goes_on_after_a_resume_and_learns_nothing_twice(tmp_path, write_traces, master):
    policy = untrained_master(BANDITS, master, SEED)
    traces = lived(BANDITS, policy, goal=master.goals(BANDITS)[0])
    path = write_traces(tmp_path / "bag", BANDITS, traces, **told(policy))
    run = trainer(tmp_path / "run", path, "mlsh", master, BANDITS)
    run.proceed()
    run.keep()
    again = trainer(tmp_path / "run", path, "mlsh", master, BANDITS, resume=True)
    assert (again.reached, again.left) == (1, 0)
    ours, theirs = acting_weights(run.learner.levels()), acting_weights(again.learner.levels())
    assert same(ours, theirs) == set(ours)


def test_what_cannot_learn_from_recordings_is_refused_with_the_reason(tmp_path):
    with pytest.raises(HrlError, match=r"only a master over skills that stay as they are, .*: give --frozen_skills"):
        trainer(tmp_path / "run", tmp_path, "mlsh", MLSH, BANDITS)
    with pytest.raises(HrlError, match="'tree' does not learn from recordings, since each node learns in a lesson"):
        BagTrainConfig((Source(tmp_path),), TrainConfig(algorithm="tree", agent=TreeConfig(), steps=1))
    for algorithm, agent in (("option_critic", OPTIONS), ("mlsh", MLSH)):
        training = TrainConfig(algorithm=algorithm, agent=agent, steps=1)
        for change, message in (
            ({"relabel": "at-sampling"}, f"{algorithm} has no subgoals to relabel: set relabel to off"),
            ({"newest_steps": 5}, f"{algorithm} learns from everything once"),
        ):
            config = BagTrainConfig((Source(tmp_path),), training, **{"relabel": "off", **change})
            with pytest.raises(HrlError, match=message):
                BagTrainer(ROOMS, config, tmp_path / "run", SEED)
