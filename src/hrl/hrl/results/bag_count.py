"""What a bag really holds: distinct messages of one run, by their keys."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from hrl_core.bags.columns import Columns
from hrl_core.bags.find import find_bags
from hrl_core.bags.tables import ACTION, EPISODE_RESULT, OBSERVATION, RUN_INFO, SUBGOAL, SUBGOAL_RESULT, read_tables
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.hierarchy.text import parse_hierarchy
from hrl_core.messages import WORKER_LEVEL

_STEP, _DECISION = ("episode", "step"), ("episode", "level", "seq")
_KEYS = {
    OBSERVATION: _STEP,
    ACTION: _STEP,
    SUBGOAL: _DECISION,
    SUBGOAL_RESULT: _DECISION,
    EPISODE_RESULT: ("episode",),
}


class StepKey(NamedTuple):
    """Key of an observation or action within a run."""

    episode: int
    step: int


class DecisionKey(NamedTuple):
    """Where the decisions of a manager are numbered."""

    episode: int
    level: int


@dataclass
class BagCount:
    """Distinct keys found in a bag."""

    observations: set[StepKey] = field(default_factory=set)
    actions: set[StepKey] = field(default_factory=set)
    subgoals: defaultdict[DecisionKey, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Sequence numbers of the subgoals."""
    subgoal_results: defaultdict[DecisionKey, set[int]] = field(default_factory=lambda: defaultdict(set))
    outcomes: set[int] = field(default_factory=set)
    """Episodes that have a result."""
    unreported: frozenset[int] = frozenset()
    """Levels of whose segments only an episode's last one has a result: directions that are spoken at every step."""
    tree: bool = False
    """Whether levels are a tree's path: above the lowest there are as many as a decision needs."""

    def add(self, kind: str, key: tuple[int, ...]) -> None:
        """Count one message of type ``kind`` by what names it within its run."""
        if kind in (OBSERVATION, ACTION):
            steps = self.observations if kind == OBSERVATION else self.actions
            steps.add(StepKey(*key))
            return
        if kind == EPISODE_RESULT:
            self.outcomes.add(key[0])
            return
        decisions = self.subgoals if kind == SUBGOAL else self.subgoal_results
        decisions[DecisionKey(*key[:2])].add(key[2])

    @property
    def subgoal_total(self) -> int:
        """Number of distinct subgoals."""
        return sum(len(numbers) for numbers in self.subgoals.values())

    @property
    def subgoal_result_total(self) -> int:
        """Number of distinct subgoal results."""
        return sum(len(numbers) for numbers in self.subgoal_results.values())

    def missing_decisions(self, finished_episodes: Iterable[int]) -> int:
        """Count the subgoals and results that must have been sent but are not in the bag.

        Every number up to the highest seen must be there; only the last subgoal of an episode that was
        interrupted may lack its result, or of any by the wall clock, where the worker may have been away at its end.

        Args:
            finished_episodes: those whose last subgoal had its result.
        """
        finished, missing = set(finished_episodes), 0
        for key in {*self.subgoals, *self.subgoal_results}:
            subgoals, results = self.subgoals[key], self.subgoal_results[key]
            numbers = {*subgoals, *results}
            sent = len(numbers) if self.tree and key.level > WORKER_LEVEL else max(numbers) + 1
            open_segments = 0 if key.episode in finished or max(numbers) in results else 1
            reported = min(1, sent) if key.level in self.unreported else sent
            missing += sent - len(subgoals) + reported - open_segments - len(results)
        return missing


def count_bag(bag: Path, run: int) -> BagCount:
    """Count the messages of run ``run`` in a recording: a bag, or a folder of bags.

    Raises:
        HrlError: the bag is missing, unfinished or damaged.
    """
    tables = read_tables(find_bags([bag]))
    if tables.bad:
        raise HrlError(f"bag {bag} cannot be read: {tables.bad[0].cause}")
    infos = (single.message for single in tables.singles if single.type == RUN_INFO)
    said = next((info.hierarchy for info in infos if info.run == run and info.hierarchy), "")
    hierarchy = parse_hierarchy(said, f"hierarchy of run {run:016x}") if said else FLAT
    silent = frozenset(k for k, level in enumerate(hierarchy.levels) if not level.reports_each)
    count = BagCount(unreported=silent, tree=hierarchy.path)
    for kind in _KEYS:
        columns = tables.columns.get(kind)
        if columns is not None:
            _count(count, kind, columns, run)
    return count


def _count(count: BagCount, kind: str, columns: Columns, run: int) -> None:
    missing = [name for name in ("run", *_KEYS[kind]) if name not in columns]
    if missing:
        raise HrlError(f"{kind} was recorded with another message definition, without {', '.join(missing)}")
    mine = columns["run"] == run
    for row in zip(*(columns[name][mine].tolist() for name in _KEYS[kind]), strict=True):
        count.add(kind, row)
