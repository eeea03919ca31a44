"""What is rewarded, and what is descended, of whole episodes (FuN, section 3.1); pure.

Leading axes are (steps, episodes); what is behind the end of an episode is masked, so that it changes nothing.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from hrl_core.algorithms.fun.lived import Float32, Lived
from hrl_core.learners.advantages import gae


class Returns(NamedTuple):
    """Leading axes (steps, episodes)."""

    advantages: torch.Tensor
    """A = R - V."""
    targets: torch.Tensor
    """R, the lambda-return, which V is moved to."""


def going_on(lived: Lived) -> torch.Tensor:
    """Which steps are of an episode, (steps, episodes)."""
    return torch.from_numpy(np.arange(len(lived.rewards))[:, None] < lived.lengths)


def returns(lived: Lived, rewards: Float32, worth: torch.Tensor, discount: float, gae_lambda: float) -> Returns:
    """Lambda-returns; an episode that was cut off goes on with what its last state is worth.

    Args:
        lived: the episodes.
        rewards: of their steps, (steps, episodes).
        worth: V of their states, (steps + 1, episodes).
        discount: gamma.
        gae_lambda: lambda.
    """
    values = worth.detach().numpy()
    last = np.arange(len(rewards))[:, None] == lived.lengths - 1
    ends = last & lived.terminated, last
    advantages = gae(rewards, values[:-1], values[1:], *ends, discount, gae_lambda)
    return Returns(torch.from_numpy(advantages), torch.from_numpy(advantages + values[:-1]))


def intrinsic_rewards(latent: torch.Tensor, followed: torch.Tensor, horizon: int, absolute: bool = False) -> Float32:
    """Equation 8: how far the latent state has moved along the directions of the last c steps.

    r_t = 1/c sum_{i=1..c} cos(s_{t+1} - s_{t+1-i}, g_{t+1-i}),   directions before the first step count 0

    Args:
        latent: s, (steps + 1, episodes, d).
        followed: g as it was told, (steps + 1, episodes, d).
        horizon: c.
        absolute: cos(s_{t+1}, g_{t+1-i}) instead.

    Returns:
        Rewards (steps, episodes) in [-1, 1].
    """
    rewards = torch.zeros(len(latent) - 1, latent.shape[1])
    with torch.no_grad():
        for i in range(1, min(horizon, len(rewards)) + 1):
            moved = latent[i:] if absolute else latent[i:] - latent[:-i]
            rewards[i - 1 :] += cosine_similarity(moved, followed[:-i], dim=-1) / horizon
    return rewards.numpy()


def transition_loss(
    latent: torch.Tensor, directions: torch.Tensor, advantages: torch.Tensor, lived: Lived, counted: torch.Tensor,
    horizon: int, absolute: bool = False,
) -> torch.Tensor:  # fmt: skip
    """Equation 7, the transition policy gradient: directions turn to where the latent state went, if that was good.

    -mean A_t cos(s_{t+c} - s_t, g_t),   s constant, t + c at most the episode's last step, which itself is left out

    Args:
        latent: s, (steps + 1, episodes, d).
        directions: g, the manager's own, (steps + 1, episodes, d).
        advantages: A of the manager, (steps, episodes).
        lived: the episodes.
        counted: steps whose direction was the manager's, (steps, episodes).
        horizon: c.
        absolute: cos(s_{t+c}, g_t) instead.
    """
    steps, s = len(advantages), latent.detach()
    last = torch.from_numpy(lived.lengths) - 1
    now = torch.arange(steps)[:, None]
    later = torch.minimum(now + horizon, last)
    reached = s.gather(0, later[..., None].expand(-1, -1, s.shape[-1]))
    agreement = cosine_similarity(reached if absolute else reached - s[:-1], directions[:-1], dim=-1)
    return -masked_mean(advantages * agreement, counted & (now < last))


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over where ``mask`` holds; 0 where it never does."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def scaled(advantages: torch.Tensor, mask: torch.Tensor, floor: float) -> torch.Tensor:
    """Advantages over their standard deviation, or over ``floor`` where that is greater."""
    counted = advantages[mask]
    return advantages / counted.std(correction=0).clamp(min=floor)
