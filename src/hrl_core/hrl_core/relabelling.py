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


def relabel_subgoals(
    spec: TaskSpec,
    windows: Windows,
    subgoals: torch.Tensor,
    policy: Policy,
    candidates: int,
    generator: torch.Generator,
) -> RelabelChoice:
    """Choose the best of ``candidates`` relative subgoals per manager transition.

    Args:
        spec: the task.
        windows: what the worker did, c steps per transition.
        subgoals: the stored ones, shape (batch, subgoal_dim).
        policy: the present worker without noise.
        candidates: number of candidates, the stored subgoal and the displacement included.
        generator: source of the drawn candidates.
    """
    proposals = candidate_subgoals(spec, windows, subgoals, candidates, generator)
    return best_candidates(spec, windows, proposals, policy)


def candidate_subgoals(
    spec: TaskSpec, windows: Windows, subgoals: torch.Tensor, candidates: int, generator: torch.Generator
) -> torch.Tensor:
    """Stored subgoal, displacement, draws around it; clipped; (batch, candidates, subgoal_dim)."""
    start = windows.states[:, 0, spec.subgoal_indices]
    displacement = torch.from_numpy(windows.end_positions - start)
    low, high = _as_float32(spec.subgoal_low), _as_float32(spec.subgoal_high)
    noise = torch.randn(len(subgoals), candidates - 2, subgoals.shape[1], generator=generator)
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

    def whole(self, subgoals: torch.Tensor) -> torch.Tensor:
        """Error of one subgoal (batch, subgoal_dim) per transition over all its steps, shape (batch,).

        Adds up step by step like the pruned candidates, so that equal subgoals get equal errors to the bit.
        """
        rows = torch.arange(len(subgoals))
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
