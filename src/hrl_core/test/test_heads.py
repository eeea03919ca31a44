"""What a network's last layer means: drawn as often as said, with the probabilities that gradients see."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from hrl_core.errors import CheckpointError
from hrl_core.learners.distributions import as_drawn, distribution, draw_squashed
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import HEADS, ActorConfig
from hrl_core.networks.fast_actor import FastActor
from hrl_core.networks.heads import make_head
from hrl_core.randomness import Purpose, step_generator

CHOICES: dict[str, Any] = dict(low=(0.0,) * 4, high=(1.0,) * 4)
VECTORS: dict[str, Any] = dict(low=(-2.0, 0.0), high=(2.0, 10.0))


def config(head, activation="relu", **change):
    limits = CHOICES if head in ("categorical", "values") else VECTORS
    return ActorConfig(3, (16, 16), head=head, activation=activation, **limits | change)


def networks(shape, seed=0):
    """The same network for gradients and for acting."""
    actor = Actor(shape, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        # Far from an untrained one, whose outputs are all alike.
        actor.linears[-1].weight.mul_(200)
        if shape.head == "gaussian":
            actor.log_std.copy_(torch.tensor([-0.7, 0.4]))
    weights = {name: tensor.numpy() for name, tensor in actor.state_dict().items()}
    return actor, FastActor(shape, weights), make_head(shape, weights)


def inputs(count):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("head", "activation"), list(itertools.product(HEADS, ("relu", "tanh"))))
def test_the_network_that_acts_is_the_one_that_learns(head, activation):
    actor, fast, _ = networks(config(head, activation))
    for x in inputs(20):
        np.testing.assert_allclose(fast(x.numpy()), actor(x[None])[0].detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("head", ["gaussian", "categorical"])
def test_log_probabilities_of_what_was_drawn_are_those_that_gradients_see(head):
    actor, fast, drawer = networks(config(head, "tanh"))
    rng = np.random.default_rng(0)
    for x in inputs(200):
        action, told = drawer.draw(fast(x.numpy()), rng)
        drawn = as_drawn(actor, torch.from_numpy(action.astype(np.float32))[None])
        assert abs(told - distribution(actor, x[None]).log_prob(drawn).item()) < 1e-4


def test_a_squashed_draw_has_the_density_of_a_transformed_gaussian():
    actor, fast, drawer = networks(config("squashed"))
    x, rng = inputs(1)[0], np.random.default_rng(0)
    output = fast(x.numpy())
    mean, std = output[:2].astype(float), np.exp(output[2:].astype(float))
    for _ in range(100):
        action, told = drawer.draw(output, rng)
        assert (np.array(VECTORS["low"]) < action).all() and (action < np.array(VECTORS["high"])).all()
        squashed = (action - np.array([0.0, 5.0])) / np.array([2.0, 5.0])
        before = torch.distributions.Normal(torch.from_numpy(mean), torch.from_numpy(std))
        transformed = torch.distributions.TransformedDistribution(before, [torch.distributions.TanhTransform()])
        assert told == pytest.approx(float(transformed.log_prob(torch.from_numpy(squashed)).sum()), abs=1e-3)
    # The batched draw says the same of its own draws.
    actions, densities = draw_squashed(actor(inputs(50)), torch.Generator().manual_seed(3))
    means, log_stds = actor(inputs(50)).chunk(2, dim=1)
    raw = torch.atanh(actions.double().clamp(-1 + 1e-9, 1 - 1e-9))
    normal = torch.distributions.Normal(means.double(), log_stds.double().exp()).log_prob(raw).sum(1)
    expected = normal - torch.log(1 - actions.double().square() + 1e-6).sum(1)
    kept = (actions.abs() < 0.999).all(1)
    torch.testing.assert_close(densities.double()[kept], expected[kept], atol=1e-2, rtol=1e-3)


def test_choices_are_drawn_as_often_as_the_softmax_says():
    """Each draw by a generator of its own, as a level draws on a graph: level by level, episode by episode."""
    drawer, logits = make_head(config("categorical"), {}), np.array([0.3, -1.2, 1.0, -3.0], np.float32)
    keys = list(itertools.product((0, 1), range(100), range(500)))
    drawn = [drawer.draw(logits, step_generator(7, Purpose.ACTION, *key))[0][0] for key in keys]
    counts = np.bincount(np.array(drawn, int), minlength=4)
    assert counts.sum() == 100_000
    expected = len(keys) * np.exp(logits) / np.exp(logits).sum()
    # 99.9 % quantile of chi-square with 3 degrees of freedom.
    assert ((counts - expected) ** 2 / expected).sum() < 16.3


def test_gaussian_numbers_are_neither_squashed_nor_clipped():
    _, fast, drawer = networks(config("gaussian"))
    output, rng = fast(inputs(1)[0].numpy()), np.random.default_rng(0)
    drawn = np.stack([drawer.draw(output, rng)[0] for _ in range(20_000)])
    half = np.array([2.0, 5.0])
    np.testing.assert_allclose(drawn.mean(0), np.array([0.0, 5.0]) + half * output, atol=0.2)
    np.testing.assert_allclose(drawn.std(0), half * np.exp([-0.7, 0.4]), rtol=0.03)
    assert (drawn[:, 1] > 10).any() and (drawn[:, 1] < 0).any()


def test_values_explore_by_any_choice_with_probability_epsilon():
    drawer, rng = make_head(config("values", random_probability=0.4), {}), np.random.default_rng(0)
    output = np.array([0.1, 3.0, -1.0, 2.0], np.float32)
    assert drawer.greedy(output) == [1.0]
    counts = np.bincount([int(drawer.draw(output, rng)[0][0]) for _ in range(20_000)], minlength=4) / 20_000
    np.testing.assert_allclose(counts, [0.1, 0.7, 0.1, 0.1], atol=0.015)


@pytest.mark.parametrize("head", HEADS)
def test_a_draw_is_a_function_of_seed_level_episode_and_step(head):
    _, fast, drawer = networks(config(head, exploration_noise=() if head != "tanh" else (0.5, 0.5)))
    output = fast(inputs(1)[0].numpy())

    def drawn(*key):
        return drawer.draw(output, step_generator(*key))[0].tolist()

    key = (3, Purpose.ACTION, 0, 5, 8)
    assert drawn(*key) == drawn(*key)
    others = [drawn(3, Purpose.ACTION, 0, 5, step) for step in range(60)]
    assert len({tuple(other) for other in others}) > 1 or head == "values"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(head="categorical", **VECTORS), "the head 'categorical' has low 0 and high 1"),
        (dict(head="sigmoid", **VECTORS), "head"),
        (dict(head="gaussian", activation="swish", **VECTORS), "activation"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    from hrl_core.typed_fields import FieldError, require_fields

    with pytest.raises((CheckpointError, FieldError), match=message):
        require_fields(ActorConfig(3, (8,), **change))
