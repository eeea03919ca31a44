"""Laws of the on-policy learner: advantages, ratios, and each way a policy moves, against numbers worked out apart."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.errors import HrlError
from hrl_core.learners.advantages import gae
from hrl_core.learners.distributions import distribution
from hrl_core.learners.natural_gradient import conjugate_gradient, natural_step
from hrl_core.learners.on_policy import Lessons, OnPolicy, Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.networks.actor_config import ActorConfig

VECTORS = ActorConfig(3, (8, 8), (-1.0, -2.0), (1.0, 2.0), head="gaussian", activation="tanh")
CHOICES = ActorConfig(3, (8, 8), (0.0,) * 3, (1.0,) * 3, head="categorical", activation="tanh")
VALUES = ActorConfig(3, (8, 8), (0.0,), (1.0,), head="values", activation="tanh")
ONCE = OnPolicyConfig(epochs=1, batch_size=0, lr=1e-3)


def make(config=ONCE, shape=VECTORS, seed=0):
    learner = OnPolicy(config, shape, VALUES, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        learner.actor.linears[-1].weight.mul_(50)
    return learner


def lived(shape=VECTORS, rows=40, seed=1):
    rng = np.random.default_rng(seed)
    actions = rng.integers(3, size=(rows, 1)) if shape is CHOICES else rng.normal(size=(rows, 2))
    return Rollout(
        inputs=rng.normal(size=(rows, 3)).astype(np.float32),
        actions=actions.astype(np.float32),
        rewards=rng.normal(size=rows).astype(np.float32),
        next_inputs=rng.normal(size=(rows, 3)).astype(np.float32),
        terminal=np.arange(rows) == 15,
        boundary=np.isin(np.arange(rows), (15, 30, rows - 1)),
    )


def probabilities(learner, inputs):
    """Of each choice, (batch, choices)."""
    return torch.softmax(learner.actor(inputs), 1).detach()


@st.composite
def courses(draw):
    n = draw(st.integers(1, 12))
    numbers = st.lists(st.floats(-10, 10), min_size=n, max_size=n)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    rewards, values, next_values = (np.array(draw(numbers), np.float32) for _ in range(3))
    return rewards, values, next_values, np.array(draw(flags)), np.array(draw(flags))


def brute_force(rewards, values, next_values, terminal, boundary, discount, gae_lambda):
    """The sum of discounted one-step errors up to the end of the stretch, term by term."""
    n, told = len(rewards), []
    for start in range(n):
        total, weight = 0.0, 1.0
        for t in range(start, n):
            total += weight * (rewards[t] + discount * (0 if terminal[t] else next_values[t]) - values[t])
            if terminal[t] or boundary[t]:
                break
            weight *= discount * gae_lambda
        told.append(total)
    return np.array(told)


@given(courses(), st.floats(0, 1), st.floats(0, 1))
def test_advantages_are_the_sum_that_defines_them(course, discount, gae_lambda):
    expected = brute_force(*course, discount=discount, gae_lambda=gae_lambda)
    np.testing.assert_allclose(gae(*course, discount=discount, gae_lambda=gae_lambda), expected, rtol=1e-4, atol=1e-3)


@given(courses())
def test_lambda_1_is_monte_carlo_and_lambda_0_one_step(course):
    rewards, values, next_values, terminal, boundary = course
    # Within a stretch the next state is the one of the next row.
    goes_on = ~(terminal | boundary)[:-1]
    next_values[:-1][goes_on] = values[1:][goes_on]
    one_step = rewards + 0.9 * np.where(terminal, 0, next_values) - values
    np.testing.assert_allclose(gae(*course, discount=0.9, gae_lambda=0.0), one_step, rtol=1e-5, atol=1e-5)
    returns, later = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        ends = terminal[t] or boundary[t] or t == len(rewards) - 1
        later = rewards[t] + 0.9 * ((0 if terminal[t] else next_values[t]) if ends else later)
        returns[t] = later
    np.testing.assert_allclose(gae(*course, discount=0.9, gae_lambda=1.0), returns - values, rtol=1e-4, atol=1e-3)


def ratios(learner, batch):
    """Of the probabilities by the present policy to those by the one that acted."""
    told = distribution(learner.actor, batch.inputs).log_prob(batch.drawn) - batch.log_probabilities
    return told.exp().detach()


@pytest.mark.parametrize("shape", [VECTORS, CHOICES], ids=["vectors", "choices"])
@pytest.mark.parametrize("step", ["clipped", "plain"])
def test_before_the_first_step_every_ratio_of_a_shuffled_minibatch_is_exactly_1(shape, step, monkeypatch):
    learner, rollout, seen = make(dataclasses.replace(ONCE, step=step, batch_size=16), shape), lived(shape), []
    take_step = learner._step

    def looked_at(batch):
        seen.append((batch.inputs, ratios(learner, batch)))
        return take_step(batch)

    monkeypatch.setattr(learner, "_step", looked_at)
    learner.update(rollout)
    assert [len(rows) for rows, _ in seen] == [16, 16, 8]
    (first, before), (_, after), _ = seen
    assert not torch.equal(first, torch.from_numpy(rollout.inputs[:16])), "it is not shuffled"
    assert torch.all(before == 1)
    assert not torch.any(after == 1)


@pytest.mark.parametrize("shape", [VECTORS, CHOICES], ids=["vectors", "choices"])
def test_before_a_natural_step_which_takes_all_rows_every_ratio_is_exactly_1(shape):
    learner = make(dataclasses.replace(ONCE, step="natural"), shape)
    assert torch.all(ratios(learner, learner._batch(lived(shape))) == 1)


def test_the_clipped_loss_by_hand():
    learner = make()
    log_ratio, advantages = (
        torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5, 1.1])),
        torch.tensor([2.0, -2.0, 2.0, -2.0, 1.0]),
    )
    # min(rho A, clip(rho) A): 1.2 * 2, 1.5 * -2, 0.5 * 2, 0.8 * -2, 1.1
    assert learner._policy_loss(log_ratio, advantages).item() == pytest.approx(-(2.4 - 3.0 + 1.0 - 1.6 + 1.1) / 5)


@pytest.mark.parametrize("shape", [VECTORS, CHOICES], ids=["vectors", "choices"])
def test_a_plain_step_descends_the_policy_gradient_and_the_values_error(shape):
    config = dataclasses.replace(
        ONCE, step="plain", normalise_advantages=False, gradient_norm=1e9, entropy_weight=0.1, value_weight=0.3
    )
    learner, twin, rollout = make(config, shape), make(config, shape), lived(shape)
    batch = twin._batch(rollout)
    policy = distribution(twin.actor, batch.inputs)
    loss = -(policy.log_prob(batch.drawn) * batch.advantages).mean() - 0.1 * policy.entropy().mean()
    loss = loss + 0.3 * (twin.values(batch.inputs)[:, 0] - batch.returns).square().mean()
    moved = [*twin.values.parameters(), *twin.actor.parameters()]
    adam = torch.optim.Adam(moved, 1e-3, eps=1e-5)
    loss.backward()
    adam.step()
    learner.update(rollout)
    for one, other in zip([*learner.values.parameters(), *learner.actor.parameters()], moved, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_conjugate_gradients_solve_what_they_are_given():
    matrix = torch.tensor([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 2.0]])
    b = torch.tensor([1.0, -2.0, 3.0])
    torch.testing.assert_close(conjugate_gradient(lambda v: matrix @ v, b), torch.linalg.solve(matrix, b))


def test_a_natural_step_follows_fisher_s_inverse_to_the_edge_of_the_trust_region():
    """Of a softmax over two choices in one state, whose KL divergence is known in closed form."""
    shape = ActorConfig(1, (1,), (0.0, 0.0), (1.0, 1.0), head="categorical")
    config, values = dataclasses.replace(ONCE, step="natural"), dataclasses.replace(VALUES, input_dim=1)
    learner = OnPolicy(config, shape, values, torch.Generator().manual_seed(0))
    inputs, drawn = torch.zeros(6, 1), torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    advantages = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    before = distribution(learner.actor, inputs)
    old = before.log_prob(drawn).detach()

    def gain():
        return ((distribution(learner.actor, inputs).log_prob(drawn) - old).exp() * advantages).mean()

    told = natural_step(learner.actor, inputs, gain, 0.01, damping=1e-3)
    assert 0.005 < told["kl"] <= 0.01 and told["gain"] > 0
    p, q = probabilities(learner, inputs)[0], torch.tensor([0.5, 0.5])
    assert (q * (q / p).log()).sum().item() == pytest.approx(told["kl"], rel=1e-3)
    assert p[0] > 0.5


def test_a_natural_step_never_leaves_the_trust_region():
    for seed in range(5):
        learner = make(dataclasses.replace(ONCE, step="natural", trust_region=0.02), seed=seed)
        rollout = lived(seed=seed)
        inputs = torch.from_numpy(rollout.inputs)
        before = torch.distributions.Normal(learner.actor(inputs).detach(), learner.actor.log_std.exp().detach())
        told = learner.update(rollout)
        after = torch.distributions.Normal(learner.actor(inputs), learner.actor.log_std.exp())
        kl = torch.distributions.kl_divergence(before, after).sum(1).mean()
        assert kl.item() <= 0.02 + 1e-6
        assert told["kl"] == pytest.approx(kl.item(), abs=1e-6)


@pytest.mark.parametrize("step", ["clipped", "plain", "natural"])
@pytest.mark.parametrize("shape", [VECTORS, CHOICES], ids=["vectors", "choices"])
def test_where_nothing_is_better_than_anything_else_entropy_rises_by_its_weight_alone(step, shape):
    def entropy_after(weight):
        learner = make(dataclasses.replace(ONCE, step=step, entropy_weight=weight), shape)
        rows = lived(shape)
        learner.learn(Lessons(rows.inputs, rows.actions, np.zeros(40, np.float32), np.zeros(40, np.float32)))
        return distribution(learner.actor, torch.from_numpy(rows.inputs)).entropy().mean().item()

    assert entropy_after(0.1) > entropy_after(0.0)


@pytest.mark.parametrize("step", ["clipped", "plain", "natural"])
@pytest.mark.parametrize("shape", [VECTORS, CHOICES], ids=["vectors", "choices"])
def test_each_way_learns_which_action_pays(step, shape):
    lr = 2e-2 if step == "plain" else 3e-3
    learner = make(OnPolicyConfig(step=step, epochs=1 if step == "plain" else 5, batch_size=0, lr=lr), shape)
    rng, inputs = np.random.default_rng(0), np.zeros((256, 3), np.float32)
    flags = np.ones(256, np.bool_)
    for _ in range(60):
        policy = distribution(learner.actor, torch.from_numpy(inputs))
        torch.manual_seed(int(rng.integers(1 << 30)))
        drawn = policy.sample().numpy()
        if shape is CHOICES:
            actions, rewards = drawn[:, None].astype(np.float32), (drawn == 2).astype(np.float32)
        else:
            actions = (drawn * [1.0, 2.0]).astype(np.float32)
            rewards = -np.abs(actions - [0.5, -1.0]).sum(1).astype(np.float32)
        learner.update(Rollout(inputs, actions, rewards, inputs, flags, flags))
    if shape is CHOICES:
        assert probabilities(learner, torch.zeros(1, 3))[0, 2] > 0.9
    else:
        mean = learner.actor(torch.zeros(1, 3))[0].detach().numpy() * [1.0, 2.0]
        np.testing.assert_allclose(mean, [0.5, -1.0], atol=0.35)


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop"])
@pytest.mark.parametrize("step", ["clipped", "natural"])
def test_it_goes_on_to_the_bit_where_its_state_was_taken(step, optimiser):
    config = OnPolicyConfig(step=step, optimiser=optimiser, batch_size=16)
    one, other = make(config), make(config, seed=5)
    one.update(lived())
    other.load_state_dict({name: tensor.clone() for name, tensor in one.state_dict().items()})
    for learner in (one, other):
        learner.update(lived(seed=2))
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


@pytest.mark.parametrize(
    "change", [{"step": "big"}, {"optimiser": "sgd"}, {"activation": "swish"}, {"epochs": 0}, {"clip": 0.0}, {"lr": -1}]
)
def test_impossible_switches_are_refused(change):
    with pytest.raises(HrlError, match=f"OnPolicy configuration: .*{next(iter(change))}"):
        dataclasses.replace(OnPolicyConfig(), **change)
