"""Episodes as a recording would hold them, of the messages that were said in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrl_core.bags.assembly import episode_of
from hrl_core.bags.columns import STAMP, Columns
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.keys import EpisodeKey
from hrl_core.bags.tables import ACTION, EPISODE_RESULT, OBSERVATION, SUBGOAL, SUBGOAL_RESULT
from hrl_core.messages import Action, EpisodeResult, Observation, Subgoal, SubgoalResult

_TYPES = {int: np.int64, float: np.float64, bool: np.bool_}
_UNSIGNED = ("policy_version", "task_hash", "run", "seed")
"""Whole numbers of 64 bits without a sign."""


def lived_episode(
    observations: Sequence[Observation],
    actions: Sequence[Action],
    subgoals: Sequence[Subgoal],
    subgoal_results: Sequence[SubgoalResult],
    result: EpisodeResult,
    bag: Path,
) -> BagEpisode:
    """The episode that a recorder would have made of these messages, each kind in the order in which it was said.

    Args:
        observations: T + 1 of them.
        actions: T.
        subgoals: of all levels.
        subgoal_results: of all levels.
        result: its outcome.
        bag: stands for where it is kept.
    """
    said = {
        OBSERVATION: observations,
        ACTION: actions,
        SUBGOAL: sorted(subgoals, key=lambda subgoal: (subgoal.level, subgoal.seq)),
        SUBGOAL_RESULT: sorted(subgoal_results, key=lambda ended: (ended.level, ended.seq)),
        EPISODE_RESULT: [result],
    }
    first = observations[0]
    tables = {kind: _columns(messages) for kind, messages in said.items() if messages}
    return episode_of(EpisodeKey(first.run, first.robot, first.episode), tables, bag, first.task_hash)


def _columns(messages: Sequence[Any]) -> Columns:
    """A column for each field that is a number, a truth or a vector; vectors are filled up to the longest."""
    columns: Columns = {STAMP: np.array([message.stamp for message in messages], np.int64)}
    for name in messages[0]._fields:
        values = [getattr(message, name) for message in messages]
        if isinstance(values[0], np.ndarray):
            lengths = np.array([len(value) for value in values])
            columns[name] = np.zeros((len(values), int(lengths.max())))
            for row, value in zip(columns[name], values, strict=True):
                row[: len(value)] = value
            columns[f"{name}#"] = lengths
        elif name in _UNSIGNED:
            columns[name] = np.array(values, np.uint64)
        elif not isinstance(values[0], (str, tuple)):
            kind = next(kind for kind in (bool, int, float) if isinstance(values[0], kind))
            columns[name] = np.array(values, _TYPES[kind])
    return columns
