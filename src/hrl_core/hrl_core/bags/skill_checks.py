"""What must hold of the skills in one episode: they exist, lie on a path, end, and say how likely they were."""

from collections import defaultdict

import numpy as np

from hrl_core.bags.checks import Finding, Found
from hrl_core.bags.columns import Columns
from hrl_core.bags.problems import grouped, in_words
from hrl_core.bags.tables import ACTION, SUBGOAL, SUBGOAL_RESULT
from hrl_core.hierarchy.path_sessions import child_name
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.tree import Tree
from hrl_core.messages import WORKER_LEVEL, ActionSource, SubgoalKind

_SKILL = int(SubgoalKind.SKILL)


def levels(hierarchy: HierarchySpec, subgoals: Columns | None, results: Columns | None) -> Found:
    """No message is of a level that the hierarchy does not have; of the levels, whether or not of skills."""
    count = len(hierarchy.levels)
    for table, columns in ((SUBGOAL, subgoals), (SUBGOAL_RESULT, results)):
        if columns is None:
            continue
        odd = np.flatnonzero(columns["level"] >= count)
        if odd.size:
            text = f"level {columns['level'][odd[0]]}, and the hierarchy of the run has {count or 'none'}"
            yield Finding(table, int(odd[0]), text, True)


def skills(hierarchy: HierarchySpec, subgoals: Columns) -> Found:
    """Every level of skills names one of its own, and the nodes of a path are each a child of the one before."""
    sound = True
    for number, level in enumerate(hierarchy.levels):
        if level.kind != "skill":
            continue
        rows = np.flatnonzero((subgoals["level"] == number) & (subgoals["kind"] != SubgoalKind.CONTINUE))
        ids = np.where(subgoals["kind"][rows] == _SKILL, subgoals["skill_id"][rows], -1)
        odd = rows[(ids < 0) | (ids >= len(level.skills))]
        if odd.size:
            sound, row = False, int(odd[0])
            kind, own = int(subgoals["kind"][row]), f"0 to {len(level.skills) - 1}: {', '.join(level.skills)}"
            got = f"skill {subgoals['skill_id'][row]}" if kind == _SKILL else f"no skill, but kind {kind},"
            yield Finding(SUBGOAL, row, f"{got} at step {subgoals['step'][row]}; level {number} has {own}", True)
    if sound and hierarchy.tree is not None:
        yield from _paths(hierarchy.tree, subgoals)


def _paths(tree: Tree, subgoals: Columns) -> Found:
    rows: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for row, (seq, level) in enumerate(zip(subgoals["seq"].tolist(), subgoals["level"].tolist(), strict=True)):
        rows[seq][level] = row
    for seq, path in rows.items():
        top = max(path)
        missing = sorted({*range(top + 1)} - {*path})
        if int(subgoals["parent_seq"][path[top]]) >= 0:
            missing.append(top + 1)
        # That the lowest is missing is told where its numbers are looked at.
        if missing and missing != [WORKER_LEVEL]:
            text = f"the path of subgoal {seq} lacks its level {', '.join(map(str, missing))}"
            yield Finding(SUBGOAL, path[top], text, False)
        if missing:
            continue
        node = tree.root
        for level in range(top, -1, -1):
            child = child_name(tree, level, int(subgoals["skill_id"][path[level]]))
            if child not in tree[node].children:
                own = ", ".join(tree[node].children) or "none"
                text = f"subgoal {seq}: '{child}' is no child of '{node}', whose children are: {own}"
                yield Finding(SUBGOAL, path[level], text, True)
                return
            node = child


def ends(hierarchy: HierarchySpec, observed: Columns, subgoals: Columns, results: Columns | None) -> Found:
    """Of a lock-step run: each segment of a skill has its result, also the last one, and one of each level of a path.

    Of the lowest level of a path, and of levels that are none, the numbers before the last are looked at elsewhere.
    """
    finished = bool(observed["terminated"][-1] or observed["truncated"][-1])
    for number, level in enumerate(hierarchy.levels):
        rows = np.flatnonzero((subgoals["level"] == number) & (subgoals["kind"] == _SKILL))
        if level.kind != "skill" or not rows.size:
            continue
        ended = np.empty(0, np.int64) if results is None else results["seq"][results["level"] == number]
        own = rows if hierarchy.path and number > WORKER_LEVEL else rows[-1:]
        if not finished:
            # The last decision of a path, at the end of all its levels, still stands.
            own = own[subgoals["seq"][own] < subgoals["seq"].max()] if hierarchy.path else own[:0]
        lost = own[~np.isin(subgoals["seq"][own], ended)]
        if lost.size:
            numbers = in_words(grouped(subgoals["seq"][lost].astype(np.int64)))
            where = "" if number == WORKER_LEVEL else f"level {number}: "
            text = f"{where}the segment of subgoal {numbers} has no result"
            yield Finding(SUBGOAL, int(lost[0]), text, False)


def probabilities(hierarchy: HierarchySpec, subgoals: Columns, actions: Columns | None) -> Found:
    """What was drawn says with which log-probability: skills, and the actions of a worker that says it of others.

    A worker is known to draw under a skill where one of its actions under that skill, by the same policy, says so.
    """
    drawn = (subgoals["kind"] == _SKILL) & ~subgoals.get("deterministic", np.ones(len(subgoals["seq"]), np.bool_))
    silent = np.flatnonzero(drawn & np.isnan(subgoals["log_probability"]))
    if silent.size:
        row = int(silent[0])
        numbers = in_words(grouped(np.unique(subgoals["seq"][silent]).astype(np.int64)))
        text = f"subgoal {numbers} was drawn, and the log-probability is missing"
        yield Finding(SUBGOAL, row, text, False)
    if actions is None or not hierarchy.levels or hierarchy.levels[0].kind != "skill":
        return
    lowest = (subgoals["level"] == WORKER_LEVEL) & (subgoals["kind"] == _SKILL)
    skill_of = dict(zip(subgoals["seq"][lowest].tolist(), subgoals["skill_id"][lowest].tolist(), strict=True))
    own = np.flatnonzero(actions["source"] == ActionSource.POLICY)
    followed = zip(actions["subgoal_seq"][own].tolist(), actions["policy_version"][own].tolist(), strict=True)
    under = [(skill_of.get(seq), version) for seq, version in followed]
    nan = np.isnan(actions["log_probability"][own])
    draws = {key for key, unknown in zip(under, nan, strict=True) if not unknown}
    lost = own[nan & np.array([key in draws for key in under], np.bool_)]
    if lost.size:
        numbers = in_words(grouped(actions["step"][lost].astype(np.int64)))
        text = f"the action of step {numbers} has no log-probability, though others of the same skill have"
        yield Finding(ACTION, int(lost[0]), text, False)
