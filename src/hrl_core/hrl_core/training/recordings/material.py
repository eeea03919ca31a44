"""What of a recording is learned from: which episodes, and which stretches of them."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hrl_core.bags.episodes import BagEpisode, SegmentTable, SubgoalTable
from hrl_core.bags.store_filling import decisions
from hrl_core.errors import HrlError
from hrl_core.messages import ActionSource, Mode

OF_MODE = "mode "
"""Begins the cause that leaves out what was never meant to be learned from."""
_STEPS = (
    "rewards",
    "applied_actions",
    "action_sources",
    "actions",
    "sources",
    "intended",
    "policy_versions",
    "log_probabilities",
)
_OBSERVATIONS = ("stamps", "received", "states", "achieved_goals", "desired_goals", "success")


@dataclass(frozen=True)
class MaterialConfig:
    """What is learned from."""

    modes: tuple[str, ...] = ("TRAIN",)
    """Episodes recorded for these purposes; EVAL and DEMO are left out by default."""
    foreign_actions: bool = False
    """Also learn from steps whose applied action was not the policy's, nor in DEMO the demonstrator's (hold, safe)."""
    max_policy_lag: int = 0
    """Leave out episodes whose worker is more versions behind the newest than that; 0: any age."""

    def __post_init__(self) -> None:
        """Refuse unknown modes."""
        unknown = set(self.modes) - set(Mode.__members__)
        if unknown or not self.modes:
            raise HrlError(f"modes: choose from {', '.join(Mode.__members__)}, got {', '.join(self.modes) or 'none'}")
        if self.max_policy_lag < 0:
            raise HrlError(f"max_policy_lag must be at least 0 (any age), got {self.max_policy_lag}")


class Material(NamedTuple):
    """The chosen stretches of a recording."""

    pieces: list[BagEpisode]
    """Each a whole episode or a stretch of whole subgoal periods that begins at step 0 of its own count."""
    starts: list[int]
    """Step of the episode at which each piece begins."""
    left_out: Counter[str]
    """Environment steps left out, by cause."""
    lags: Counter[int]
    """Environment steps by versions that their worker was behind."""


def choose_material(period: int, config: MaterialConfig, episodes: Iterable[BagEpisode], version: int) -> Material:
    """Choose what to learn from; order is kept.

    Args:
        period: steps per subgoal.
        config: what counts.
        episodes: sound episodes of that task.
        version: newest policy version, from which lags count.
    """
    material = Material([], [], Counter(), Counter())
    modes = {Mode[name] for name in config.modes}
    for episode in episodes:
        lag = max(0, version - oldest_version(episode, version))
        material.lags[lag] += episode.steps
        if Mode(episode.mode) not in modes:
            material.left_out[f"{OF_MODE}{Mode(episode.mode).name}"] += episode.steps
        elif config.max_policy_lag and lag > config.max_policy_lag:
            material.left_out["policy too old"] += episode.steps
        else:
            kept = 0
            for start, end in whole_segments(period, episode, config.foreign_actions):
                material.pieces.append(cut(episode, start, end))
                material.starts.append(start)
                kept += end - start
            if kept < episode.steps:
                material.left_out["no whole segment of the policy's own actions"] += episode.steps - kept
    return material


def oldest_version(piece: BagEpisode, newest: int) -> int:
    """Version of the oldest worker known to have acted in a stretch; ``newest`` where none is known."""
    known = ~np.isnan(piece.actions).any(axis=1)
    return int(piece.policy_versions[known].min(initial=newest))


def whole_segments(period: int, episode: BagEpisode, foreign_actions: bool) -> Iterator[tuple[int, int]]:
    """First and last + 1 step of each stretch of whole segments under one task goal.

    A segment is whole if its subgoal is known and in force for a period, or up to the episode's end.

    Args:
        period: steps per subgoal; 1: every step is a segment of its own.
        episode: sound, perhaps with holes.
        foreign_actions: whether applied actions may be another's than the policy's, or in DEMO the demonstrator's.
    """
    if not episode.steps:
        return  # It has only begun, and its first subgoal may be there.
    sound = np.ones(episode.steps, np.bool_)
    if not foreign_actions:
        # Who demonstrates stands in the policy's place: what was held, or made safe, in a demonstration is nobody's.
        acts = ActionSource.TELEOP if episode.mode == Mode.DEMO else ActionSource.POLICY
        sound &= np.isin(episode.action_sources, (ActionSource.POLICY, acts))
    goals = episode.desired_goals
    same = np.all(goals[1:] == goals[:-1], axis=1)
    # Of whoever learns from single steps it does not matter whose subgoals they served.
    table = decisions(episode) if period > 1 else None
    chosen = range(0, episode.steps, period) if table is None else table.steps[table.steps < episode.steps].tolist()
    begin: int | None = None
    end = 0
    for first, following in zip(chosen, [*chosen[1:], episode.steps], strict=True):
        last = min(first + period, episode.steps)
        whole = last <= following and bool(sound[first:last].all() and same[first : last - 1].all())
        if begin is not None and not (whole and first == end and same[first - 1]):
            yield begin, end
            begin = None
        if whole:
            begin, end = first if begin is None else begin, last
    if begin is not None:
        yield begin, end


def cut(episode: BagEpisode, start: int, end: int) -> BagEpisode:
    """Steps ``start`` to ``end`` - 1 of an episode as an episode of their own; cut off unless they reach its end."""
    if (start, end) == (0, episode.steps):
        return episode
    parts = {name: getattr(episode, name)[start:end] for name in _STEPS}
    parts |= {name: getattr(episode, name)[start : end + 1] for name in _OBSERVATIONS}
    last = end == episode.steps
    if not last:
        # The observation after the stretch belongs to it, a goal that changes there does not.
        parts["desired_goals"] = np.concatenate((parts["desired_goals"][:-1], parts["desired_goals"][-2:-1]))
    return dataclasses.replace(
        episode,
        **parts,
        subgoals={level: _subgoals(table, start, end) for level, table in episode.subgoals.items()},
        segments={level: _segments(table, start, end) for level, table in episode.segments.items()},
        terminated=episode.terminated and last,
        truncated=episode.truncated and last,
        outcome=episode.outcome if last else None,
    )


def _subgoals(table: SubgoalTable, start: int, end: int) -> SubgoalTable:
    rows = (table.steps >= start) & (table.steps < end)
    kept = SubgoalTable._make(column[rows] for column in table)
    return kept._replace(steps=kept.steps - start)


def _segments(table: SegmentTable, start: int, end: int) -> SegmentTable:
    rows = (table.steps > start) & (table.steps <= end)
    kept = SegmentTable._make(column[rows] for column in table)
    return kept._replace(steps=kept.steps - start)
