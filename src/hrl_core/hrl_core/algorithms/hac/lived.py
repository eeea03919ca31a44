"""An episode as the levels of HAC lived it: what each decided, where that began and ended, what it served.

Nothing but what is recorded: a running graph's bag tells the same as the process that trains.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode
from hrl_core.hierarchy.rollout import EpisodeRecord
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.messages import SegmentEnd

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class Decisions(NamedTuple):
    """What one level decided in an episode, in order; leading axis (decisions,)."""

    starts: Index
    """Observation each was made at."""
    ends: Index
    """Observation at which it was over."""
    values: Float64
    """The applied action, or the subgoal, shape (decisions, dim)."""
    served: Index
    """Decision of the level above that it served; 0 at the top."""
    tests: npt.NDArray[np.bool_]
    """Whether the subgoal was a test, or below one."""
    reached: npt.NDArray[np.bool_]
    """Whether it ended because it was reached."""
    missed: npt.NDArray[np.bool_]
    """Whether it ended because all attempts at it were used up."""


class Lived(NamedTuple):
    """One whole episode of T steps."""

    states: Float64
    """Shape (T + 1, observation_dim)."""
    achieved: Float64
    """Shape (T + 1, goal_dim)."""
    task_goals: Float64
    """Shape (T + 1, goal_dim)."""
    levels: tuple[Decisions, ...]
    """The worker's first."""
    failed: bool
    """Whether it ended for good, and not with the task's success, as by a fall."""


class Chosen(NamedTuple):
    """Subgoals of one level and how they ended, in order of seq; leading axis (subgoals,)."""

    seqs: Index
    steps: Index
    values: Float64
    parent_seqs: Index
    tests: npt.NDArray[np.bool_]
    ends: Index
    end_reasons: Index


def lived(record: EpisodeRecord, hierarchy: HierarchySpec) -> Lived:
    """A whole episode from what was said in it."""
    told, chosen = record.observations, []
    for level in range(len(hierarchy.levels)):
        subgoals = sorted((s for s in record.subgoals if s.level == level), key=lambda s: s.seq)
        results = {r.seq: r for r in record.subgoal_results if r.level == level}
        chosen.append(
            Chosen(
                seqs=np.array([s.seq for s in subgoals]),
                steps=np.array([s.step for s in subgoals]),
                values=np.stack([s.value for s in subgoals]),
                parent_seqs=np.array([s.parent_seq for s in subgoals]),
                tests=np.array([s.test for s in subgoals]),
                ends=np.array([results[s.seq].step for s in subgoals]),
                end_reasons=np.array([results[s.seq].end_reason for s in subgoals]),
            )
        )
    return Lived(
        states=np.stack([observation.state for observation in told]),
        achieved=np.stack([observation.achieved_goal for observation in told]),
        task_goals=np.stack([observation.desired_goal for observation in told]),
        levels=decisions(np.stack([observation.applied_action for observation in told[1:]]), chosen),
        failed=bool(told[-1].terminated and not told[-1].success),
    )


def recorded(episode: BagEpisode, hierarchy: HierarchySpec) -> Lived | None:
    """The same from a recording; None where it is of another hierarchy, or an end is missing."""
    chosen: list[Chosen] = []
    if set(episode.subgoals) != set(range(len(hierarchy.levels))):
        return None
    for level, spec in enumerate(hierarchy.levels):
        subgoals, ends = episode.subgoals[level], episode.segments.get(level)
        if ends is None or not np.array_equal(subgoals.seqs, ends.seqs) or subgoals.values.shape[1] != spec.dim:
            return None
        columns = subgoals.seqs, subgoals.steps, subgoals.values, subgoals.parent_seqs, subgoals.tests
        chosen.append(Chosen(*columns, ends.steps, ends.end_reasons))
    # From the worker up: nothing serves what is not there.
    for below, above in pairwise(chosen):
        if not np.isin(below.parent_seqs, above.seqs).all():
            return None
    if not episode.finished or any(level.seqs.size == 0 or level.seqs[0] != 0 for level in chosen):
        return None
    levels = decisions(episode.applied_actions, chosen)
    failed = bool(episode.terminated and not episode.success[-1])
    return Lived(episode.states, episode.achieved_goals, episode.desired_goals, levels, failed)


def decisions(actions: Float64, chosen: Sequence[Chosen]) -> tuple[Decisions, ...]:
    """What every level decided: the actions (T, action_dim), then the subgoals of each level from the worker's up."""
    steps = np.arange(len(actions))
    never = np.zeros(len(actions), np.bool_)
    # An action serves the subgoal in force, the last one chosen up to then.
    served = np.searchsorted(chosen[0].steps, steps, side="right") - 1 if chosen else np.zeros_like(steps)
    levels = [Decisions(steps, steps + 1, actions, served, never, never, never)]
    for level, subgoals in enumerate(chosen):
        top = level + 1 == len(chosen)
        parents = 0 * subgoals.seqs if top else np.searchsorted(chosen[level + 1].seqs, subgoals.parent_seqs)
        reached, missed = (subgoals.end_reasons == reason for reason in (SegmentEnd.ACHIEVED, SegmentEnd.HORIZON))
        columns = subgoals.steps, subgoals.ends, subgoals.values, parents, subgoals.tests, reached, missed
        levels.append(Decisions(*columns))
    return tuple(levels)
