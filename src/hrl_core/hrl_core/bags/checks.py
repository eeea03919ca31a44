"""What must hold of one episode's messages for its transitions to be trusted."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from hrl_core.bags.columns import Columns
from hrl_core.bags.problems import grouped, in_words, missing_numbers
from hrl_core.bags.tables import ACTION, OBSERVATION, SUBGOAL, SUBGOAL_RESULT
from hrl_core.messages import EPISODE_ENDS, WORKER_LEVEL, ActionSource, HorizonUnit, Mode
from hrl_core.task.spec import TaskSpec


class Finding(NamedTuple):
    """Something wrong with an episode."""

    table: str
    """Type of the messages it is about."""
    row: int
    """Row of the episode's table whose time is told."""
    text: str
    fatal: bool
    """Whether the episode cannot be used."""


Found = Iterator[Finding]


def conflicts(table: str, rows: list[int]) -> list[Finding]:
    """The same key came twice with different content."""
    return [Finding(table, row, "a second message of the same key says something else", True) for row in rows[:1]]


def observations(columns: Columns, results: Columns | None, spec: TaskSpec | None) -> Found:
    """Steps from 0 without gap, one end, one task, sizes that fit."""
    steps = columns["step"].astype(np.int64)
    gaps = np.flatnonzero(np.diff(steps) != 1)
    if steps[0] != 0:
        yield Finding(
            OBSERVATION, 0, f"the recording begins in its middle, steps 0 to {steps[0] - 1} are missing", True
        )
    if gaps.size:
        missing = in_words(missing_numbers(steps, int(steps[0]), int(steps[-1])))
        yield Finding(OBSERVATION, int(gaps[0]), f"step {missing} is missing after this message", True)
    last = np.flatnonzero(columns["terminated"] | columns["truncated"])
    if last.size and last[0] != len(steps) - 1:
        yield Finding(OBSERVATION, int(last[0]), f"the episode goes on after its end at step {steps[last[0]]}", True)
    if results is not None and not gaps.size and int(results["steps"][0]) > steps[-1]:
        missing = in_words([(int(steps[-1]) + 1, int(results["steps"][0]))])
        yield Finding(OBSERVATION, len(steps) - 1, f"step {missing} is missing after this message", True)
    yield from _sizes(columns, spec)
    strange = np.flatnonzero(~np.isin(columns["mode"], list(Mode)))
    if strange.size:
        row = int(strange[0])
        known = ", ".join(f"{mode.value} ({mode.name})" for mode in Mode)
        yield Finding(OBSERVATION, row, f"mode {columns['mode'][row]} at step {steps[row]}; known are {known}", True)
    backwards = np.flatnonzero(np.diff(columns["stamp"]) <= 0)
    if backwards.size:
        row = int(backwards[0]) + 1
        yield Finding(OBSERVATION, row, f"the clock does not advance at step {steps[row]}; order is by step", False)


def _sizes(columns: Columns, spec: TaskSpec | None) -> Found:
    for name in ("state", "achieved_goal", "desired_goal", "applied_action"):
        sizes = columns[f"{name}#"][1:] if name == "applied_action" else columns[f"{name}#"]
        if not sizes.size:
            continue
        layouts = {} if spec is None else {"state": spec.observation, "applied_action": spec.action}
        wanted = int(sizes[0]) if spec is None else len(layouts.get(name, spec.goal))
        odd = np.flatnonzero(sizes != wanted)
        if odd.size:
            text = f"{name} has {sizes[odd[0]]} elements at step {columns['step'][odd[0]]}, expected are {wanted}"
            yield Finding(OBSERVATION, int(odd[0]), text, True)


def actions(observed: Columns, columns: Columns | None) -> Found:
    """Lock-step: every step that the policy's action led to has its Action.

    A hole costs nothing, since the observation tells what was applied; who tells of no action at all is deaf.
    """
    by_policy = _by_policy(observed)
    wanted = observed["step"][1:][by_policy].astype(np.int64) - 1
    have = np.empty(0, np.int64) if columns is None else columns["step"].astype(np.int64)
    missing = np.setdiff1d(wanted, have)
    if missing.size:
        row = max(0, int(np.searchsorted(have, missing[0])) - 1)
        text = f"the action of step {in_words(grouped(missing))} is missing after this message"
        yield Finding(ACTION, row, text, not have.size)


def any_by_policy(observed: Columns) -> bool:
    """Whether an action of the policy led to any of the observations."""
    return bool(_by_policy(observed).any())


def _by_policy(observed: Columns) -> np.ndarray:
    return observed["action_source"][1:] == ActionSource.POLICY


def subgoals(
    observed: Columns,
    columns: Columns | None,
    results: Columns | None,
    exact: bool,
    heard: bool,
    every_step: Collection[int],
    tree: bool = False,
) -> Found:
    """Decisions numbered without gap from step 0 on, each answered where its segment ended.

    A hole costs the steps that have no subgoal, and no more.

    Args:
        observed: the episode's observations.
        columns: its subgoals.
        results: its segment results.
        exact: whether the run was in lock-step, where every subgoal comes at the very step it is due.
        heard: whether results of this run are recorded at all.
        every_step: levels that speak at every step; others with the result of the subgoal before.
        tree: whether the levels are a tree's path: of those above the lowest there are as many as a path needs.
    """
    levels = np.empty(0, np.int64) if columns is None else np.unique(columns["level"])
    if columns is None or WORKER_LEVEL not in levels:
        if len(observed["step"]) > 1:
            yield Finding(SUBGOAL, 0, "no subgoal of this episode is recorded", True)
        return
    last_step = int(observed["step"][-1])
    for level in [WORKER_LEVEL] if tree else levels.tolist():
        rows = np.flatnonzero(columns["level"] == level)
        findings = _of_level(
            _rows(columns, rows), _of(results, level), last_step, exact, heard, level not in every_step
        )
        where = "" if level == WORKER_LEVEL else f"level {level}: "
        for finding in findings:
            row = int(rows[finding.row]) if finding.table == SUBGOAL else finding.row
            yield finding._replace(row=row, text=where + finding.text)


def _of_level(mine: Columns, ended: Columns | None, last_step: int, exact: bool, heard: bool, sparse: bool) -> Found:
    """The same of one level; rows are counted within it."""
    seqs, level = mine["seq"].astype(np.int64), int(mine["level"][0])
    if exact and mine["step"][0] != 0:
        yield Finding(SUBGOAL, 0, f"the first subgoal is of step {mine['step'][0]}, not of step 0", False)
    yield from _order(seqs, mine["step"].astype(np.int64))
    # A worker's attempts are its actions, of which there is one a step. For how many steps another's is to stand nobody
    # knows, but that it has ended is said.
    timed = level == WORKER_LEVEL or mine["horizon_unit"][-1] == HorizonUnit.STEPS
    answered = int(seqs[-1])
    known = answered if timed or ended is None or not len(ended["seq"]) else max(answered, int(ended["seq"][-1]))
    yield from _numbers(SUBGOAL, "subgoal", seqs, known + 1)
    if ended is not None and len(ended["seq"]):
        end, step, reason = int(ended["seq"][-1]), int(ended["step"][-1]), int(ended["end_reason"][-1])
        if end >= answered and step < last_step and reason not in EPISODE_ENDS and sparse:
            yield Finding(SUBGOAL, len(seqs) - 1, f"subgoal {end + 1}, due at step {step}, is missing", False)
            return
    if heard and exact and sparse:
        results_seqs = np.empty(0, np.int64) if ended is None else ended["seq"].astype(np.int64)
        yield from _numbers(SUBGOAL_RESULT, "result of subgoal", results_seqs, answered)
    if not timed:
        return
    due = int(mine["step"][-1]) + int(mine["horizon"][-1])
    if exact and mine["horizon"][-1] and due < last_step:
        text = f"subgoal {answered + 1}, due at step {due}, is missing"
        yield Finding(SUBGOAL, len(seqs) - 1, text, False)


def _order(seqs: np.ndarray, steps: np.ndarray) -> Found:
    """At most one decision a step, later ones under higher numbers."""
    wrong = np.flatnonzero((seqs > steps) | (np.diff(steps, prepend=-1) <= 0))
    if wrong.size:
        row = int(wrong[0])
        yield Finding(SUBGOAL, row, f"subgoal {seqs[row]} cannot be of step {steps[row]}, after those before it", True)


def _of(columns: Columns | None, level: int) -> Columns | None:
    return None if columns is None else _rows(columns, np.flatnonzero(columns["level"] == level))


def _rows(columns: Columns, rows: np.ndarray) -> Columns:
    if len(rows) == len(columns["level"]):
        return columns
    return {name: column[rows] for name, column in columns.items()}


def _numbers(table: str, what: str, seqs: np.ndarray, expected: int) -> Found:
    gaps = missing_numbers(seqs, 0, expected)
    if gaps:
        row = max(0, int(np.searchsorted(seqs, gaps[0][0])) - 1)
        yield Finding(table, row, f"{what} {in_words(gaps)} is missing after this message", False)
