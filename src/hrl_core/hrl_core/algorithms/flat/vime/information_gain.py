"""How much a transition tells: the nats that its step would move the distribution of the weights by (section 2.5).

Nothing of it needs the step to be made: near phi the divergence is quadratic, with a curvature H that is diagonal and
known in closed form.

phi_new = phi + lambda H^-1 grad E_q[log p(s' | s, a, theta)]
KL(q(theta; phi_new) || q(theta; phi))  ~=  lambda^2 / 2  grad^T H^-1 grad
"""

import torch
from torch.nn.functional import softplus


def divergence(mu: torch.Tensor, sigma: torch.Tensor, mu0: torch.Tensor, sigma0: torch.Tensor) -> torch.Tensor:
    """KL(N(mu, sigma^2) || N(mu0, sigma0^2)) of independent Gaussians (count,), their sum [nat], a scalar.

    sum_i log(sigma0_i / sigma_i) + (sigma_i^2 + (mu_i - mu0_i)^2) / (2 sigma0_i^2) - 1/2
    """
    return ((sigma0 / sigma).log() + (sigma**2 + (mu - mu0) ** 2) / (2 * sigma0**2) - 0.5).sum()


def curvature(rho: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Diagonal of the divergence's second derivatives at phi itself, along mu and along rho, (count,) both.

    d^2 KL / d mu^2  = 1 / sigma^2
    d^2 KL / d rho^2 = 2 (d sigma / d rho)^2 / sigma^2,     d sigma / d rho = 1 / (1 + exp -rho)
    """
    along_mu = softplus(rho) ** -2
    return along_mu, 2 * torch.sigmoid(rho) ** 2 * along_mu


def information_gain(g_mu: torch.Tensor, g_rho: torch.Tensor, rho: torch.Tensor, step: float) -> torch.Tensor:
    """The gain of transitions [nat], (rows,), from gradients of their log-likelihood.

    Args:
        g_mu: along mu, (rows, count).
        g_rho: along rho, (rows, count).
        rho: of the distribution, (count,).
        step: lambda.
    """
    h_mu, h_rho = curvature(rho)
    return step**2 / 2 * ((g_mu**2 / h_mu).sum(dim=1) + (g_rho**2 / h_rho).sum(dim=1))
