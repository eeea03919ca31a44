"""A model of how the world moves whose weights are known by a distribution (section 2.5).

q(theta; phi) = prod_i N(theta_i; mu_i, sigma_i^2),     sigma_i = log(1 + exp rho_i),     phi = (mu, rho)
"""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import softplus

from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.flat.vime.information_gain import divergence


class BayesianNetwork(nn.Module):
    """One hidden layer of rectified linear units; all weights theta in one vector of ``count`` numbers.

    f(x; theta) = W2 h + b2,     h = max(0, W1 x + b1)
    """

    def __init__(self, inputs: int, outputs: int, config: VimeConfig, generator: torch.Generator) -> None:
        """Begin as wide as the prior, around weights that are drawn from ``generator``."""
        super().__init__()
        self._config, sizes = config, (inputs, config.hidden, outputs)
        self._shapes = [shape for n, m in pairwise(sizes) for shape in ((m, n), (m, 1))]
        drawn = [
            torch.randn(m, n, generator=generator) / n**0.5 * (i % 2 == 0) for i, (m, n) in enumerate(self._shapes)
        ]
        self.mu = nn.Parameter(torch.cat([part.flatten() for part in drawn]))
        self.rho = nn.Parameter(torch.full_like(self.mu, math.log(math.expm1(config.prior_std))))

    @property
    def sigma(self) -> torch.Tensor:
        """Standard deviation of each weight, (count,)."""
        return softplus(self.rho)

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """Standard normal numbers eps for ``samples`` draws of the weights, (samples, count)."""
        return torch.randn(self._config.samples, len(self.mu), generator=generator)

    def weights(self, eps: torch.Tensor) -> torch.Tensor:
        """The draws theta = mu + sigma eps, (samples, count)."""
        return self.mu + self.sigma * eps

    def predict(self, weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """What each of some weights (samples, count) says of inputs (rows, inputs): (samples, rows, outputs)."""
        _, _, w2, b2 = self._layers(weights)
        return self._hidden(weights, inputs) @ w2.mT + b2.mT

    def log_likelihood(self, weights: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Log p(y | x, theta) = -|y - f(x; theta)|^2 / (2 s^2) up to a constant, (samples, rows)."""
        return -((targets - self.predict(weights, inputs)) ** 2).sum(dim=2) / (2 * self._config.noise_std**2)

    def loss(self, inputs: torch.Tensor, targets: torch.Tensor, seen: int, eps: torch.Tensor) -> torch.Tensor:
        """Minus the variational lower bound of a transition (section 2.3), a scalar.

        L(phi) = KL(q(theta; phi) || p(theta)) / N - E_q[log p(y | x, theta)]

        Args:
            inputs: x of a minibatch, (rows, inputs).
            targets: y, (rows, outputs).
            seen: N, transitions seen in all.
            eps: as ``draw`` gives them.
        """
        likely = self.log_likelihood(self.weights(eps), inputs, targets).mean()
        prior_std = torch.full_like(self.mu, self._config.prior_std)
        return divergence(self.mu, self.sigma, torch.zeros_like(self.mu), prior_std) / seen - likely

    @torch.no_grad()
    def gradients(
        self, inputs: torch.Tensor, targets: torch.Tensor, eps: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradients of E_q[log p(y | x, theta)] along mu and rho, for each row apart: (rows, count) both.

        theta = mu + sigma eps,   d theta / d mu = 1,   d theta / d rho = eps d sigma / d rho = eps / (1 + exp -rho)

        Args:
            inputs: x, (rows, inputs).
            targets: y, (rows, outputs).
            eps: draws that all rows share.
        """
        along_theta = self._along_theta(self.weights(eps), inputs, targets)
        along_rho = (along_theta * eps[:, None]).mean(dim=0) * torch.sigmoid(self.rho)
        return along_theta.mean(dim=0), along_rho

    def _along_theta(self, weights: torch.Tensor, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Gradients of log p(y | x, theta) along theta, for each draw and row apart: (samples, rows, count).

        d / d f  = (y - f) / s^2 = e          d / d b2 = e       d / d W2 = e h^T
        d / d h  = W2^T e where h > 0 = k     d / d b1 = k       d / d W1 = k x^T
        """
        hidden, w2 = self._hidden(weights, inputs), self._layers(weights)[2]
        error = (targets - self.predict(weights, inputs)) / self._config.noise_std**2
        behind = (error @ w2) * (hidden > 0)
        first, second = behind[..., None] * inputs[:, None], error[..., None] * hidden[..., None, :]
        return torch.cat((first.flatten(2), behind, second.flatten(2), error), dim=2)

    def _hidden(self, weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """The hidden layer's units h, (samples, rows, hidden)."""
        w1, b1, _, _ = self._layers(weights)
        return torch.relu(inputs @ w1.mT + b1.mT)

    def _layers(self, weights: torch.Tensor) -> list[torch.Tensor]:
        """W1, b1, W2, b2 of weights (samples, count), (samples, m, n) each."""
        parts = weights.split([math.prod(shape) for shape in self._shapes], dim=1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self._shapes, strict=True)]
