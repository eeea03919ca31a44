"""Off-policy correction: which subgoal would have made the present worker do what the old one did?

Arxiv 1805.08296, section 3.3 and appendix C.3. Candidates are the stored subgoal, the displacement really
made, and draws around that displacement; the one under which the worker's noise-free actions come closest (in
squared error over the segment) to the actions taken replaces the stored one.

*Exact pruning*: squared errors only add up, in whatever order. The stored subgoal is scored over all steps
first; the others begin with the steps that cost it most. After a few steps the one ahead goes on to the end,
because a good complete score early lets the rest drop out as soon as their partial sums exceed it. The choice is
the one of a full search, up to the rounding of sums, at a fraction of its cost.
"""

import zlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.bags.keys import EpisodeKey
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.messages import WORKER_LEVEL
from hrl_core.randomness import Purpose, step_generator
from hrl_core.replay.episode_store import Windows

DRAW_STD = 0.5
"""Standard deviation of the drawn candidates as a share of the half-range of each element."""
GAUSSIAN_STD = 0.1
"""The same for a subgoal that is drawn in the stored one's place, without being scored."""
DETERMINISTIC = 2
"""Candidates that are not drawn: the stored subgoal and the displacement."""
LEAD = 3
"""Steps after which the candidate ahead goes on alone; 2 to 4 do about as well (docs/training_speed.md)."""
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
    space: GoalSpace, windows: Windows, subgoals: torch.Tensor, candidates: int, generator: torch.Generator
) -> torch.Tensor:
    """Candidates whose draws come from ``generator``, shape (batch, candidates, subgoal_dim)."""
    return candidates_from_noise(space, windows, subgoals, drawn_noise(subgoals, candidates, generator))


def drawn_noise(subgoals: torch.Tensor, candidates: int, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers for the drawn candidates, shape (batch, candidates - 2, subgoal_dim)."""
    return torch.randn(len(subgoals), candidates - DETERMINISTIC, subgoals.shape[1], generator=generator)


def candidate_noise(seed: int, key: EpisodeKey, step: int, count: int, size: int) -> npt.NDArray[np.float32]:
    """Standard normal numbers for the drawn candidates of one transition, shape (count, size)."""
    mixed = seed ^ key.run ^ (zlib.crc32(key.robot.encode()) << 32)
    generator = step_generator(mixed, Purpose.CANDIDATE, WORKER_LEVEL, key.episode, step)
    return generator.standard_normal((count, size)).astype(np.float32)


def candidates_from_noise(
    space: GoalSpace, windows: Windows, subgoals: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Stored subgoal, displacement, draws around it; clipped; (batch, candidates, subgoal_dim).

    Args:
        space: of the subgoals.
        windows: what the worker did.
        subgoals: the stored ones, shape (batch, subgoal_dim).
        noise: standard normal numbers for the draws, shape (batch, candidates - 2, subgoal_dim).
    """
    start = windows.positions[:, 0]
    displacement = torch.from_numpy(windows.end_positions - start)
    low, high = _as_float32(space.low), _as_float32(space.high)
    draws = displacement[:, None] + noise * (DRAW_STD * (high - low) / 2)
    return torch.cat((subgoals[:, None], displacement[:, None], draws), 1).clamp_(low, high)


def gaussian_subgoals(space: GoalSpace, windows: Windows, subgoals: torch.Tensor, noise: torch.Tensor) -> RelabelChoice:
    """A draw about the displacement really made in the place of every stored subgoal, clipped.

    A transition policy gradient takes what the worker did for a draw about what it was asked for (FuN, arXiv
    1703.01161, equation 7). Turned round, that is this relabelling: a row of HIRO's table 1.

    Args:
        space: of the subgoals.
        windows: what the worker did.
        subgoals: the stored ones, shape (batch, subgoal_dim).
        noise: as for ``candidates_from_noise``, of which the first one is used.
    """
    displacement = candidates_from_noise(space, windows, subgoals, noise[:, :0])[:, 1]
    low, high = _as_float32(space.low), _as_float32(space.high)
    drawn = displacement + noise[:, 0] * (GAUSSIAN_STD * (high - low) / 2)
    count = len(subgoals)
    return RelabelChoice(drawn.clamp_(low, high), torch.ones(count, dtype=torch.int64), torch.zeros(count))


class _Rivals(NamedTuple):
    """Candidates still in the race, each (n,)."""

    owner: torch.Tensor
    """The transition they compete for."""
    candidate: torch.Tensor
    subgoals: torch.Tensor
    """What is proposed, (n, subgoal_dim)."""
    error: torch.Tensor
    """Over the steps so far."""

    def where(self, chosen: torch.Tensor) -> "_Rivals":
        """Those chosen by a mask."""
        rows = chosen.nonzero()[:, 0]
        if len(rows) == len(chosen):
            return self
        return _Rivals(*(tensor.index_select(0, rows) for tensor in self))


def best_candidates(space: GoalSpace, windows: Windows, proposals: torch.Tensor, policy: Policy) -> RelabelChoice:
    """Score proposals (batch, candidates, subgoal_dim) with exact pruning; ties keep the lowest index."""
    batch, count, _ = proposals.shape
    scorer = _Scorer(space, windows, policy)
    best = scorer.begin_with(proposals[:, 0])
    everyone = torch.arange(batch)
    stored = _Rivals(everyone, torch.zeros_like(everyone), proposals[:, 0], best.clone())
    owner, candidate = everyone.repeat_interleave(count - 1), torch.arange(1, count).repeat(batch)
    rivals = _Rivals(owner, candidate, proposals[:, 1:].flatten(0, 1), torch.zeros(len(owner)))
    lead = min(LEAD, scorer.steps)
    rivals = _race(scorer, rivals, best, [slice(i, i + 1) for i in range(lead)])
    least = torch.full((batch,), torch.inf).scatter_reduce_(0, rivals.owner, rivals.error, "amin")
    ahead = rivals.error == least[rivals.owner]
    leaders = _race(scorer, rivals.where(ahead), best, [slice(lead, scorer.steps)])
    best.scatter_reduce_(0, leaders.owner, leaders.error, "amin")
    others = _race(scorer, rivals.where(~ahead), best, [slice(i, i + 1) for i in range(lead, scorer.steps)])
    best.scatter_reduce_(0, others.owner, others.error, "amin")
    finished = (stored, leaders, others)
    together = _Rivals(*(torch.cat(parts) for parts in zip(*finished, strict=True)))
    # Not "equal": a policy that yields NaN keeps the stored subgoal.
    winners = together.where(~(together.error > best[together.owner]))
    choice = torch.full((batch,), count).scatter_reduce_(0, winners.owner, winners.candidate, "amin")
    return RelabelChoice(proposals[everyone, choice], choice, best)


def _race(scorer: "_Scorer", rivals: _Rivals, best: torch.Tensor, spans: Iterable[slice]) -> _Rivals:
    """Add the errors of spans of steps; whose sum exceeds the best complete score (batch,) drops out after a span."""
    for steps in spans:
        if not len(rivals.owner) or steps.start == steps.stop:
            break
        error = sum(scorer.errors(rivals.owner, rivals.subgoals, steps), rivals.error)
        rivals = rivals._replace(error=error).where(error <= best.index_select(0, rivals.owner))
    return rivals


def candidate_errors(space: GoalSpace, windows: Windows, proposals: torch.Tensor, policy: Policy) -> torch.Tensor:
    """Squared action errors [half-ranges] of all proposals, none pruned, shape (batch, candidates)."""
    batch, count, size = proposals.shape
    scorer = _Scorer(space, windows, policy)
    owner, flat = torch.arange(batch).repeat_interleave(count), proposals.reshape(-1, size)
    by_step = (scorer.errors(owner, flat, slice(i, i + 1))[0] for i in range(scorer.steps))
    return sum(by_step, torch.zeros(batch * count)).reshape(batch, count)


class _Scorer:
    """Squared action errors, divided by the half-range, of candidate subgoals along stored steps."""

    def __init__(self, space: GoalSpace, windows: Windows, policy: Policy) -> None:
        self._policy = policy
        self.batch, self.steps, _ = windows.states.shape
        arrays = windows.states, windows.actions, windows.lengths, windows.positions
        states, actions, lengths, positions = map(torch.from_numpy, arrays)
        self._half_range = _as_float32((space.task.action_high - space.task.action_low) / 2)
        carried = positions[:, :1] - positions
        self._inputs = torch.cat((states, carried), 2).transpose(0, 1).contiguous()
        """(step, transition, input): state, and what carries the subgoal; the policy's input but for the subgoal."""
        self._actions = actions.transpose(0, 1).contiguous()
        counts = torch.arange(self.steps)[:, None] < lengths
        self._counts = None if counts.all() else counts.float()
        """1 where a step counts, 0 beyond a short end; None: all do."""

    def begin_with(self, subgoals: torch.Tensor) -> torch.Tensor:
        """Errors of one subgoal per transition over all steps, (batch,); from now on its worst step comes first."""
        owner = torch.arange(self.batch)
        errors, order = self.errors(owner, subgoals, slice(0, self.steps)).sort(dim=0, descending=True, stable=True)
        self._inputs, self._actions = self._inputs[order, owner], self._actions[order, owner]
        if self._counts is not None:
            self._counts = self._counts[order, owner]
        # Step by step like the candidates, so that equal errors have equal sums.
        return sum(errors, torch.zeros(self.batch))

    def errors(self, owner: torch.Tensor, subgoals: torch.Tensor, steps: slice) -> torch.Tensor:
        """Errors of subgoals (n, subgoal_dim) for transitions ``owner``, (steps, n); 0 beyond a short end."""
        inputs = self._inputs[steps].index_select(1, owner)
        inputs[:, :, -subgoals.shape[1] :] += subgoals
        predicted = self._policy(inputs.flatten(0, 1)).view(*inputs.shape[:2], -1)
        actions = self._actions[steps].index_select(1, owner)
        error = predicted.sub_(actions).div_(self._half_range).square_().sum(2)
        return error if self._counts is None else error.mul_(self._counts[steps].index_select(1, owner))


def _as_float32(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))
