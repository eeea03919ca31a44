"""Adjacency penalty of HRAC (arXiv 2006.11485): keep subgoals within what the worker reaches in k steps.

A small network embeds positions so that those seen within k steps of each other lie within a margin and all
others beyond it. The manager's actor pays for subgoals whose target lies beyond the margin. Figures are
HRAC's; deviation: pairs are drawn from all stored episodes in balanced batches, not
enumerated: of many cells (all positions of the ant have some 9,000 after 30,000 steps) a
table of pairs fills the memory.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hrl_core.replay.episode_store import EpisodeStore

HIDDEN, EMBEDDING, LAYERS = 128, 32, 4
MARGIN, GAP = 1.0, 0.2
"""Adjacent positions are embedded within MARGIN, others beyond MARGIN + GAP."""
LEARNING_RATE = 2e-4
BATCHES, BATCH = 1000, 256
"""Gradient steps per fit."""
CELL = 1.0
"""Grid on which positions are told apart [units of the goal space]."""


class Cells(NamedTuple):
    """Cells of the grid; of their ordered pairs only the near ones are kept, which are few."""

    centres: npt.NDArray[np.float64]
    """Shape (n, dim)."""
    codes: npt.NDArray[np.int64]
    """n * i + j of each pair (i, j) of near cells, both ways round, rising, shape (near_pairs,)."""
    far_before: npt.NDArray[np.int64]
    """How many far pairs come before each of them, shape (near_pairs,)."""

    @property
    def near_pairs(self) -> int:
        """How many pairs are near."""
        return len(self.codes)

    @property
    def far_pairs(self) -> int:
        """How many are not."""
        return len(self.centres) ** 2 - len(self.codes)

    def near(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The near pairs of these ranks in rising order, shape (batch, 2)."""
        return self._pairs(self.codes[ranks])

    def far(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The same of the far pairs: what is left where the near ones are passed over."""
        return self._pairs(ranks + np.searchsorted(self.far_before, ranks, side="right"))

    def _pairs(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.stack(np.divmod(codes, len(self.centres)), axis=1)


class AdjacencyPenalty:
    """Embedding of positions, and the penalty it puts on relative subgoals."""

    def __init__(self, positions: npt.NDArray[np.int64], reach: int, generator: torch.Generator) -> None:
        """Start unfitted.

        Args:
            positions: input elements of the manager that the subgoal is relative to.
            reach: steps within which positions count as adjacent, k.
            generator: source of weights.
        """
        self._positions, self._reach = torch.from_numpy(positions), reach
        sizes = (len(positions), *(HIDDEN,) * LAYERS, EMBEDDING)
        linears = [nn.Linear(n, m) for n, m in pairwise(sizes)]
        for linear in linears:
            nn.init.kaiming_uniform_(linear.weight, a=5**0.5, generator=generator)
            nn.init.zeros_(linear.bias)
        layers = [layer for linear in linears for layer in (linear, nn.ReLU())]
        self._network = nn.Sequential(*layers[:-1])
        self._fitted = torch.zeros(1)

    def fit(self, store: EpisodeStore, rng: np.random.Generator) -> float:
        """Learn from all stored episodes; returns the mean loss of the last tenth of the batches."""
        cells = visited_cells(store, self._positions.numpy(), self._reach)
        centres = cells.centres
        if not cells.near_pairs or not cells.far_pairs:
            return 0.0
        adam = torch.optim.Adam(self._network.parameters(), LEARNING_RATE)
        losses = []
        for _ in range(BATCHES):
            half = BATCH // 2
            near = cells.near(rng.integers(0, cells.near_pairs, half))
            pairs = np.concatenate((near, cells.far(rng.integers(0, cells.far_pairs, half))))
            spread = rng.uniform(-CELL / 2, CELL / 2, (2, BATCH, centres.shape[1]))
            a, b = (torch.from_numpy((centres[pairs[:, i]] + spread[i]).astype(np.float32)) for i in range(2))
            distance = self._distance(a, b)
            loss = torch.cat(
                ((distance[:half] - MARGIN).clamp(min=0), (MARGIN + GAP - distance[half:]).clamp(min=0))
            ).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            losses.append(float(loss.detach()))
        self._fitted.fill_(1.0)
        return float(np.mean(losses[-BATCHES // 10 :]))

    def penalty(self, inputs: torch.Tensor, subgoals: torch.Tensor) -> torch.Tensor:
        """How far beyond the margin each target is embedded, shape (batch,)."""
        here = inputs[:, self._positions]
        return (self._distance(here, here + subgoals) - MARGIN).clamp(min=0)

    def gradient(self, inputs: torch.Tensor, subgoals: torch.Tensor) -> torch.Tensor:
        """Gradient of the batch's mean penalty with respect to the subgoals, shape (batch, subgoal_dim)."""
        if not self._fitted:
            return torch.zeros_like(subgoals)
        leaf = subgoals.detach().requires_grad_()
        return torch.autograd.grad(self.penalty(inputs, leaf).mean(), leaf)[0]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Weights, and whether they were fitted."""
        return {k: v.clone() for k, v in self._network.state_dict().items()} | {"fitted": self._fitted.clone()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over weights."""
        self._fitted = state["fitted"].clone()
        self._network.load_state_dict({k: v for k, v in state.items() if k != "fitted"})

    def _distance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (self._network(a) - self._network(b)).square().sum(1).add(1e-12).sqrt()


def visited_cells(store: EpisodeStore, positions: npt.NDArray[np.int64], reach: int) -> Cells:
    """Grid cells that stored episodes visited, and which of them were seen within ``reach`` steps of each other."""
    visited = np.arange(store.states.shape[1]) <= store.lengths[:, None]
    visited[store.lengths == 0] = False
    cells = np.floor(store.states[visited][:, positions] / CELL).astype(np.int64)
    unique, index = np.unique(cells, axis=0, return_inverse=True)
    count = len(unique)
    number = np.full(visited.shape, -1)
    number[visited] = index.reshape(-1)
    # Each cell is near itself.
    codes = [np.arange(count) * (count + 1)]
    for step in range(1, reach + 1):
        before, after = number[:, :-step], number[:, step:]
        both = (before >= 0) & (after >= 0)
        one, other = before[both], after[both]
        codes.append(np.unique(np.concatenate((one * count + other, other * count + one))))
    centres = np.asarray((unique + 0.5) * CELL, dtype=np.float64)
    near = np.unique(np.concatenate(codes))
    return Cells(centres, near, near - np.arange(len(near)))
