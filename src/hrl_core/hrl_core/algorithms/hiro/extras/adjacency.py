"""Adjacency penalty of HRAC (arXiv 2006.11485): keep subgoals within what the worker reaches in k steps.

A small network embeds positions so that those seen within k steps of each other lie within a margin and all
others beyond it. The manager's actor pays for subgoals whose target lies beyond the margin. Figures are
HRAC's; deviation: pairs are drawn from a table of all stored episodes in balanced
batches, not enumerated.
"""

from itertools import pairwise

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
        centres, adjacent = adjacency_table(store, self._positions.numpy(), self._reach)
        near, far = np.argwhere(adjacent), np.argwhere(~adjacent)
        if not len(near) or not len(far):
            return 0.0
        adam = torch.optim.Adam(self._network.parameters(), LEARNING_RATE)
        losses = []
        for _ in range(BATCHES):
            half = BATCH // 2
            pairs = np.concatenate((near[rng.integers(0, len(near), half)], far[rng.integers(0, len(far), half)]))
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


def adjacency_table(
    store: EpisodeStore, positions: npt.NDArray[np.int64], reach: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Visited grid cells (n, dim) and which of them were seen within ``reach`` steps of each other (n, n)."""
    visited = np.arange(store.states.shape[1]) <= store.lengths[:, None]
    visited[store.lengths == 0] = False
    cells = np.floor(store.states[visited][:, positions] / CELL).astype(np.int64)
    unique, index = np.unique(cells, axis=0, return_inverse=True)
    number = np.full(visited.shape, -1)
    number[visited] = index.reshape(-1)
    adjacent = np.eye(len(unique), dtype=np.bool_)
    for step in range(1, reach + 1):
        before, after = number[:, :-step], number[:, step:]
        both = (before >= 0) & (after >= 0)
        adjacent[before[both], after[both]] = True
    centres = np.asarray((unique + 0.5) * CELL, dtype=np.float64)
    return centres, np.logical_or(adjacent, adjacent.T)
