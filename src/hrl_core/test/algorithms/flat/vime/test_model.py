"""The model's gradients and loss are what automatic differentiation and torch's distributions say."""

import dataclasses

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.flat.vime.information_gain import information_gain
from hrl_core.algorithms.flat.vime.model import BayesianNetwork
from hrl_core.errors import HrlError

CONFIG = VimeConfig(hidden=5, samples=3)


def draws(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model():
    return BayesianNetwork(3, 2, CONFIG, draws(0))


def rows(count, seed=1):
    numbers = torch.randn(count, 5, generator=draws(seed))
    return numbers[:, :3], numbers[:, 3:]


def test_the_likelihood_is_that_of_a_gaussian_around_the_prediction(model):
    inputs, targets = rows(4)
    weights = model.weights(model.draw(draws(2)))
    around = Normal(model.predict(weights, inputs), CONFIG.noise_std)
    expected = around.log_prob(targets) - around.log_prob(around.mean)
    torch.testing.assert_close(model.log_likelihood(weights, inputs, targets), expected.sum(dim=2))


def test_weights_say_what_a_network_of_layers_would():
    """One of two inputs, two units, one output: W1 = (1 2; 3 4), b1 = (5, 6), W2 = (7 8), b2 = 9."""
    model = BayesianNetwork(2, 1, dataclasses.replace(CONFIG, hidden=2), draws(0))
    weights = torch.tensor([[1.0, 2, 3, 4, 5, 6, 7, 8, 9]])
    assert model.predict(weights, torch.tensor([[1.0, -1.0], [-4.0, 0.0]])).tolist() == [[[7 * 4 + 8 * 5 + 9], [7 + 9]]]


def test_gradients_of_each_row_are_those_of_the_expectation_over_the_shared_draws(model):
    inputs, targets = rows(4)
    eps = model.draw(draws(2))
    g_mu, g_rho = model.gradients(inputs, targets, eps)
    for row in range(4):
        likely = model.log_likelihood(model.weights(eps), inputs[row : row + 1], targets[row : row + 1]).mean()
        expected = torch.autograd.grad(likely, (model.mu, model.rho))
        torch.testing.assert_close(g_mu[row], expected[0])
        torch.testing.assert_close(g_rho[row], expected[1])


def test_the_loss_is_minus_the_variational_bound_of_a_transition(model):
    inputs, targets = rows(4)
    eps = model.draw(draws(2))
    likely = model.log_likelihood(model.weights(eps), inputs, targets).mean()
    far = kl_divergence(Normal(model.mu, model.sigma), Normal(0.0, CONFIG.prior_std)).sum()
    torch.testing.assert_close(model.loss(inputs, targets, 50, eps), far / 50 - likely)
    torch.testing.assert_close(model.sigma.detach(), torch.full_like(model.mu, CONFIG.prior_std), rtol=1e-5, atol=0)


def test_at_given_weights_the_gain_grows_with_the_square_of_the_residual(model):
    inputs, noise = rows(1)
    eps = model.draw(draws(2))[:1]
    predicted = model.predict(model.weights(eps), inputs)[0].detach()

    def gain(residual):
        of_mu, of_rho = model.gradients(inputs, predicted + residual, eps)
        return information_gain(of_mu, of_rho, model.rho.detach(), 0.1)

    torch.testing.assert_close(gain(3 * noise), 9 * gain(noise))
    assert gain(noise) > 0
    assert gain(0 * noise) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [({"samples": 0}, "samples, .*: at least 1"), ({"noise_std": 0.0}, "noise_std, .*: above 0")],
)
def test_impossible_switches_are_refused(change, message):
    with pytest.raises(HrlError, match=message):
        dataclasses.replace(CONFIG, **change)
