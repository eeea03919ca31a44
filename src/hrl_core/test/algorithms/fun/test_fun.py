"""FuN: its laws (directions, who teaches whom, intrinsic reward, padding); networks are what a checkpoint has."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.algorithms.fun.agent import Fun
from hrl_core.algorithms.fun.config import PRESETS, FunConfig, hierarchy
from hrl_core.algorithms.fun.learner import FunLearner
from hrl_core.algorithms.fun.lived import EpisodesInStep, Lived, side_by_side
from hrl_core.algorithms.fun.losses import intrinsic_rewards, returns, scaled, transition_loss
from hrl_core.algorithms.fun.network import Feudal
from hrl_core.algorithms.fun.recordings import untrained
from hrl_core.algorithms.fun.shapes import parameters, seen, shapes
from hrl_core.checkpoints.checkpoint import save_checkpoint
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError, TaskError
from hrl_core.networks.dilated_lstm import DilatedLSTM, window_sums
from hrl_core.networks.memory_actor import MemoryActor
from hrl_core.task.text import load_task

TASK = load_task("t_maze")
SMALL = FunConfig(size=6, embedding=4, horizon=3, dilation=3, alpha=0.3)
FLAT = dataclasses.replace(SMALL, flat=True)
END_TO_END = dataclasses.replace(SMALL, manager_loss="end_to_end")
CONFIGS = pytest.mark.parametrize("config", [SMALL, END_TO_END, FLAT], ids=["fun", "end_to_end", "flat"])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make_lived(config, lengths=(7, 4, 5), seed=0, terminated=(True, False, True)):
    rng, steps, many = np.random.default_rng(seed), max(lengths), len(lengths)
    size = 0 if config.flat else config.size
    return Lived(
        inputs=rng.normal(size=(steps + 1, many, seen(TASK, config))).astype(np.float32),
        directions=np.zeros((steps, many, size), np.float32),
        actions=rng.integers(4, size=(steps, many)),
        rewards=rng.normal(size=(steps, many)).astype(np.float32),
        lengths=np.array(lengths),
        terminated=np.array(terminated),
    )


def gradients(agent, loss):
    agent.network.zero_grad(set_to_none=True)
    loss.backward()
    return {n: p.grad.clone() for n, p in agent.network.named_parameters() if p.grad is not None}


@given(dilation=st.integers(1, 5), steps=st.integers(1, 13))
@settings(max_examples=25, deadline=None)
def test_a_whole_sequence_is_its_steps_and_only_the_group_of_a_step_changes(dilation, steps):
    """Law 4-1: group i changes only at t mod r = i; the output is the sum of all."""
    lstm = DilatedLSTM(3, 4, dilation, generator())
    inputs = torch.randn(steps, 2, 3, generator=generator(1))
    state, outputs = lstm.initial(2), []
    for t, row in enumerate(inputs):
        after, output = lstm.advance(state, row, t)
        changed = [not torch.equal(a, b) for a, b in zip(state.hidden, after.hidden, strict=True)]
        assert changed == [group == t % dilation for group in range(dilation)]
        torch.testing.assert_close(output, after.hidden.sum(0))
        state = after
        outputs.append(output)
    torch.testing.assert_close(torch.stack(outputs), lstm(inputs), atol=1e-6, rtol=1e-5)


def test_without_dilation_it_is_an_lstm_bit_for_bit():
    """Law 4-1, second half."""
    ours = DilatedLSTM(3, 4, 1, generator())
    theirs = torch.nn.LSTM(3, 4)
    theirs.load_state_dict({f"{name.removeprefix('lstm.')}_l0": tensor for name, tensor in ours.named().items()})
    inputs = torch.randn(9, 2, 3, generator=generator(1))
    assert torch.equal(ours(inputs), theirs(inputs)[0])


def test_directions_have_length_1_and_are_pooled_over_the_horizon():
    """Law 4-2."""
    agent, lived = Fun(TASK, SMALL, 0), make_lived(SMALL)
    _, said = agent.network(torch.from_numpy(lived.inputs), torch.zeros(8, 3, 6))
    torch.testing.assert_close(said.directions.norm(dim=-1), torch.ones(8, 3), atol=1e-6, rtol=0)
    pooled = window_sums(said.followed, 3)
    torch.testing.assert_close(pooled[0], said.followed[0])
    torch.testing.assert_close(pooled[5], said.followed[3:6].sum(0))


OF_MANAGER = ("latent.", "manager.", "manager_value.")


def test_the_worker_teaches_the_manager_nothing_by_transition_pg_and_everything_end_to_end():
    """Law 4-3, first half: its gradients there are exactly 0."""
    for config, taught in ((SMALL, False), (END_TO_END, True)):
        agent, lived = Fun(TASK, config, 0), make_lived(config)
        said, _ = agent.network(torch.from_numpy(lived.inputs), torch.zeros(8, 3, 6))
        found = gradients(agent, agent.worker_loss(lived, said, lived.rewards)[0])
        own = [name for name in found if name.startswith(OF_MANAGER[:2]) and found[name].abs().max() > 0]
        assert bool(own) == taught
        assert "embedding.weight" in found


def test_the_manager_learns_by_its_directions_alone_never_by_what_they_are_compared_with():
    """Law 4-3, second half: with constant directions no gradient is left, however latent states depend on weights."""
    latent = torch.randn(8, 3, 6, requires_grad=True)
    directions = torch.randn(8, 3, 6, requires_grad=True)
    lived, counted = make_lived(SMALL), torch.ones(7, 3, dtype=torch.bool)
    transition_loss(latent, directions, torch.ones(7, 3), lived, counted, 3).backward()
    assert latent.grad is None
    assert directions.grad is not None
    assert directions.grad.abs().sum() > 0
    agent = Fun(TASK, SMALL, 0)
    _, said = agent.network(torch.from_numpy(lived.inputs), torch.zeros(8, 3, 6))
    found = gradients(agent, agent.manager_loss(lived, said)[0])
    assert set(found) == {
        name for name, _ in agent.network.named_parameters() if name.startswith((*OF_MANAGER, "perc"))
    }


def test_the_transition_loss_is_the_sum_written_out():
    lived, rng = make_lived(SMALL), np.random.default_rng(3)
    s, g, a = rng.normal(size=(8, 3, 6)), rng.normal(size=(8, 3, 6)), rng.normal(size=(7, 3))
    counted = rng.random((7, 3)) < 0.8
    terms = []
    for e, length in enumerate(lived.lengths):
        for t in range(length - 1):
            if counted[t, e]:
                moved = s[min(t + 3, length - 1), e] - s[t, e]
                cosine = moved @ g[t, e] / np.linalg.norm(moved) / np.linalg.norm(g[t, e])
                terms.append(a[t, e] * cosine)
    latent, directions, advantages = (torch.tensor(part) for part in (s, g, a))
    loss = transition_loss(latent, directions, advantages, lived, torch.tensor(counted), 3)
    assert float(loss) == pytest.approx(-np.mean(terms))


def test_phi_of_nothing_is_nothing():
    """Law 4-4: no bias, so that a worker without directions has no preference."""
    network = Fun(TASK, SMALL, 0).network
    assert isinstance(network, Feudal)
    hidden = torch.randn(2, 3, 6, generator=generator())
    assert network._choose(hidden, torch.zeros(2, 3, 6)).logits.abs().max() == 0


@given(
    arrays(np.float32, (6, 2, 3), elements=st.floats(-3, 3, width=32)),
    arrays(np.float32, (6, 2, 3), elements=st.floats(-3, 3, width=32)),
    st.integers(1, 8),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_intrinsic_reward_is_the_double_loop_and_between_the_signs_of_1(latent, followed, horizon, absolute):
    """Law 4-5."""
    expected = np.zeros((5, 2))
    for t in range(5):
        for e in range(2):
            for i in range(1, horizon + 1):
                if t + 1 - i >= 0:
                    moved, told = latent[t + 1, e] - (0 if absolute else latent[t + 1 - i, e]), followed[t + 1 - i, e]
                    # As torch guards it: each length is at least 1e-8.
                    lengths = max(np.linalg.norm(moved), 1e-8) * max(np.linalg.norm(told), 1e-8)
                    expected[t, e] += float(moved @ told) / lengths / horizon
    rewards = intrinsic_rewards(torch.from_numpy(latent), torch.from_numpy(followed), horizon, absolute)
    np.testing.assert_allclose(rewards, expected, atol=1e-4)
    assert np.abs(rewards).max() <= 1 + 1e-5


@CONFIGS
def test_what_lies_behind_the_end_of_an_episode_changes_no_gradient(config):
    """Law 4-8: neither what is written there nor how much of it there is."""
    lived, found = make_lived(config), []
    spoiled = Lived._make(np.array(part) for part in lived)
    for e, length in enumerate(lived.lengths):
        spoiled.inputs[length + 1 :, e], spoiled.directions[length:, e] = 5.0, 0.4
        spoiled.actions[length:, e], spoiled.rewards[length:, e] = 0, 100.0
    longer = side_by_side([spoiled, make_lived(config, (12,), 7, (True,))])
    shorter = side_by_side([lived, make_lived(config, (12,), 7, (True,))])
    for one, other in ((lived, spoiled), (shorter, longer)):
        agent = Fun(TASK, config, 0)
        found = [gradients(agent, agent.loss(each)[0]) for each in (one, other)]
        assert found[0].keys() == found[1].keys()
        for name in found[0]:
            torch.testing.assert_close(found[0][name], found[1][name], atol=1e-6, rtol=1e-4)


def test_returns_go_on_with_the_last_states_worth_only_where_an_episode_was_cut_off():
    """Worked out by hand: lambda 1, discount 1/2."""
    lived = make_lived(FLAT, (2, 1), terminated=(True, False))
    rewards = np.array([[1.0, 4.0], [2.0, 99.0]], np.float32)
    worth = torch.tensor([[0.5, 0.25], [8.0, 6.0], [7.0, 5.0]])
    own = returns(lived, rewards, worth, 0.5, 1.0)
    # R_1 = 2, R_0 = 1 + 2 / 2;   4 + 6 / 2.
    assert own.targets[:, 0].tolist() == [2.0, 2.0]
    assert own.targets[0, 1] == 7.0
    assert own.advantages[:, 0].tolist() == [1.5, -6.0]


def test_advantages_are_divided_by_their_deviation_but_not_by_less_than_the_floor():
    mask = torch.tensor([True, True, False])
    assert scaled(torch.tensor([1.0, 3.0, 50.0]), mask, 0.1).tolist() == [1.0, 3.0, 50.0]
    assert scaled(torch.tensor([0.01, 0.03, 0.5]), mask, 0.1).tolist() == pytest.approx([0.1, 0.3, 5.0])


def test_a_direction_that_was_issued_in_the_managers_stead_is_followed_and_does_not_teach_it():
    agent, lived = Fun(TASK, SMALL, 0), make_lived(SMALL)
    issued = torch.zeros(8, 3, 6)
    issued[2, 1, 4] = 1.0
    _, said = agent.network(torch.from_numpy(lived.inputs), issued)
    assert said.random.nonzero().tolist() == [[2, 1]]
    assert said.followed[2, 1].tolist() == issued[2, 1].tolist()
    # Its own, told again, is its own.
    _, again = agent.network(torch.from_numpy(lived.inputs), said.directions.detach())
    assert not again.random.any()


@CONFIGS
def test_what_is_lived_step_by_step_is_what_is_learned_from(config):
    """Law 4-7 in process: whole episodes, gone through again, give the probabilities by which actions were drawn."""
    config = dataclasses.replace(config, random_direction=0.3)
    envs = VectorEnv(TASK, 4, 3)
    learner = FunLearner(TASK, config, envs, 1)
    network, logits = learner.agent.network, []
    while learner._lived.running.any():
        before = learner._memory
        learner.observe(envs.step(learner.act()))
        issued = learner._memory.directions[-1]
        logits.append(network.advance(before, torch.from_numpy(learner._inputs), len(logits), issued)[1])
    lived = learner._lived.take()
    issued = torch.from_numpy(np.pad(lived.directions, ((0, 1), (0, 0), (0, 0))))
    with torch.no_grad():
        said, _ = network(torch.from_numpy(lived.inputs), issued)
    for e, length in enumerate(lived.lengths):
        torch.testing.assert_close(said.logits[:length, e], torch.stack(logits)[:length, e], atol=1e-5, rtol=1e-4)


@CONFIGS
def test_the_networks_of_a_checkpoint_say_what_those_that_learn_say(config):
    agent, lived = Fun(TASK, config, 2), make_lived(config, (9,), terminated=(True,))
    with torch.no_grad():
        said, manager = agent.network(torch.from_numpy(lived.inputs), torch.zeros(10, 1, lived.directions.shape[2]))
    kept = agent.levels()
    actors = {name: MemoryActor(level.actor, level.weights) for name, level in kept.items()}
    memories = {name: actor.initial() for name, actor in actors.items()}
    for t, row in enumerate(lived.inputs[:, 0]):
        if manager is not None:
            memories["manager"], told = actors["manager"].advance(memories["manager"], row, t)
            direction = told.said / np.linalg.norm(told.said)
            np.testing.assert_allclose(direction, manager.directions[t, 0], atol=1e-5)
            assert told.value == pytest.approx(float(manager.worth[t, 0]), abs=1e-5)
            row = np.concatenate((row, direction.astype(np.float32)))
        memories["worker"], told = actors["worker"].advance(memories["worker"], row, t)
        np.testing.assert_allclose(told.said, said.logits[t, 0], atol=1e-5)
        assert told.value == pytest.approx(float(said.worth[t, 0]), abs=1e-5)


def test_manager_and_worker_perceive_alike():
    kept = Fun(TASK, SMALL, 0).levels()
    for name in ("layers.0.weight", "layers.0.bias"):
        np.testing.assert_array_equal(kept["worker"].weights[name], kept["manager"].weights[name])


def test_the_flat_lstm_has_as_many_parameters_as_fun_and_no_unit_more_than_it_needs():
    for name in ("t_maze", "non_match", "water_maze"):
        task = load_task(name)
        feudal, flat = Fun(task, FunConfig(), 0), Fun(task, FunConfig(flat=True), 0)
        counts = [sum(p.numel() for p in agent.network.parameters()) for agent in (feudal, flat)]
        assert counts == [parameters(shapes(task, agent.config)) for agent in (feudal, flat)]
        assert counts[0] <= counts[1] < counts[0] * 1.02
    assert 75_000 < counts[0] < 85_000


def test_shipped_presets_say_what_they_are():
    assert set(PRESETS) == {"fun", "lstm"}
    assert not hierarchy(TASK, PRESETS["lstm"].agent).levels
    (level,) = hierarchy(TASK, PRESETS["fun"].agent).levels
    assert (level.kind, level.dim, level.cadence, level.horizon) == ("direction", 64, "every_step", 1)


@CONFIGS
def test_learning_may_begin_with_a_policy_whatever_its_horizon_and_dilation(tmp_path, config):
    kept = untrained(load_task("t_maze_20_repeat"), config, 5)
    save_checkpoint(kept, tmp_path / "policy")
    longer = dataclasses.replace(config, begin_with=str(tmp_path / "policy"), horizon=6, dilation=6)
    begun = Fun(load_task("t_maze_20"), longer, 0).levels()
    assert {name for level in begun for name in begun[level].weights} == {n.partition(".")[2] for n in kept.weights}
    for level, own in begun.items():
        for name, weights in own.weights.items():
            np.testing.assert_array_equal(weights, kept.weights[f"{level}.{name}"])
    with pytest.raises(HrlError, match=r"begin_with: the worker of .* has other networks than these switches make"):
        Fun(load_task("non_match"), longer, 0)


def test_episodes_of_the_same_time_are_kept_to_the_end_of_each():
    kept = EpisodesInStep(2, 4, 1, 0)
    for t, ended in enumerate(([False, False], [True, False], [False, True])):
        inputs = np.full((2, 1), t, np.float32)
        ends = np.array(ended)
        kept.add(inputs, np.zeros((2, 0), np.float32), np.array([t, t]), np.array([1.0, 2.0]), inputs + 1, ends, ends)
    assert not kept.running.any()
    lived = kept.take()
    assert lived.lengths.tolist() == [2, 3]
    assert lived.terminated.tolist() == [True, True]
    assert lived.inputs[:, 0, 0].tolist() == [0, 1, 2, 0]
    assert lived.inputs[:, 1, 0].tolist() == [0, 1, 2, 3]
    assert lived.rewards.tolist() == [[1, 2], [1, 2], [0, 2]]


def test_after_an_update_all_environments_begin_an_episode():
    envs = VectorEnv(TASK, 3, 0)
    learner = FunLearner(TASK, SMALL, envs, 0)
    updates = 0
    while updates < 3:
        learner.observe(envs.step(learner.act()))
        for update in learner.update():
            updates += 1
            assert envs.episode_steps.tolist() == [0, 0, 0]
            assert 0 <= update.metrics["success"] <= 1
            assert update.metrics["length"] >= 1
    assert (envs.states[:, :2].sum(1) == 1).all()


def test_actions_that_are_vectors_are_refused_in_words():
    with pytest.raises(TaskError, match="learns actions to choose from; those of task 'point_maze' are vectors"):
        shapes(load_task("point_maze"), SMALL)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"manager_loss": "pg"}, "manager_loss: transition_pg or end_to_end"),
        ({"horizon": 0}, "at least 1"),
        ({"random_direction": 1.5}, r"in \[0, 1\]"),
        ({"alpha": -0.1}, "at least 0"),
        ({"lr": 0.0}, "above 0"),
    ],
)
def test_switches_that_cannot_be_are_refused(change, words):
    with pytest.raises(HrlError, match=words):
        dataclasses.replace(SMALL, **change)
