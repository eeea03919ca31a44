"""An episode as the levels of HAC lived it: what each decided, where that began and ended, what it served.

Nothing but what is recorded: a running graph's bag tells the same as the process that trains.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
    attempts: Index
    """Decisions of the level below, or steps, that were spent on it."""


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


def lived(record: EpisodeRecord, hierarchy: HierarchySpec) -> Lived:
    """An episode from what was said in it."""
    told = record.observations
    levels: list[Decisions] = []
    chosen = [
        sorted((s for s in record.subgoals if s.level == i), key=lambda s: s.seq) for i in range(len(hierarchy.levels))
    ]
    steps = len(told) - 1
    starts = np.array([subgoal.step for subgoal in chosen[0]]) if chosen else np.zeros(1, np.int64)
    levels.append(
        Decisions(
            starts=np.arange(steps),
            ends=np.arange(1, steps + 1),
            values=np.stack([observation.applied_action for observation in told[1:]]),
            # The subgoal in force: the last one chosen up to then.
            served=np.searchsorted(starts, np.arange(steps), side="right") - 1,
            tests=np.zeros(steps, np.bool_),
            reached=np.zeros(steps, np.bool_),
            attempts=np.zeros(steps, np.int64),
        )
    )
    for i, subgoals in enumerate(chosen):
        results = {result.seq: result for result in record.subgoal_results if result.level == i}
        above = {s.seq: number for number, s in enumerate(chosen[i + 1])} if i + 1 < len(chosen) else {-1: 0}
        levels.append(
            Decisions(
                starts=np.array([subgoal.step for subgoal in subgoals]),
                ends=np.array([results[subgoal.seq].step for subgoal in subgoals]),
                values=np.stack([subgoal.value for subgoal in subgoals]),
                served=np.array([above[subgoal.parent_seq] for subgoal in subgoals]),
                tests=np.array([subgoal.test for subgoal in subgoals]),
                reached=np.array([results[s.seq].end_reason == SegmentEnd.ACHIEVED for s in subgoals]),
                attempts=np.bincount(levels[-1].served, minlength=len(subgoals)),
            )
        )
    return Lived(
        states=np.stack([observation.state for observation in told]),
        achieved=np.stack([observation.achieved_goal for observation in told]),
        task_goals=np.stack([observation.desired_goal for observation in told]),
        levels=tuple(levels),
    )
