"""Laws of TD3: hand-computed targets, equality with plain modules, determinism, exact continuation."""

import dataclasses

import pytest
import torch

from hrl_core.algorithms.hiro.actor_shapes import worker_actor_config
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import GoalSpace, hierarchy_of
from hrl_core.learners.making import make_level
from hrl_core.learners.td3 import TD3, Critic
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.fast_actor import FastActor
from hrl_core.task.text import load_task

PAPER = TD3Config()
BOUNDED = TD3Config(
    hidden=(32, 32, 32),
    noise_in_range=True,
    normalise_actions=True,
    pre_tanh_penalty=1e-2,
    reward_bounds=(-1.0, 1.0),
    action_twice=False,
)
CLONING = dataclasses.replace(BOUNDED, bc_alpha=2.5)
RELEASED = dataclasses.replace(BOUNDED, clip_target_actions=True, small_output=False)
"""Beginning, and clipping, as TD3's released code."""


def _actor(config: TD3Config, masked: tuple[int, ...] = (0, 1)) -> ActorConfig:
    return ActorConfig(12, config.hidden, (-30.0,) * 3, (30.0,) * 3, masked=masked)


def _batch(seed: int, size: int = 32) -> TransitionBatch:
    g = torch.Generator().manual_seed(seed)
    return TransitionBatch(
        torch.randn(size, 12, generator=g),
        10 * torch.randn(size, 3, generator=g),
        torch.randn(size, generator=g),
        torch.full((size,), 0.99),
        torch.randn(size, 12, generator=g),
        (torch.rand(size, generator=g) < 0.7).float(),
    )


def _agent(config: TD3Config = PAPER, seed: int = 0) -> FastTD3:
    return FastTD3(config, _actor(config), torch.Generator().manual_seed(seed))


TURNED = dataclasses.replace(PAPER, noise_in_range=True, average_tau=0.1, reward_bounds=(-2.0, 2.0))


def _copies(config: TD3Config) -> tuple[FastTD3, TD3]:
    """The fast and the plain one, from the same generator."""
    task = load_task("ant_maze")
    ant = GoalSpace(task, hierarchy_of(task, "smallest").levels[0])
    actor = _actor(config)
    if config is TURNED:
        agent = HiroConfig(worker=config, scale_inputs=True, four_fold_symmetry=True)
        actor = worker_actor_config(ant, agent)
    fast, plain = (
        make_level(dataclasses.replace(config, fast=is_fast), actor, torch.Generator().manual_seed(0))
        for is_fast in (True, False)
    )
    assert isinstance(fast, FastTD3)
    assert isinstance(plain, TD3)
    return fast, plain


def _ant_batch(seed: int, actor: ActorConfig) -> TransitionBatch:
    if actor.input_dim == 12:
        return _batch(seed)
    g = torch.Generator().manual_seed(seed)
    inputs, next_inputs = torch.randn(2, 32, actor.input_dim, generator=g)
    actions = 10 * torch.randn(32, actor.output_dim, generator=g)
    return TransitionBatch(
        inputs, actions, torch.randn(32, generator=g), torch.full((32,), 0.99), next_inputs, torch.ones(32)
    )


@pytest.mark.parametrize(
    "config", [PAPER, BOUNDED, CLONING, dataclasses.replace(PAPER, bc_alpha=0.5), TURNED, RELEASED]
)
@pytest.mark.parametrize("together", [1, 5])
def test_fast_updates_equal_plain_ones_from_the_first_weights_on(config: TD3Config, together: int) -> None:
    """However many updates are drawn together, in step with the policy delay or not; figures too."""
    fast, plain = _copies(config)
    for learner in (fast, plain):
        learner.action_penalty = lambda inputs, actions: 1e-4 * actions * inputs[:, :1].abs()
    for first in range(0, 15, together):
        batches = [_ant_batch(seed, fast.actor_config) for seed in range(first, first + together)]
        whole = TransitionBatch(*map(torch.cat, zip(*batches, strict=True)))
        figures = zip(fast.update_many(whole, together), plain.update_many(whole, together), strict=True)
        for ours, theirs in figures:
            assert ours == pytest.approx(theirs, abs=1e-4, rel=1e-3)
    for learner, twin in ((fast, plain), (plain, fast)):
        for name, weight in learner.actor_weights().items():
            torch.testing.assert_close(weight, twin.actor_weights()[name], atol=1e-5, rtol=0)
    for ours, theirs in ((fast.critics, plain.critics), (fast.target_critics, plain.target_critics)):
        for k, critic in enumerate(theirs):
            assert isinstance(critic, Critic)
            for weights, biases, layer in zip(ours.weights, ours.biases, critic.linears, strict=True):
                torch.testing.assert_close(weights[k], layer.weight.detach(), atol=1e-5, rtol=0)
                torch.testing.assert_close(biases[k, 0], layer.bias.detach(), atol=1e-5, rtol=0)
    inputs = _ant_batch(99, fast.actor_config).inputs
    torch.testing.assert_close(fast.act(inputs), plain.act(inputs), atol=1e-3, rtol=1e-3)


def test_padding_stays_out_of_the_network() -> None:
    agent = _agent()
    for seed in range(6):
        agent.update(_batch(seed))
    assert agent.actor.matrices[1].shape[2] > agent.actor.fan_in[1] + 1
    for stack in (agent.actor, agent.critics, agent.target_critics):
        for matrix, fan_in in zip(stack.matrices, stack.fan_in, strict=True):
            assert not matrix[:, :, fan_in + 1 :].any()


@pytest.mark.parametrize("rows", [1, 20, 256, 300])
def test_acting_in_blocks_equals_plain_modules(rows: int) -> None:
    agent = _agent()
    inputs = _batch(0, rows).inputs
    module = Actor(agent.actor_config)
    module.load_state_dict(agent.actor_weights())
    torch.testing.assert_close(agent.act(inputs), module(inputs).detach(), atol=1e-4, rtol=1e-4)


def _constant_values(agent: FastTD3, first: float, second: float) -> None:
    """Make the target critics answer constants."""
    agent.target_critics.flat.zero_()
    agent.target_critics.biases[-1].copy_(torch.tensor([first, second]).view(2, 1, 1))


def test_target_bootstraps_the_smaller_value_unless_terminated() -> None:
    agent = _agent()
    _constant_values(agent, 5.0, 3.0)
    batch = _batch(0, 2)._replace(rewards=torch.tensor([1.0, 2.0]), discounts=torch.tensor([0.99, 0.0]))
    torch.testing.assert_close(agent.targets(batch), torch.tensor([1.0 + 0.99 * 3.0, 2.0]))


def test_targets_are_clipped_to_what_bounded_rewards_allow() -> None:
    agent = _agent(BOUNDED)
    _constant_values(agent, 500.0, 400.0)
    batch = _batch(0, 4)
    torch.testing.assert_close(agent.targets(batch), torch.full((4,), 1.0 / (1 - 0.99)))


@pytest.mark.parametrize("clipped", [False, True])
def test_noisy_target_action_may_leave_the_range_unless_it_is_clipped(clipped: bool) -> None:
    """HIRO does not clip it; a critic that reads out the action sees values beyond the limit."""
    config = TD3Config(
        hidden=(1,), target_noise=10.0, target_noise_clip=0.5, action_twice=False, clip_target_actions=clipped
    )
    agent = FastTD3(config, _actor(config), torch.Generator().manual_seed(0))
    agent.target_actor.flat.zero_()
    agent.target_actor.biases[-1].fill_(50.0)
    agent.target_critics.flat.zero_()
    agent.target_critics.weights[0][:, 0, -1] = 1.0
    agent.target_critics.weights[1][:] = 1.0
    batch = _batch(0, 64)._replace(rewards=torch.zeros(64), discounts=torch.ones(64))
    targets = agent.targets(batch)
    assert targets.max() == pytest.approx(30.0 if clipped else 30.5)
    assert targets.min() == pytest.approx(29.5)


def test_masked_inputs_reach_neither_actor_nor_critics() -> None:
    agent = _agent()
    for seed in range(4):
        agent.update(_batch(seed))
    batch = _batch(9)
    moved = batch.inputs.clone()
    moved[:, :2] += 100.0
    assert torch.equal(agent.act(moved), agent.act(batch.inputs))
    assert torch.equal(agent.values(moved, batch.actions), agent.values(batch.inputs, batch.actions))
    assert not torch.equal(agent.values(batch.inputs + 1, batch.actions), agent.values(batch.inputs, batch.actions))


def test_soft_update_moves_targets_by_tau_on_every_second_update() -> None:
    agent = _agent()
    before = agent.target_critics.flat.clone()
    agent.update(_batch(0))
    assert torch.equal(agent.target_critics.flat, before)
    actor = agent.actor.flat.clone()
    agent.update(_batch(1))
    assert not torch.equal(agent.actor.flat, actor)
    torch.testing.assert_close(agent.target_critics.flat, torch.lerp(before, agent.critics.flat, 0.005))


def test_average_actor_is_a_running_mean_that_changes_nothing_else() -> None:
    plain, averaging = _agent(), _agent(dataclasses.replace(PAPER, average_tau=1e-3))
    actors = []
    for seed in range(8):
        for agent in (plain, averaging):
            agent.update(_batch(seed))
        actors.append(averaging.actor.flat.clone())
    assert torch.equal(plain.actor.flat, averaging.actor.flat)
    torch.testing.assert_close(averaging.average_actor.flat, torch.stack(actors[1::2]).mean(0))
    weight = averaging.actor_weights()["layers.1.weight"]
    assert torch.equal(weight, averaging.average_actor.weights[1][0])
    assert not torch.equal(weight, averaging.actor.weights[1][0])
    assert torch.equal(plain.actor_weights()["layers.1.weight"], plain.actor.weights[1][0])


def test_same_seed_same_weights_other_seed_other_weights() -> None:
    agents = [_agent(seed=s) for s in (3, 3, 4)]
    for agent in agents:
        for seed in range(5):
            agent.update(_batch(seed))
    same, again, other = (agent.actor.flat for agent in agents)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("updates", [0, 1, 5])
def test_a_restored_level_goes_on_exactly(fast: bool, updates: int) -> None:
    config = dataclasses.replace(PAPER, fast=fast, average_tau=0.1)
    level, restored = (make_level(config, _actor(config), torch.Generator().manual_seed(seed)) for seed in (0, 99))
    for seed in range(updates):
        level.update_many(_batch(seed), 1)
    restored.load_state_dict({name: tensor.clone() for name, tensor in level.state_dict().items()})
    for seed in range(5, 9):
        level.update_many(_batch(seed), 1)
        restored.update_many(_batch(seed), 1)
    ours, theirs = level.state_dict(), restored.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_exported_weights_act_like_the_agent() -> None:
    agent = _agent(BOUNDED)
    for seed in range(6):
        agent.update(_batch(seed))
    inputs = _batch(0).inputs
    fast = FastActor(agent.actor_config, {name: tensor.numpy() for name, tensor in agent.actor_weights().items()})
    for row, action in zip(inputs.numpy(), agent.act(inputs).numpy(), strict=True):
        assert fast(row) == pytest.approx(action, abs=1e-4)


def test_learns_to_act_on_a_one_step_task() -> None:
    """Reward -(a - 10 s)^2 / 100: the actor must learn a = 10 s."""
    config = TD3Config(hidden=(32, 32), actor_lr=1e-3, action_twice=False, normalise_actions=True, batch_size=64)
    agent = FastTD3(config, ActorConfig(1, (32, 32), (-30.0,), (30.0,)), torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(1)
    for _ in range(1500):
        s = torch.rand(64, 1, generator=g) * 2 - 1
        a = torch.rand(64, 1, generator=g) * 60 - 30
        agent.update(TransitionBatch(s, a, -((a - 10 * s)[:, 0] ** 2) / 100, torch.zeros(64), s))
    s = torch.linspace(-1, 1, 9)[:, None]
    assert (agent.act(s) - 10 * s).abs().max() < 4.0


def test_impossible_configuration_is_refused() -> None:
    with pytest.raises(HrlError, match="discount"):
        TD3Config(discount=1.0)
    with pytest.raises(HrlError, match="reward_bounds"):
        TD3Config(reward_bounds=(1.0, -1.0))


def test_an_actor_that_only_clones_ends_at_the_recorded_actions_that_were_meant() -> None:
    """With hardly any weight on values; what was not meant for its goal leaves no trace."""
    config = dataclasses.replace(BOUNDED, bc_alpha=1e-6, actor_lr=1e-2, pre_tanh_penalty=0.0, policy_delay=1)
    agent, batch = _agent(config), _batch(0, 64)
    inputs = batch.inputs.clone()
    inputs[32:] = inputs[:32]
    actions = torch.cat((torch.full((32, 3), 12.0), torch.full((32, 3), -12.0)))
    meant = torch.cat((torch.ones(32), torch.zeros(32)))
    for _ in range(400):
        agent.update(batch._replace(inputs=inputs, actions=actions, meant=meant))
    torch.testing.assert_close(agent.act(inputs), torch.full((64, 3), 12.0), atol=1.0, rtol=0.0)


def test_cloning_does_not_depend_on_the_scale_of_the_values() -> None:
    """The weight of the values is divided by their mean size: a critic ten times as large asks for the same."""
    batch, weights = _batch(0), []
    for factor in (1.0, 10.0):
        agent = _agent(dataclasses.replace(CLONING, critic_lr=1e-12, policy_delay=1))
        agent.critics.weights[-1].mul_(factor)
        agent.critics.biases[-1].mul_(factor)
        agent.update(batch)
        weights.append(agent.actor.flat.clone())
    torch.testing.assert_close(weights[0], weights[1], atol=1e-6, rtol=1e-4)


def test_without_cloning_it_does_not_matter_what_was_meant() -> None:
    agents = []
    for meant in (None, torch.zeros(32)):
        agent = _agent()
        for seed in range(4):
            agent.update(_batch(seed)._replace(meant=meant))
        agents.append(agent.actor.flat)
    assert torch.equal(*agents)
