"""What updates tell: means between two lines of metrics, and the guard that stops a run whose losses diverge."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from hrl_core.algorithms.protocols import Update
from hrl_core.errors import HrlError

FAILED_BATCH = "failed_batch.safetensors"
_DIVERGED = 1e6
"""A mean value of actions beyond what rewards can explain. Losses do not tell: they may be squares, or Huber's."""
_OF_CRITICS = ("critic_loss", "value", "target")


class UpdateLog:
    """Gathers the numbers of updates and steps until a line of metrics is due."""

    def __init__(self, folder: Path) -> None:
        """Begin empty; a batch that made a loss diverge is written to ``folder``."""
        self._folder = folder
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: Counter[str] = Counter()

    def note(self, level: str, numbers: Mapping[str, float]) -> None:
        """Add one of each of ``numbers``."""
        for name, value in numbers.items():
            self._sums[f"{level}/{name}"] += value
            self._counts[f"{level}/{name}"] += 1

    def learned(self, update: Update, after: str) -> None:
        """Add what an update tells.

        Args:
            update: what was made.
            after: how much had been learned by then, for people.

        Raises:
            HrlError: what its critics say is beyond reason, or a figure not finite; the batch has been written.
        """
        for name, figure in update.metrics.items():
            if not abs(figure) < (_DIVERGED if name in ("value", "target") else math.inf):
                path = self._folder / FAILED_BATCH
                save_batch(update.batch, path)
                cure = "lower critic_lr or set reward_bounds" if name in _OF_CRITICS else "lower the learning rates"
                raise HrlError(
                    f"the {update.level}'s {name.replace('_', ' ')} is {figure} after {after}: training stopped; the "
                    f"batch is in {path}, the last good state in {self._folder}; {cure}"
                )
        self.note(update.level, update.metrics)

    def means(self) -> dict[str, float]:
        """Mean of each number since the last call, under ``<level>/<name>``."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        return means

    def state_dict(self) -> dict[str, tuple[float, int]]:
        """Sum and count of each number."""
        return {name: (total, self._counts[name]) for name, total in self._sums.items()}

    def load_state_dict(self, state: Mapping[str, Sequence[float]]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._sums.clear()
        self._counts.clear()
        for name, (total, count) in state.items():
            self._sums[name], self._counts[name] = total, int(count)


def save_batch(batch: Mapping[str, torch.Tensor | None], path: Path) -> None:
    """Write a batch for a post-mortem."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Clones: some are views of one another, which such a file cannot hold.
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in batch.items() if tensor is not None}
    save_file(tensors, path)
