"""What perceptrons begin with, drawn alike for the learner to read and for the fast one."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from hrl_core.learners.dense import DenseStack
from hrl_core.networks.initial_weights import draw_weights

SIZES = (16, 400, 900, 2)


def twins(small_output: bool) -> list[list[nn.Linear]]:
    both = [[nn.Linear(n, m) for n, m in pairwise(SIZES)] for _ in range(2)]
    draw_weights(both, torch.Generator().manual_seed(0), small_output)
    return both


@pytest.mark.parametrize(("small_output", "last"), [(True, 0.003), (False, 1 / 30)])
def test_bounds_are_those_of_the_papers(small_output: bool, last: float):
    for layers in twins(small_output):
        # Of so many, the largest comes within a tenth of the bound: 1/sqrt(16), 1/sqrt(400), then the output's.
        for layer, bound in zip(layers, (0.25, 0.05, last), strict=True):
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert (layer.bias == 0).all() if small_output else 0 < layer.bias.abs().max() <= bound


@pytest.mark.parametrize("small_output", [True, False])
def test_the_stack_draws_the_same_numbers(small_output: bool):
    stack = DenseStack(
        SIZES[0], SIZES[1:-1], SIZES[-1], 2, 0, False, torch.Generator().manual_seed(0), small_output=small_output
    )
    for copy, layers in enumerate(twins(small_output)):
        for layer, weights, biases in zip(layers, stack.weights, stack.biases, strict=True):
            assert torch.equal(layer.weight, weights[copy])
            assert torch.equal(layer.bias, biases[copy, 0])


def test_twins_are_not_alike():
    one, other = twins(small_output=True)
    assert not any(torch.equal(mine.weight, yours.weight) for mine, yours in zip(one, other, strict=True))
