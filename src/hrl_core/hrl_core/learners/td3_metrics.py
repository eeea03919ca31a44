"""Figures of TD3 updates, worked out for several updates together."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from hrl_core.learners.td3_config import SATURATED


class UpdateRecord(NamedTuple):
    """What an update leaves for its figures."""

    errors: list[torch.Tensor]
    """Of both critics, each (1, batch)."""
    targets: torch.Tensor
    """Shape (batch,)."""
    value: torch.Tensor | None = None
    """First critic's value of the actor's actions, (1, batch); None: no actor update."""
    squashed: torch.Tensor | None = None
    """Those actions between -1 and 1, (action_dim, batch)."""


def update_metrics(records: Sequence[UpdateRecord], huber_delta: float) -> list[dict[str, float]]:
    """Figures of updates, worked out together."""
    errors = torch.cat([error for record in records for error in record.errors]).view(len(records), -1)
    targets = torch.stack([record.targets for record in records]).mean(1).tolist()
    clipped = errors.clamp(-huber_delta, huber_delta)
    # The Huber loss; its derivative is the clipped error.
    losses = torch.addcmul(clipped * errors, clipped, clipped, value=-0.5).mean(1).tolist()
    means = errors.mean(1).tolist()
    metrics = [
        {"critic_loss": loss, "value": mean + target, "target": target}
        for loss, mean, target in zip(losses, means, targets, strict=True)
    ]
    values = [record.value for record in records if record.value is not None]
    squashed = [record.squashed for record in records if record.squashed is not None]
    if values:
        saturated = (torch.stack(squashed).abs() > SATURATED).flatten(1).float().mean(1).tolist()
        pairs = zip(torch.cat(values).mean(1).tolist(), saturated, strict=True)
        with_actor = (row for row, record in zip(metrics, records, strict=True) if record.value is not None)
        for row, (value, share) in zip(with_actor, pairs, strict=True):
            row |= {"actor_value": value, "saturation": share}
    return metrics
