"""Puts episodes together from tables of messages; what does not fit is named and its episode left out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hrl_core.bags import checks, skill_checks
from hrl_core.bags.checks import Finding, Found
from hrl_core.bags.columns import STAMP, TAG, Columns
from hrl_core.bags.episodes import BagEpisode, Outcome, SegmentTable, SubgoalTable
from hrl_core.bags.errors import BagError
from hrl_core.bags.keys import EpisodeIndex, EpisodeKey, in_order
from hrl_core.bags.problems import Problem
from hrl_core.bags.runs import Runs
from hrl_core.bags.tables import ACTION, EPISODE_RESULT, OBSERVATION, SUBGOAL, SUBGOAL_RESULT, Tables
from hrl_core.messages import ActionSource

_KEYS = {
    OBSERVATION: ("step",),
    ACTION: ("step",),
    SUBGOAL: ("level", "seq"),
    SUBGOAL_RESULT: ("level", "seq"),
    EPISODE_RESULT: (),
}
_WHOLE, _TRUTH, _NUMBER, _VECTOR = "iu", "b", "f", "vector"
"""Kinds of NumPy's types that a column may have; a vector is of floats."""
_NEEDED = {
    OBSERVATION: {
        _VECTOR: ("state", "achieved_goal", "desired_goal", "applied_action"),
        _NUMBER: ("reward",),
        _TRUTH: ("success", "terminated", "truncated"),
        _WHOLE: ("mode", "action_source", "task_hash", "stamp"),
    },
    ACTION: {
        _VECTOR: ("value", "intended"),
        _NUMBER: ("log_probability",),
        _WHOLE: ("policy_version", "subgoal_seq", "source"),
    },
    SUBGOAL: {
        _VECTOR: ("value", "anchor", "task_goal"),
        _NUMBER: ("log_probability", "value_estimate"),
        _TRUTH: ("test",),
        _WHOLE: ("step", "kind", "parent_seq", "skill_id", "horizon", "horizon_unit", "policy_version", "attempt"),
    },
    SUBGOAL_RESULT: {
        _VECTOR: ("achieved",),
        _NUMBER: ("reward_sum", "intrinsic_sum"),
        _WHOLE: ("step", "steps_used", "end_reason"),
    },
    EPISODE_RESULT: {
        _NUMBER: ("episode_return", "final_distance"),
        _TRUTH: ("success",),
        _WHOLE: ("seed", "steps", "end_reason"),
    },
}


class Assembly:
    """Episodes of a set of tables, in canonical order."""

    def __init__(self, tables: Tables, runs: Runs) -> None:
        """Sort everything.

        Raises:
            BagError: the messages were recorded with definitions that lack a field.
        """
        self.episodes: list[BagEpisode] = []
        self.problems: list[Problem] = []
        self._tables, self._runs = tables, runs
        index = EpisodeIndex()
        for kind in tables.columns:
            self._require(kind)
        numbers = {kind: index.of(columns) for kind, columns in tables.columns.items()}
        ranks = index.ranks()
        self._keys = sorted(index.numbers)
        self._ordered = {
            kind: in_order(tables.columns.pop(kind), ranks[numbers[kind]], len(ranks), _KEYS[kind]) for kind in numbers
        }
        self._spoken = {kind: {k.run for r, k in enumerate(self._keys) if self._some(kind, r)} for kind in _KEYS}
        self._hierarchical = self._spoken[SUBGOAL] | self._spoken[SUBGOAL_RESULT] | self._led()

    @property
    def duplicates(self) -> int:
        """Equal messages that were there more than once."""
        return sum(ordered.duplicates for ordered in self._ordered.values())

    def run(self) -> None:
        """Fill ``episodes`` and ``problems``."""
        conflicts = {kind: set(ordered.conflicts.tolist()) for kind, ordered in self._ordered.items()}
        for rank, key in enumerate(self._keys):
            tables = {
                kind: _cut(o.columns, o.rows(rank)) for kind, o in self._ordered.items() if self._some(kind, rank)
            }
            findings: list[Finding] = []
            for kind, rows in conflicts.items():
                if rows:
                    span = self._ordered[kind].rows(rank)
                    findings += checks.conflicts(kind, [r - span.start for r in rows if span.start <= r < span.stop])
            findings += self._check(key, tables)
            if not any(finding.fatal for finding in findings):
                self.episodes.append(self._episode(key, tables))
            # Most important first: what costs the episode.
            self.problems += [self._problem(f, key, tables) for f in sorted(findings, key=lambda f: not f.fatal)]

    def _led(self) -> set[int]:
        """Runs whose actions follow subgoals, whether or not any was recorded."""
        if ACTION not in self._ordered:
            return set()
        columns = self._ordered[ACTION].columns
        return set(columns["run"][columns["subgoal_seq"] > 0].tolist())

    def _check(self, key: EpisodeKey, tables: dict[str, Columns]) -> Found:
        if OBSERVATION not in tables:
            # Late messages of an episode that another bag holds are nobody's loss; nothing can be made of them.
            yield Finding(next(iter(tables)), 0, "no observation of this episode is recorded", True)
            return
        exact, spec = self._runs.lockstep(key.run), self._runs.task
        observations = tables[OBSERVATION]
        yield from self._runs.check(observations)
        yield from checks.observations(observations, tables.get(EPISODE_RESULT), spec)
        acted = key.run in self._spoken[ACTION]
        if exact and (acted or self._announced(observations, ACTION)):
            yield from checks.actions(observations, tables.get(ACTION))
        # A recorder that was started anew hears the simulator first: what is silent so far is missing all the same.
        led = not acted and self._announced(observations, SUBGOAL) and checks.any_by_policy(observations)
        if led or key.run in self._hierarchical:
            results = tables.get(SUBGOAL_RESULT)
            heard = key.run in self._spoken[SUBGOAL_RESULT]
            yield from checks.subgoals(
                observations,
                tables.get(SUBGOAL),
                results,
                exact,
                heard,
                self._runs.every_step(key.run),
                self._runs.is_tree(key.run),
            )
            yield from self._check_skills(key, tables, exact and heard)

    def _check_skills(self, key: EpisodeKey, tables: dict[str, Columns], answered: bool) -> Found:
        """What the hierarchy says of skills, where it is known; ``answered``: of every segment a result is recorded."""
        hierarchy = self._runs.told_hierarchy(key.run)
        if hierarchy is None:
            return
        subgoals, results = tables.get(SUBGOAL), tables.get(SUBGOAL_RESULT)
        odd = list(skill_checks.levels(hierarchy, subgoals, results))
        yield from odd
        if odd or subgoals is None:
            return
        yield from skill_checks.skills(hierarchy, subgoals)
        if answered:
            yield from skill_checks.ends(hierarchy, tables[OBSERVATION], subgoals, results)
        yield from skill_checks.probabilities(hierarchy, subgoals, tables.get(ACTION))

    def _announced(self, observations: Columns, kind: str) -> bool:
        """Whether a bag that holds the episode has a topic of that kind."""
        bags = {self._tables.origins[tag].bag for tag in np.unique(observations[TAG]).tolist()}
        return any((bag, kind) in self._tables.announced for bag in bags)

    def _problem(self, finding: Finding, key: EpisodeKey, tables: dict[str, Columns]) -> Problem:
        table = tables.get(finding.table) or tables[next(iter(tables))]
        row = min(finding.row, len(table[STAMP]) - 1)
        bag, topic = self._tables.origins[int(table[TAG][row])]
        if finding.table not in tables:
            topic = self._topic(finding.table) or finding.table
        return Problem(bag, topic, int(table[STAMP][row]), key, finding.text, finding.fatal)

    def _topic(self, kind: str) -> str:
        """Name of a topic of messages of ``kind``, from another episode."""
        ordered = self._ordered.get(kind)
        return self._tables.origins[int(ordered.columns[TAG][0])].topic if ordered else ""

    def _some(self, kind: str, rank: int) -> bool:
        ordered = self._ordered.get(kind)
        return ordered is not None and bool(ordered.starts[rank + 1] > ordered.starts[rank])

    def _require(self, kind: str) -> None:
        columns = self._tables.columns[kind]
        wanted = _NEEDED[kind] | {_WHOLE: ("run", "episode", *_KEYS[kind], *_NEEDED[kind][_WHOLE]), "S": ("robot",)}
        odd = [name for sort, names in wanted.items() for name in names if not _is(columns, name, sort)]
        if odd:
            raise BagError(f"{kind} was recorded with another message definition, without a fitting {', '.join(odd)}")

    def _episode(self, key: EpisodeKey, tables: dict[str, Columns]) -> BagEpisode:
        o = tables[OBSERVATION]
        bag = self._tables.origins[int(o[TAG][0])].bag
        return episode_of(key, tables, bag, self._runs.task_hash(int(o["task_hash"][0])))


def episode_of(key: EpisodeKey, tables: dict[str, Columns], bag: Path, task_hash: int) -> BagEpisode:
    """An episode whose messages are sound and in order; ``tables`` hold them by type, with observations among them."""
    o = tables[OBSERVATION]
    applied = _vectors(o, "applied_action", slice(1, None))
    count, width = applied.shape
    return BagEpisode(
        key=key,
        bag=bag,
        task_hash=task_hash,
        mode=int(o["mode"][0]),
        stamps=o["stamp"],
        received=o[STAMP],
        states=_vectors(o, "state"),
        achieved_goals=_vectors(o, "achieved_goal"),
        desired_goals=_vectors(o, "desired_goal"),
        success=o["success"],
        rewards=o["reward"][1:],
        applied_actions=applied,
        action_sources=o["action_source"][1:].astype(np.int64),
        **_asked(tables.get(ACTION), count, width),
        subgoals=_by_level(tables.get(SUBGOAL), _subgoals),
        segments=_by_level(tables.get(SUBGOAL_RESULT), _segments),
        terminated=bool(o["terminated"][-1]),
        truncated=bool(o["truncated"][-1]),
        outcome=_outcome(tables.get(EPISODE_RESULT)),
    )


def _is(columns: Columns, name: str, sort: str) -> bool:
    """Whether there is a column of that sort."""
    column = columns.get(name)
    if column is None or sort != _VECTOR:
        return column is not None and column.ndim == 1 and column.dtype.kind in sort
    return column.ndim == 2 and column.dtype.kind == _NUMBER and f"{name}#" in columns


def _cut(columns: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def _vectors(columns: Columns, name: str, rows: slice = slice(None)) -> Any:  # noqa: ANN401 - an array of floats
    """A column of vectors without what it was filled up with."""
    lengths = columns[f"{name}#"][rows]
    return columns[name][rows, : int(lengths.max(initial=0))]


def _asked(a: Columns | None, count: int, width: int) -> dict[str, Any]:
    """What the actions of an episode say, one row a step."""
    actions, log_probabilities = np.full((count, width), np.nan), np.full(count, np.nan)
    versions, sources = np.zeros(count, np.uint64), np.full(count, ActionSource.POLICY, np.int64)
    intended = actions
    if a is not None:
        known = (a["step"] < count) & (a["value#"] == width)
        steps = a["step"][known]
        actions[steps], log_probabilities[steps] = a["value"][known, :width], a["log_probability"][known]
        versions[steps], sources[steps] = a["policy_version"][known], a["source"][known]
        told = known & (a["intended#"] == width)
        if told.any():
            intended = actions.copy()
            intended[a["step"][told]] = a["intended"][told, :width]
    return {
        "actions": actions,
        "policy_versions": versions,
        "log_probabilities": log_probabilities,
        "sources": sources,
        "intended": intended,
    }


def _by_level(columns: Columns | None, make: Callable[[Columns], Any]) -> dict[int, Any]:
    if columns is None:
        return {}
    levels = np.unique(columns["level"]).tolist()
    return {int(n): make({k: c[columns["level"] == n] for k, c in columns.items()}) for n in levels}


def _subgoals(c: Columns) -> SubgoalTable:
    return SubgoalTable(
        seqs=c["seq"].astype(np.int64),
        steps=c["step"].astype(np.int64),
        kinds=c["kind"].astype(np.int64),
        values=_vectors(c, "value"),
        anchors=_vectors(c, "anchor"),
        task_goals=_vectors(c, "task_goal"),
        parent_seqs=c["parent_seq"],
        skill_ids=c["skill_id"].astype(np.int64),
        horizons=c["horizon"].astype(np.int64),
        log_probabilities=c["log_probability"],
        value_estimates=c["value_estimate"],
        policy_versions=c["policy_version"],
        attempts=c["attempt"].astype(np.int64),
        tests=c["test"],
    )


def _segments(c: Columns) -> SegmentTable:
    return SegmentTable(
        seqs=c["seq"].astype(np.int64),
        steps=c["step"].astype(np.int64),
        steps_used=c["steps_used"].astype(np.int64),
        end_reasons=c["end_reason"].astype(np.int64),
        achieved=_vectors(c, "achieved"),
        reward_sums=c["reward_sum"],
        intrinsic_sums=c["intrinsic_sum"],
    )


def _outcome(c: Columns | None) -> Outcome | None:
    if c is None:
        return None
    return Outcome(
        seed=int(c["seed"][0]),
        steps=int(c["steps"][0]),
        episode_return=float(c["episode_return"][0]),
        success=bool(c["success"][0]),
        final_distance=float(c["final_distance"][0]),
        end_reason=int(c["end_reason"][0]),
    )
