"""Which skill was in control when: what the tables and pictures of a report on skills are made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode, Bool, Float64, Int64
from hrl_core.hierarchy.path_sessions import child_name
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.tree import Tree
from hrl_core.messages import WORKER_LEVEL, SegmentEnd, SubgoalKind

NOT_RECORDED = "not recorded"
_END_NAMES = {end.value: end.name.lower().replace("_", " ") for end in SegmentEnd}


class Segments(NamedTuple):
    """The skills of one episode, in order; leading axis (segments,)."""

    seqs: Int64
    """Number of the subgoal that began each."""
    skills: Int64
    """Number of each one's skill."""
    starts: Int64
    """Step each was chosen at."""
    stops: Int64
    """Step of the first observation that was not its any more."""
    ends: tuple[str, ...]
    """Why each ended, in words."""

    @property
    def stretches(self) -> list[tuple[int, int, int]]:
        """Start, stop and skill of each."""
        return list(zip(self.starts.tolist(), self.stops.tolist(), self.skills.tolist(), strict=True))


class ByGoal(NamedTuple):
    """Skills against the task goals that they were used for."""

    goals: Float64
    """Shape (goals, goal_dim), rising."""
    shares: Float64
    """Of the steps under each goal, shape (skills, goals)."""
    returns: Float64
    """Mean return of the episodes in which a skill was used most, NaN where there is none; shape (skills, goals)."""
    episodes: Int64
    """How many those are, shape (skills, goals)."""


@dataclass(frozen=True)
class SkillUse:
    """The skills of one level in all episodes of a report."""

    level: int
    space: str
    """What the skills are called together."""
    names: tuple[str, ...]
    """Of the skills, by number."""
    episodes: Sequence[BagEpisode]

    @cached_property
    def segments(self) -> list[Segments]:
        """Of each episode."""
        return [skill_segments(episode, self.level) for episode in self.episodes]

    def lengths(self, skill: int) -> Int64:
        """Lengths of its segments [steps], (segments,)."""
        parts = [(each.stops - each.starts)[each.skills == skill] for each in self.segments]
        return np.concatenate([*parts, np.empty(0, np.int64)])

    def ends(self, skill: int) -> Counter[str]:
        """How its segments ended."""
        pairs = (pair for each in self.segments for pair in zip(each.skills, each.ends, strict=True))
        return Counter(end for own, end in pairs if own == skill)

    @cached_property
    def steps(self) -> Int64:
        """Steps of each skill in each episode, (episodes, skills)."""
        counts = np.zeros((len(self.episodes), len(self.names)), np.int64)
        for row, each in zip(counts, self.segments, strict=True):
            np.add.at(row, each.skills, each.stops - each.starts)
        return counts

    def most_varied(self, count: int) -> list[BagEpisode]:
        """The first of those episodes in which most skills were in control, in order."""
        different = (self.steps > 0).sum(axis=1)
        chosen = np.argsort(-different, kind="stable")[:count]
        return [self.episodes[k] for k in sorted(chosen.tolist())]

    def by_goal(self) -> ByGoal:
        """Skills against the goals that the episodes began with."""
        first = np.array([episode.desired_goals[0] for episode in self.episodes])
        goals, goal = np.unique(first, axis=0, return_inverse=True)
        shape = len(self.names), len(goals)
        shares, sums, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        for episode, g, steps in zip(self.episodes, goal.reshape(-1), self.steps, strict=True):
            shares[:, g] += steps
            if steps.any():
                sums[steps.argmax(), g] += episode.rewards.sum()
                counts[steps.argmax(), g] += 1
        returns = np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)
        return ByGoal(goals, shares / np.maximum(shares.sum(axis=0), 1), returns, counts)


def skill_uses(hierarchy: HierarchySpec | None, episodes: Sequence[BagEpisode]) -> list[SkillUse]:
    """One for each level of skills, the lowest first; of a tree its leaves."""
    levels = () if hierarchy is None else hierarchy.levels
    chosen = [k for k, level in enumerate(levels) if level.kind == "skill"]
    chosen = chosen[:1] if hierarchy is not None and hierarchy.path else chosen
    return [SkillUse(k, levels[k].space, levels[k].skills, episodes) for k in chosen]


def skill_segments(episode: BagEpisode, level: int) -> Segments:
    """The skills that a level of one episode chose."""
    table = episode.subgoals.get(level)
    if table is None:
        nothing = np.empty(0, np.int64)
        return Segments(nothing, nothing, nothing, nothing, ())
    # What is said anew while a segment goes on is CONTINUE.
    rows = (table.kinds == SubgoalKind.SKILL) & (table.steps < max(1, episode.steps))
    seqs, starts = table.seqs[rows], table.steps[rows]
    stops = np.append(starts[1:], episode.steps)
    ends = [NOT_RECORDED] * len(starts)
    results = episode.segments.get(level)
    if results is not None:
        ended = dict(zip(results.seqs.tolist(), range(len(results.seqs)), strict=True))
        for k, seq in enumerate(seqs.tolist()):
            if seq in ended:
                stops[k] = results.steps[ended[seq]]
                reason = int(results.end_reasons[ended[seq]])
                ends[k] = _END_NAMES.get(reason, f"reason {reason}")
    return Segments(seqs, table.skill_ids[rows], starts, stops, tuple(ends))


def in_control(tree: Tree, episode: BagEpisode) -> dict[str, Bool]:
    """Whether each node of a tree was on the path, step by step, (T,)."""
    chosen = {
        (seq, level): int(skill)
        for level, table in episode.subgoals.items()
        for seq, skill in zip(table.seqs.tolist(), table.skill_ids, strict=True)
    }
    active: dict[str, npt.NDArray[np.bool_]] = {node.name: np.zeros(episode.steps, np.bool_) for node in tree.nodes}
    each = skill_segments(episode, WORKER_LEVEL)
    for seq, start, stop in zip(each.seqs.tolist(), each.starts, each.stops, strict=True):
        active[tree.root][start:stop] = True
        for level in episode.subgoals:
            if (seq, level) in chosen:
                active[child_name(tree, level, chosen[seq, level])][start:stop] = True
    return active
