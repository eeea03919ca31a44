"""What perceptrons begin with."""

from collections.abc import Iterable, Sequence

import torch
from torch import nn

OUTPUT_BOUND = 0.003
"""Half-range of a small output layer (DDPG, arXiv 1509.02971, section 7)."""


def initial_bound(fan_in: int, is_small: bool) -> float:
    """Half-range of the initial weights of a layer of ``fan_in`` inputs."""
    return OUTPUT_BOUND if is_small else fan_in**-0.5


def draw_weights(
    perceptrons: Iterable[Sequence[nn.Linear]], generator: torch.Generator | None, small_output: bool = True
) -> None:
    """Draw the parameters of perceptrons of one shape, layer by layer.

    Args:
        perceptrons: the layers of each.
        generator: what draws.
        small_output: whether the output layer is U(+-0.003) and biases are zero, as in DDPG; otherwise all weights and
            biases are U(+-1/sqrt(fan_in)), as PyTorch makes them. Hidden weights are that in either case.
    """
    layers = list(zip(*perceptrons, strict=True))
    for together in layers:
        bound = initial_bound(together[0].in_features, small_output and together is layers[-1])
        for layer in together:
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)
        for layer in () if small_output else together:
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
