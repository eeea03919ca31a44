"""The gain in closed form is the divergence that the step would make."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd.functional import hessian
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import softplus

from hrl_core.algorithms.flat.vime.information_gain import curvature, divergence, information_gain

WEIGHTS = 10


def numbers(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 10_000), st.floats(-4, 2))
@settings(max_examples=30, deadline=None)
def test_the_gain_is_the_divergence_of_the_step_that_it_stands_for(seed, centre):
    mu, rho = numbers(seed, WEIGHTS), centre + 0.3 * numbers(seed + 1, WEIGHTS)
    g_mu, g_rho = numbers(seed + 2, 1, WEIGHTS), numbers(seed + 3, 1, WEIGHTS)
    # In the unit of the distribution's own width, so that a step of a hundredth is a small one.
    g_mu, g_rho = g_mu / softplus(rho), g_rho * torch.sigmoid(rho) / softplus(rho)
    (h_mu, h_rho), step = curvature(rho), 1e-2
    new_mu, new_rho = mu + step * g_mu[0] / h_mu, rho + step * g_rho[0] / h_rho
    lived = divergence(new_mu, softplus(new_rho), mu, softplus(rho))
    (told,) = information_gain(g_mu, g_rho, rho, step)
    torch.testing.assert_close(told, lived, rtol=1e-2, atol=0)


def test_the_divergence_is_that_of_torch():
    (mu, mu0), (sigma, sigma0) = numbers(0, 2, WEIGHTS), numbers(1, 2, WEIGHTS).exp()
    expected = kl_divergence(Normal(mu, sigma), Normal(mu0, sigma0)).sum()
    torch.testing.assert_close(divergence(mu, sigma, mu0, sigma0), expected)


def test_the_curvature_is_the_second_derivative_of_the_divergence_and_has_nothing_beside_its_diagonal():
    mu, rho = numbers(0, WEIGHTS), numbers(1, WEIGHTS)

    def moved(phi):
        new_mu, new_rho = phi
        return divergence(new_mu, softplus(new_rho), mu, softplus(rho))

    found = torch.as_tensor(hessian(moved, torch.stack((mu, rho)))).reshape(2 * WEIGHTS, 2 * WEIGHTS)
    torch.testing.assert_close(found, torch.diag(torch.cat(curvature(rho))))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_no_transition_takes_information_away(seed):
    gains = information_gain(numbers(seed, 5, WEIGHTS), numbers(seed + 1, 5, WEIGHTS), numbers(seed + 2, WEIGHTS), 0.1)
    assert (gains >= 0).all()
    none = information_gain(torch.zeros(1, WEIGHTS), torch.zeros(1, WEIGHTS), torch.zeros(WEIGHTS), 0.1)
    assert none.tolist() == [0]
