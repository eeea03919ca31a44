"""Off-policy correction: which subgoal would have made the present worker do what the old one did?

Arxiv 1805.08296, section 3.3 and appendix C.3. Candidates are the stored subgoal, the displacement really
made, and draws around that displacement; the one under which the worker's noise-free actions come closest (in
squared error over the segment) to the actions taken replaces the stored one.

*Exact pruning*: squared errors only add up. The stored subgoal is scored over all steps first; the others
advance step by step and drop out once their partial sum exceeds the best complete score, so that the choice
is the one of a full search at a fraction of its cost.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from hrl_core.replay.episode_store import Windows
from hrl_core.task import TaskSpec

DRAW_STD = 0.5
"""Standard deviation of the drawn candidates as a share of the half-range of each element."""
DETERMINISTIC = 2
"""Candidates that are not drawn: the stored subgoal and the displacement."""
Policy = Callable[[torch.Tensor], torch.Tensor]
"""Maps (rows, observation_dim + subgoal_dim) to noise-free actions (rows, action_dim)."""


class RelabelChoice(NamedTuple):
    """The chosen subgoals."""

    subgoals: torch.Tensor
    """Shape (batch, subgoal_dim)."""
    candidate: torch.Tensor
    """Index of the choice, 0: the stored subgoal was kept, shape (batch,)."""
    error: torch.Tensor
    """Its sum of squared action errors over the segment, in units of the half-range, shape (batch,)."""


def candidate_subgoals(
    spec: TaskSpec, windows: Windows, subgoals: torch.Tensor, candidates: int, generator: torch.Generator
) -> torch.Tensor:
    """Candidates whose draws come from ``generator``, shape (batch, candidates, subgoal_dim)."""
    noise = torch.randn(len(subgoals), candidates - DETERMINISTIC, subgoals.shape[1], generator=generator)
    return candidates_from_noise(spec, windows, subgoals, noise)


def candidates_from_noise(
    spec: TaskSpec, windows: Windows, subgoals: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Stored subgoal, displacement, draws around it; clipped; (batch, candidates, subgoal_dim).

    Args:
        spec: the task.
        windows: what the worker did.
        subgoals: the stored ones, shape (batch, subgoal_dim).
        noise: standard normal numbers for the draws, shape (batch, candidates - 2, subgoal_dim).
    """
    start = windows.states[:, 0, spec.subgoal_indices]
    displacement = torch.from_numpy(windows.end_positions - start)
    low, high = _as_float32(spec.subgoal_low), _as_float32(spec.subgoal_high)
    draws = displacement[:, None] + noise * (DRAW_STD * (high - low) / 2)
    return torch.cat((subgoals[:, None], displacement[:, None], draws), 1).clamp_(low, high)


def best_candidates(spec: TaskSpec, windows: Windows, proposals: torch.Tensor, policy: Policy) -> RelabelChoice:
    """Score proposals (batch, candidates, subgoal_dim) with exact pruning; ties keep the lowest index."""
    batch, count, _ = proposals.shape
    scorer = _Scorer(spec, windows, policy)
    rows = torch.arange(batch)
    best = scorer.whole(proposals[:, 0])
    choice = torch.zeros(batch, dtype=torch.int64)
    owner, candidate = rows.repeat_interleave(count - 1), torch.arange(1, count).repeat(batch)
    error = torch.zeros(len(owner))
    for step in range(windows.states.shape[1]):
        error = error + scorer.step(owner, proposals[owner, candidate], step)
        alive = error < best[owner]
        owner, candidate, error = owner[alive], candidate[alive], error[alive]
        if not len(owner):
            break
    # Survivors beat the stored subgoal; among those of one transition the smallest error, then the lowest
    # index, wins.
    if len(owner):
        best.scatter_reduce_(0, owner, error, "amin")
        winners = error == best[owner]
        lowest = torch.full((batch,), count)
        lowest.scatter_reduce_(0, owner[winners], candidate[winners], "amin")
        choice = torch.where(lowest < count, lowest, choice)
    return RelabelChoice(proposals[rows, choice], choice, best)


def candidate_errors(spec: TaskSpec, windows: Windows, proposals: torch.Tensor, policy: Policy) -> torch.Tensor:
    """Squared action errors [half-ranges] of all proposals, none pruned, shape (batch, candidates)."""
    batch, count, size = proposals.shape
    scorer = _Scorer(spec, windows, policy)
    return scorer.whole(proposals.reshape(-1, size), torch.arange(batch).repeat_interleave(count)).reshape(batch, count)


class _Scorer:
    """Squared action errors, divided by the half-range, of candidate subgoals along stored steps."""

    def __init__(self, spec: TaskSpec, windows: Windows, policy: Policy) -> None:
        self._policy = policy
        self._states = torch.from_numpy(windows.states)
        positions = torch.from_numpy(windows.states[:, :, spec.subgoal_indices])
        self._moved = positions - positions[:, :1]
        half_range = _as_float32((spec.action_high - spec.action_low) / 2)
        self._inverse = 1 / half_range
        self._actions = torch.from_numpy(windows.actions)
        self._counts = torch.arange(windows.states.shape[1]) < torch.from_numpy(windows.lengths)[:, None]

    def whole(self, subgoals: torch.Tensor, owner: torch.Tensor | None = None) -> torch.Tensor:
        """Error of subgoals (n, subgoal_dim) for transitions ``owner`` over all their steps, shape (n,).

        Without ``owner``, one subgoal per transition. Adds up step by step like the pruned candidates, so that equal
        subgoals get equal errors to the bit.
        """
        rows = torch.arange(len(subgoals)) if owner is None else owner
        error = torch.zeros(len(subgoals))
        for step in range(self._states.shape[1]):
            error = error + self.step(rows, subgoals, step)
        return error

    def step(self, owner: torch.Tensor, subgoals: torch.Tensor, step: int) -> torch.Tensor:
        """Error at one step of subgoals (n, subgoal_dim) for transitions ``owner``; 0 beyond a short end."""
        carried = subgoals - self._moved[owner, step]
        actions = self._policy(torch.cat((self._states[owner, step], carried), 1))
        error = ((actions - self._actions[owner, step]) * self._inverse).square_().sum(1)
        return error * self._counts[owner, step]


def _as_float32(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
