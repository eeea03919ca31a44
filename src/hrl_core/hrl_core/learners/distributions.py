"""The distributions of ``networks.heads`` over batches, for gradients; equal to them by test."""

import math

import torch
from torch.distributions import Categorical, Distribution, Independent, Normal

from hrl_core.networks.actor import Actor
from hrl_core.networks.heads import LOG_STD_BOUNDS, SQUASH_MARGIN

_LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


def draw_squashed(output: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw under the head ``squashed``, reparametrised.

    Args:
        output: of the last layer, (batch, 2 action_dim): means, logarithms of standard deviations.
        generator: source of eps.

    Returns:
        a = tanh(mu + sigma eps), (batch, action_dim), and log pi(a), (batch,).
    """
    mean, log_std = output.chunk(2, dim=1)
    log_std = log_std.clamp(*LOG_STD_BOUNDS)
    noise = torch.empty(mean.shape).normal_(generator=generator).to(mean.device)
    actions = torch.tanh(mean + log_std.exp() * noise)
    density = -0.5 * noise.square() - log_std - _LOG_ROOT_2_PI - torch.log(1 - actions.square() + SQUASH_MARGIN)
    return actions, density.sum(1)


def distribution(actor: Actor, inputs: torch.Tensor) -> Distribution:
    """What a stochastic actor draws from at inputs (batch, input_dim): choices, or vectors in half-ranges."""
    output = actor(inputs)
    if actor.config.head == "categorical":
        # Arguments are not looked at again: that takes as long as the rest.
        return Categorical(logits=output, validate_args=False)
    normal = Normal(output, actor.log_std.exp().expand_as(output), validate_args=False)
    return Independent(normal, 1, validate_args=False)


def as_drawn(actor: Actor, actions: torch.Tensor) -> torch.Tensor:
    """Actions (batch, action_dim) of a task as ``distribution`` has them: numbers (batch,), or in half-ranges."""
    if actor.config.head == "categorical":
        return actions[:, 0]
    return (actions - actor.centre) / actor.half_range
