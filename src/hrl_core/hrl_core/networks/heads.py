"""What the last layer of an actor network says, and how it is drawn from, one observation at a time; NumPy only.

Every draw takes its numbers from the generator in a fixed order, so that a node that is started again draws the same.
Log-probabilities are natural; those of vectors are densities in units of the half-range.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hrl_core.networks.actor_config import ActorConfig, Float32

Float64 = npt.NDArray[np.float64]
NAN = float("nan")
LOG_STD_BOUNDS = (-20.0, 2.0)
"""Of a squashed head (SAC)."""
SQUASH_MARGIN = 1e-6
"""Keeps the density of a squashed number finite at the end of its range."""
_LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


class Head(Protocol):
    """One decision from the output of a network."""

    stochastic: bool
    """Whether drawing is what it is for, so that a policy may be meant to draw outside training as well."""

    def greedy(self, output: Float32) -> Float64:
        """What is done without drawing: (..., action_dim) in raw units, or the number of a choice, (..., 1)."""
        ...

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """The same while exploring, and its log-probability; NaN where it has none."""
        ...


class Tanh:
    """Numbers in [low, high]; explores by Gaussian noise, or now and then by a uniformly random vector."""

    stochastic = False

    def __init__(self, config: ActorConfig) -> None:
        """Of a network whose outputs are already in raw units; what is tried is clipped to [low, high]."""
        self._low, self._high = np.array(config.low), np.array(config.high)
        self._sigma, self._random_probability = np.asarray(config.exploration_noise), config.random_probability

    def greedy(self, output: Float32) -> Float64:
        """The output."""
        return output.astype(np.float64)

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """clip(mu + sigma eps), eps ~ N(0, 1); in its place a uniform vector, as often as configured."""
        if self._random_probability > 0 and rng.random() < self._random_probability:
            return rng.uniform(self._low, self._high), NAN
        return np.clip(output + self._sigma * rng.standard_normal(output.shape), self._low, self._high), NAN


class Gaussian:
    """mu + sigma eps in half-ranges about the centre, neither squashed nor clipped (PPO, A2C, TRPO)."""

    stochastic = True

    def __init__(self, config: ActorConfig, weights: Mapping[str, Float32]) -> None:
        """Standard deviations are the network's ``log_std``, the same in all states."""
        self._centre, self._half_range = (part.astype(np.float64) for part in config.output_range())
        self._log_std = weights["log_std"].astype(np.float64)

    def greedy(self, output: Float32) -> Float64:
        """The mean."""
        return self._centre + self._half_range * output

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """Log p = sum_i -eps_i^2 / 2 - log sigma_i - log sqrt(2 pi)."""
        noise = rng.standard_normal(output.shape)
        value = self._centre + self._half_range * (output + np.exp(self._log_std) * noise)
        return value, float((-0.5 * noise**2 - self._log_std - _LOG_ROOT_2_PI).sum())


class Squashed:
    """tanh(mu + sigma eps), scaled to [low, high] (SAC, arXiv 1812.05905, appendix C)."""

    stochastic = True

    def __init__(self, config: ActorConfig) -> None:
        """The network says means, then logarithms of standard deviations."""
        self._centre, self._half_range = (part.astype(np.float64) for part in config.output_range())

    def greedy(self, output: Float32) -> Float64:
        """The squashed mean."""
        mean = np.split(output.astype(np.float64), 2, axis=-1)[0]
        return self._centre + self._half_range * np.tanh(mean)

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """Log p = log N(u; mu, sigma) - sum_i log(1 - tanh^2 u_i), u = mu + sigma eps."""
        mean, log_std = np.split(output.astype(np.float64), 2)
        log_std = np.clip(log_std, *LOG_STD_BOUNDS)
        noise = rng.standard_normal(mean.shape)
        squashed = np.tanh(mean + np.exp(log_std) * noise)
        density = -0.5 * noise**2 - log_std - _LOG_ROOT_2_PI - np.log(1 - squashed**2 + SQUASH_MARGIN)
        return self._centre + self._half_range * squashed, float(density.sum())


class Categorical:
    """One of several choices, by logits."""

    stochastic = True

    def greedy(self, output: Float32) -> Float64:
        """Number of the likeliest choice, (..., 1)."""
        return output.argmax(-1, keepdims=True).astype(np.float64)

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """With the probabilities softmax(logits), by one uniform number."""
        logits = output.astype(np.float64)
        weights = np.exp(logits - logits.max())
        below = weights.cumsum()
        # The product may round to the sum itself.
        number = min(int(np.searchsorted(below, rng.random() * below[-1], side="right")), len(below) - 1)
        return np.array([float(number)]), float(np.log(weights[number] / below[-1]))


class Values:
    """The choice of greatest value; explores by a uniformly random one (epsilon-greedy, DQN)."""

    stochastic = False

    def __init__(self, config: ActorConfig) -> None:
        """Epsilon is the network's ``random_probability``."""
        self._epsilon = config.random_probability

    def greedy(self, output: Float32) -> Float64:
        """Number of the best choice, (..., 1)."""
        return output.argmax(-1, keepdims=True).astype(np.float64)

    def draw(self, output: Float32, rng: np.random.Generator) -> tuple[Float64, float]:
        """The best choice, or, with probability epsilon, any."""
        if rng.random() < self._epsilon:
            return np.array([float(rng.integers(len(output)))]), NAN
        return self.greedy(output), NAN


def make_head(config: ActorConfig, weights: Mapping[str, Float32]) -> Head:
    """The head of a network; of the weights only those are looked at that belong to it (``log_std``)."""
    if config.head == "gaussian":
        return Gaussian(config, weights)
    if config.head == "squashed":
        return Squashed(config)
    if config.head == "categorical":
        return Categorical()
    return Values(config) if config.head == "values" else Tanh(config)
