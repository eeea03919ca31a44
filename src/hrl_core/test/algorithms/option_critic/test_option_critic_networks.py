"""Option-Critic with networks: hand-computed advantages, where terminations move, what a checkpoint keeps."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from hrl_core.algorithms.option_critic.agent import OptionCritic
from hrl_core.algorithms.option_critic.config import PRESETS, OptionCriticConfig
from hrl_core.algorithms.option_critic.learner import OptionCriticLearner
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.path_sessions import manager_session, worker_session
from hrl_core.hierarchy.rollout import rollout as play
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.hierarchy.worker_session import HELD
from hrl_core.learners.advantages import gae
from hrl_core.learners.on_policy import Rollout
from hrl_core.messages import Action, SegmentEnd, Subgoal, SubgoalResult
from hrl_core.networks.fast_actor import FastActor
from hrl_core.randomness import outside_a_run
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.trainer import Trainer

TASK = load_task("four_rooms_point")
VECTORS = dataclasses.replace(load_task("AntMaze"), max_episode_steps=20)
SMALL = OptionCriticConfig(options=3, hidden=(8, 8), rollout_steps=48, epochs=2, batch_size=16)


@pytest.fixture
def make_agent():
    def make(config=SMALL, task=TASK):
        return OptionCritic(task, config, torch.Generator().manual_seed(1))

    return make


def rollout(agent, options, rows=6, seed=0, **change):
    """Rows of one stretch under the options given, the last one the end of an episode."""
    rng = np.random.default_rng(seed)
    one_hot = np.eye(agent.config.options, dtype=np.float32)[options]
    sees = agent.input_dim - agent.config.options
    states = rng.uniform(-1, 1, (rows + 1, sees)).astype(np.float32)
    ends = np.arange(rows) == rows - 1
    lived = Rollout(
        inputs=np.concatenate((states[:-1], one_hot), 1),
        actions=rng.integers(4, size=(rows, 1)).astype(np.float32),
        rewards=rng.uniform(size=rows).astype(np.float32),
        next_inputs=np.concatenate((states[1:], one_hot), 1),
        terminal=ends,
        boundary=ends,
    )
    return lived._replace(**change)


def test_advantages_are_those_worked_out_by_hand(make_agent):
    agent, options = make_agent(), np.array([0, 0, 2, 2, 2, 1])
    lived = rollout(agent, options)
    batch = agent._batch(lived)
    inputs, arrived = torch.from_numpy(lived.inputs), torch.from_numpy(lived.next_inputs)
    with torch.no_grad():
        q, next_q = agent.q(agent.chooser_inputs(inputs)).numpy(), agent.q(agent.chooser_inputs(arrived)).numpy()
    beta, config = agent.terminations(arrived), agent.config
    wanted, later = np.zeros(6), 0.0
    for t in reversed(range(6)):
        w = options[t]
        chances = np.exp(next_q[t] / config.temperature - (next_q[t] / config.temperature).max())
        value = (chances / chances.sum() * next_q[t]).sum()
        worth = 0.0 if t == 5 else (1 - beta[t]) * next_q[t, w] + beta[t] * value
        goes_on = t < 5 and options[t + 1] == w
        delta = lived.rewards[t] + config.discount * worth - q[t, w]
        later = delta + (config.discount * config.gae_lambda * later if goes_on else 0.0)
        wanted[t] = later
        gain = 0.0 if t == 5 else next_q[t, w] - value + config.deliberation_cost
        assert batch.gain[t].item() == pytest.approx(gain, abs=1e-6)
    assert batch.advantage.numpy() == pytest.approx(wanted, abs=1e-5)
    assert (batch.worth - batch.advantage).numpy() == pytest.approx(q[np.arange(6), options], abs=1e-6)


def test_one_option_is_an_actor_critic_however_often_it_ends(make_agent):
    agent = make_agent(dataclasses.replace(SMALL, options=1))
    lived = rollout(agent, np.zeros(6, np.int64))
    with torch.no_grad():
        agent.ending.linears[-1].bias.fill_(3.0)
        value = agent.q(agent.chooser_inputs(torch.from_numpy(lived.inputs)))[:, 0].numpy()
        after = agent.q(agent.chooser_inputs(torch.from_numpy(lived.next_inputs)))[:, 0].numpy()
    config = agent.config
    flat = gae(lived.rewards, value, after, lived.terminal, lived.boundary, config.discount, config.gae_lambda)
    assert agent._batch(lived).advantage.numpy() == pytest.approx(flat, abs=1e-6)


@pytest.mark.parametrize(("worth", "rises"), [(-1.0, True), (1.0, False)])
def test_an_option_ends_more_often_where_another_one_is_worth_more(make_agent, worth, rises):
    agent, options = make_agent(dataclasses.replace(SMALL, lr=1e-2)), np.zeros(6, np.int64)
    with torch.no_grad():
        agent.q.linears[-1].weight.zero_()
        agent.q.linears[-1].bias.copy_(torch.tensor([worth, 0.0, 0.0]))
    lived = rollout(agent, options)
    arrived = torch.from_numpy(lived.next_inputs)
    before = agent.terminations(arrived)
    agent._step(agent._batch(lived))
    assert ((agent.terminations(arrived) > before) == rises).all()


def trainer(folder=Path("unused"), agent=SMALL, task=TASK, steps=96):
    config = PRESETS["fast"].changed({"steps": steps, "num_envs": 4, "evaluation_episodes": 2})
    config = dataclasses.replace(config, agent=agent)
    envs, goals = VectorEnv(task, 4, 0), list(task.evaluation_goals[:1]) * 2
    return Trainer(task, config, envs, VectorEnv(task, 2, 1, goals=goals), folder, 0)


def test_options_that_outlast_a_rollout_are_learned_from():
    """Twelve steps of each environment, where none begins an episode and no option ends."""
    run = trainer(steps=1_000)
    assert isinstance(run.learner, OptionCriticLearner)
    with torch.no_grad():
        run.learner.agent.ending.linears[-1].bias.fill_(-30.0)
    while run.learner.agent.updates < 3:
        run.iterate()


@pytest.mark.parametrize("task", [TASK, VECTORS], ids=["choices", "vectors"])
def test_the_policy_that_is_kept_is_the_one_that_learned(tmp_path, task):
    run = trainer(tmp_path / "run", task=task)
    while run.env_steps < 96:
        run.iterate()
    assert isinstance(run.learner, OptionCriticLearner)
    agent, kept = run.learner.agent, run.checkpoint({})
    acting = {name: FastActor(config, kept.level(name)) for name, config in kept.actors.items()}
    rng = np.random.default_rng(3)
    state, goal = rng.uniform(-1, 1, len(task.observation)), rng.uniform(-1, 1, len(task.goal))
    for skill in range(3):
        row = np.concatenate((state, goal, np.eye(3)[skill])).astype(np.float32)[None]
        inputs, sees = torch.from_numpy(row), np.concatenate((state, np.eye(3)[skill])).astype(np.float32)
        assert acting["termination"](sees)[0] == pytest.approx(agent.terminations(inputs)[0], abs=1e-6)
        assert acting["worker"](sees) == pytest.approx(agent.act(inputs)[0], abs=1e-5)
        preferred = acting["manager"](row[0, :-3])
        assert preferred == pytest.approx(agent.preferences(inputs)[0], rel=1e-4, abs=1e-4)
        done = kept.worker().act(state, Assignment(skill=skill), outside_a_run())
        assert done.value.shape == (len(task.action),)


def test_its_options_end_by_themselves_and_are_evaluated_by_drawing(tmp_path):
    run = trainer(tmp_path / "run")
    (result,) = run.run()
    assert result.episodes == 2
    assert run.config.evaluation == "sampled"
    trace = play(EnvRunner(TASK, seed=5), run.checkpoint({}).stack(seed=5), 0)
    reasons = {ended.end_reason for ended in trace.subgoal_results}
    assert SegmentEnd.WORKER_TERMINATED in reasons
    assert reasons <= {SegmentEnd.WORKER_TERMINATED, SegmentEnd.TERMINATED, SegmentEnd.TRUNCATED}
    assert {subgoal.num_skills for subgoal in trace.subgoals} == {3}


def test_an_option_that_has_ended_is_acted_on_for_a_while_if_its_successor_is_late(tmp_path):
    kept, runner = trainer(tmp_path / "run").checkpoint({}), EnvRunner(TASK, seed=5)
    worker = worker_session(TASK, kept.hierarchy, kept.worker(), 0)
    manager = manager_session(TASK, kept.hierarchy, kept.manager(), 0, 0)
    observation = runner.reset(0)
    worker.on_observation(observation)
    chosen = [message for message in manager.on_observation(observation) if isinstance(message, Subgoal)]
    said = [message for subgoal in chosen for message in worker.on_subgoal(subgoal)]
    ended = 0
    while actions := [message for message in said if isinstance(message, Action)]:
        observation = runner.step(actions[0].value)
        said = worker.on_observation(observation)
        ended = next((message.step for message in said if isinstance(message, SubgoalResult)), ended)
        said = [*said, *worker.act_on_held()]
    assert 0 < ended
    assert not observation.last
    assert observation.step == ended + HELD + 1


OTHER = {"hidden": (8, 4), "activation": "relu", "clip": 1e-3, "log_std": -1.0}


@pytest.fixture(scope="module")
def base():
    return weights(VECTORS, SMALL)


def weights(task, agent):
    run = trainer(agent=agent, task=task, steps=200)
    while run.env_steps < 200:
        run.iterate()
    return np.concatenate([array.ravel() for array in acting_weights(run.learner.levels()).values()])


@pytest.mark.parametrize("name", switches(SMALL))
def test_every_switch_has_an_effect(base, name):
    current = switches(SMALL)[name]
    new = OTHER.get(name, not current if isinstance(current, bool) else None)
    new = new if new is not None else type(current)(current * 0.5) or current + 1
    config = TrainConfig(algorithm="option_critic", agent=SMALL).changed({name: new})
    other = weights(VECTORS, config.agent)
    assert base.shape != other.shape or not np.array_equal(base, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"options": 0}, "options: at least 1"), ({"temperature": 0.0}, "temperature"), ({"discount": 1.5}, "discount")],
)
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(HrlError, match=message):
        OptionCriticConfig(**change)


@pytest.mark.learning
def test_options_learn_the_way_through_the_rooms(tmp_path):
    config = PRESETS["fast"].changed({"steps": 120_000, "evaluation_interval": 120_000})
    envs, goals = VectorEnv(TASK, 64, 2), list(TASK.evaluation_goals) * 50
    run = Trainer(TASK, config, envs, VectorEnv(TASK, 50, 9, goals=goals), tmp_path / "run", 2)
    (result,) = run.run()
    assert result.success_rate >= 0.9
