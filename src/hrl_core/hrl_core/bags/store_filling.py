"""Recorded episodes into the store that training samples from: the same bits as if they had been lived in memory."""

from collections.abc import Iterable

import numpy as np

from hrl_core.bags.episodes import BagEpisode, SubgoalTable
from hrl_core.bags.problems import Problem
from hrl_core.hierarchy.subgoals import targets_of, to_float32
from hrl_core.messages import WORKER_LEVEL, SubgoalKind
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec


def fill_store(store: EpisodeStore, spec: TaskSpec, episodes: Iterable[BagEpisode]) -> list[Problem]:
    """Add episodes in the given order; returns those that the store has no place for, and why.

    The store holds one task goal per episode and one subgoal per period (level 0): an episode whose goal was changed or
    whose segments ended early is left out. The applied actions are stored.
    """
    outcomes = [add_episode(store, spec, episode) for episode in episodes]
    return [outcome for outcome in outcomes if isinstance(outcome, Problem)]


def add_episode(store: EpisodeStore, spec: TaskSpec, episode: BagEpisode, weight: float = 1.0) -> int | Problem:
    """Add one episode with a weight; returns its slot, or why the store has no place for it."""
    stored = stored_episode(store, spec, episode)
    return stored if isinstance(stored, Problem) else store.add(stored, weight)


def stored_episode(store: EpisodeStore, spec: TaskSpec, episode: BagEpisode) -> StoredEpisode | Problem:
    """An episode as the store takes it, or why it has no place for it."""
    misfit = _misfit(store, episode, spec)
    if misfit:
        at = int(episode.received[0])
        return Problem(episode.bag, "", at, episode.key, f"has no place in the store: {misfit}", True)
    subgoals, targets = _subgoals(store, episode)
    return StoredEpisode(
        episode.states,
        episode.applied_actions,
        episode.rewards,
        subgoals,
        targets,
        episode.desired_goals[0],
        episode.finished,
        episode.terminated,
    )


def _misfit(store: EpisodeStore, episode: BagEpisode, spec: TaskSpec) -> str:
    if not 0 < episode.steps <= spec.max_episode_steps:
        return f"{episode.steps} steps, it takes 1 to {spec.max_episode_steps}"
    if np.any(episode.desired_goals != episode.desired_goals[0]):
        return "its task goal changes"
    table = decisions(episode)
    if table is None or not store.subgoals.shape[2]:
        return ""
    if not np.isin(table.kinds, (SubgoalKind.RELATIVE, SubgoalKind.ABSOLUTE)).all():
        return "its subgoals are neither relative nor absolute"
    found, wanted = table.values.shape[1], store.subgoals.shape[2]
    if found != wanted:
        return f"its subgoals have {found} elements, those learned {wanted}"
    # The subgoal for the observation after the last recorded step may be there already.
    periods = -(-episode.steps // store.period)
    steps = table.steps[:periods]
    if len(table.steps) > periods + 1 or not np.array_equal(steps, np.arange(periods) * store.period):
        return f"its subgoals are not one every {store.period} steps"
    return ""


def _subgoals(store: EpisodeStore, episode: BagEpisode) -> tuple[np.ndarray, np.ndarray]:
    """Values and absolute targets as float32, shape (periods, subgoal_dim) each; no numbers for a flat policy."""
    periods = -(-episode.steps // store.period)
    table = decisions(episode) if store.subgoals.shape[2] else None
    if table is None:
        nothing = np.full((periods, store.subgoals.shape[2]), np.nan, np.float32)
        return nothing, nothing
    values, relative = table.values[:periods], table.kinds[:periods, None] == SubgoalKind.RELATIVE
    return to_float32(values), targets_of(table.anchors[:periods], values, relative)


def decisions(episode: BagEpisode) -> SubgoalTable | None:
    """Subgoals of the worker's level without those that only say CONTINUE; None: flat policy."""
    table = episode.subgoals.get(WORKER_LEVEL)
    if table is None or (table.kinds == SubgoalKind.NONE).all():
        return None
    keep = table.kinds != SubgoalKind.CONTINUE
    return SubgoalTable._make(column[keep] for column in table)
