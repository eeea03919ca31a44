"""Off-policy correction of recorded episodes: every manager transition, all candidates, all scores.

Candidates are drawn from a generator keyed by (run, robot, episode, step), so that a transition gets the same ones
whenever and wherever it is relabelled: at sampling, by the command, or by the relabeler node.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.hiro.relabelling import (
    DETERMINISTIC,
    Policy,
    candidate_errors,
    candidate_noise,
    candidates_from_noise,
)
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.problems import Problem
from hrl_core.bags.store_filling import decisions, fill_store
from hrl_core.errors import CheckpointError
from hrl_core.hierarchy.spec import GoalSpace, LevelSpec
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex
from hrl_core.training.recordings.material import cut, whole_segments

Float32 = npt.NDArray[np.float32]
_BATCH = 256
"""Transitions scored together; the bits of a matrix product depend on its shape, hence fixed."""


class Relabelled(NamedTuple):
    """Manager transitions of recorded episodes; leading axis (transitions,)."""

    episodes: npt.NDArray[np.int64]
    """Position of the episode in the list that was given."""
    steps: npt.NDArray[np.int64]
    """Step of the episode at which the subgoal was chosen."""
    lengths: npt.NDArray[np.int64]
    """Steps it was in force."""
    original: Float32
    """Recorded subgoals, shape (transitions, subgoal_dim)."""
    chosen: Float32
    candidate: npt.NDArray[np.int64]
    """Index of the winner, 0: the original."""
    candidates: Float32
    """Shape (transitions, candidates, subgoal_dim)."""
    scores: Float32
    """Minus half the sum of squared action errors [half-ranges], shape (transitions, candidates); highest wins."""


def require_offsets(level: LevelSpec) -> None:
    """Refuse subgoals that are no offsets between states: candidates are drawn and scored as such.

    Raises:
        CheckpointError: they are of another kind, or lie in a learned goal space.
    """
    if level.kind != "relative":
        raise CheckpointError(f"the policy's subgoals are of kind '{level.kind}'; only relative ones can be relabelled")
    if level.embedded:
        raise CheckpointError("subgoals in a learned goal space are relabelled in training alone, which knows it")


def relabel_episodes(
    space: GoalSpace, episodes: Sequence[BagEpisode], policy: Policy, candidates: int = 10, seed: int = 0
) -> tuple[Relabelled, list[Problem]]:
    """Relabel every manager transition of ``episodes``.

    Args:
        space: of their subgoals, on their task.
        episodes: whole episodes; those without subgoals or without a place in an episode store are left out and named,
            of those with holes the segments that these touch.
        policy: the present worker without noise, on (rows, observation_dim + subgoal_dim).
        candidates: per transition, the recorded subgoal and the displacement included.
        seed: of the drawn candidates.

    Raises:
        CheckpointError: subgoals are none that can be relabelled (``require_offsets``).
    """
    spec, level = space.task, space.level
    require_offsets(level)
    parts: list[Relabelled] = []
    problems: list[Problem] = []
    for number, episode in enumerate(episodes):
        if decisions(episode) is None:
            at = int(episode.received[0])
            problems.append(Problem(episode.bag, "", at, episode.key, "it has no subgoals to relabel", True))
            continue
        for start, end in whole_segments(level.horizon, episode, foreign_actions=True):
            store = EpisodeStore(spec, level, spec.max_episode_steps, 0)
            problems += fill_store(store, spec, [cut(episode, start, end)])
            mine = _relabel(space, store, episode, start, policy, candidates, seed) if store.segments else ()
            parts += [part._replace(episodes=part.episodes + number) for part in mine]
    if not parts:
        size = space.size
        none, nothing = np.zeros(0, np.int64), np.zeros((0, size), np.float32)
        many = np.zeros((0, candidates, size), np.float32)
        return Relabelled(none, none, none, nothing, nothing, none, many, many[:, :, 0]), problems
    return Relabelled._make(np.concatenate(columns) for columns in zip(*parts, strict=True)), problems


def _relabel(
    space: GoalSpace, store: EpisodeStore, episode: BagEpisode, start: int, policy: Policy, candidates: int, seed: int
) -> Iterator[Relabelled]:
    """All transitions of the stretch of ``episode`` in ``store``, which begins at step ``start``; a batch at a time."""
    period = store.period
    for first in range(0, store.segments, _BATCH):
        periods = np.arange(first, min(first + _BATCH, store.segments))
        starts = periods * period
        slots, ends = np.zeros_like(starts), np.minimum(starts + period, store.lengths[0])
        ended = np.zeros(len(starts), np.bool_)
        windows = store.windows(SegmentIndex(slots, starts, np.ones_like(starts), ends, ended))
        original = torch.from_numpy(store.subgoals[slots, periods])
        count, size = candidates - DETERMINISTIC, original.shape[1]
        noise = np.stack([candidate_noise(seed, episode.key, start + int(step), count, size) for step in starts])
        proposals = candidates_from_noise(space, windows, original, torch.from_numpy(noise))
        errors = candidate_errors(space, windows, proposals, policy)
        winner = first_smallest(errors)
        yield Relabelled(
            episodes=np.zeros(len(starts), np.int64),
            steps=start + starts,
            lengths=windows.lengths,
            original=original.numpy(),
            chosen=proposals[torch.arange(len(starts)), winner].numpy(),
            candidate=winner.numpy(),
            candidates=proposals.numpy(),
            scores=(-0.5 * errors).numpy(),
        )


def first_smallest(errors: torch.Tensor) -> torch.Tensor:
    """Index of the smallest error per row, the lowest index of equal ones, shape (rows,)."""
    return (errors == errors.min(dim=1, keepdim=True).values).int().argmax(dim=1)
