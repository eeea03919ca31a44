"""An episode as named columns, one value per observation or per step: what every format is made from."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode, SubgoalTable
from hrl_core.errors import HrlError
from hrl_core.messages import WORKER_LEVEL, SubgoalKind

Array = npt.NDArray[Any]
_NO_SUBGOAL = (SubgoalKind.NONE, SubgoalKind.CONTINUE)


class Layout(NamedTuple):
    """Sizes that all exported episodes share."""

    observation: int
    goal: int
    action: int
    subgoals: dict[int, int]
    """Level -> size of its subgoals, levels rising; 0: they have no value (skills)."""


class StepColumns(NamedTuple):
    """Columns of one episode of T steps."""

    observed: dict[str, Array]
    """What belongs to an observation, leading axis (T + 1,)."""
    taken: dict[str, Array]
    """What belongs to the step that follows an observation, leading axis (T,)."""


def layout_of(episodes: Iterable[BagEpisode]) -> Layout:
    """Return the sizes of at least one episode.

    Raises:
        HrlError: they differ between episodes.
    """
    sizes: dict[str, int] = {}
    levels: dict[int, int] = {}
    for episode in episodes:
        widths = {
            "observation": episode.states.shape[1],
            "goal": episode.desired_goals.shape[1],
            "action": episode.applied_actions.shape[1],
        }
        _agree(sizes, widths, episode)
        _agree(levels, {level: table.values.shape[1] for level, table in episode.subgoals.items()}, episode)
    return Layout(**sizes, subgoals=dict(sorted(levels.items())))


def step_columns(episode: BagEpisode, layout: Layout) -> StepColumns:
    """Return the columns; the arrays are those of the episode where they can be."""
    last = np.arange(episode.steps) == episode.steps - 1
    observed: dict[str, Array] = {
        "observation": episode.states,
        "achieved_goal": episode.achieved_goals,
        "desired_goal": episode.desired_goals,
        "success": episode.success,
        "stamp": episode.stamps,
        "received": episode.received,
    }
    taken: dict[str, Array] = {
        "action": episode.applied_actions,
        "action_source": episode.action_sources,
        "policy_action": episode.actions,
        "policy_action_source": episode.sources,
        "intended_action": np.where(np.isnan(episode.intended), episode.applied_actions, episode.intended),
        "policy_version": episode.policy_versions,
        "log_probability": episode.log_probabilities,
        "reward": episode.rewards,
        "terminated": last & episode.terminated,
        "truncated": last & episode.truncated,
    }
    for level, size in layout.subgoals.items():
        name = "subgoal" if level == WORKER_LEVEL else f"subgoal_level_{level}"
        taken |= _in_force(episode.subgoals.get(level), episode.steps, size, name)
    return StepColumns(observed, taken)


def _in_force(table: SubgoalTable | None, steps: int, size: int, name: str) -> dict[str, Array]:
    """Subgoal in force at each step; zeros, -1 and not valid before the first, and where the recording has a hole."""
    rows = np.empty(0, np.int64) if table is None else np.flatnonzero(table.kinds != SubgoalKind.CONTINUE)
    chosen = np.empty(0, np.int64) if table is None else table.steps[rows]
    position = np.searchsorted(chosen, np.arange(steps), side="right") - 1
    value, anchor = np.zeros((steps, size)), np.zeros((steps, size))
    step, seq, kind = np.full(steps, -1), np.full(steps, -1), np.full(steps, int(SubgoalKind.NONE))
    attempt = np.full(steps, -1)
    known = (position >= 0) & (np.arange(steps) < _known_until(table, rows)[position])
    if table is not None and known.any():
        source = rows[position[known]]
        value[known], anchor[known] = table.values[source], _anchors(table, size)[source]
        step[known], seq[known], kind[known] = table.steps[source], table.seqs[source], table.kinds[source]
        attempt[known] = table.attempts[source]
    columns: dict[str, Array] = {name: value, f"{name}_anchor": anchor} if size else {}
    valid = ~np.isin(kind, _NO_SUBGOAL)
    numbers = {"kind": kind, "step": step, "seq": seq, "attempt": attempt, "valid": valid}
    return columns | {f"{name}_{what}": column for what, column in numbers.items()}


def _known_until(table: SubgoalTable | None, rows: Array) -> Array:
    """Step up to which each subgoal is in force for all that is known: of a lost successor, only when it was due."""
    if table is None or not len(rows):
        return np.zeros(1)
    lost = np.append(np.diff(table.seqs) > 1, False)[np.append(rows[1:] - 1, len(table.seqs) - 1)]
    return np.where(lost, table.steps[rows] + table.horizons[rows], np.inf)


def _anchors(table: SubgoalTable, size: int) -> Array:
    """Anchors, or zeros where the manager names none (directions, skills)."""
    return table.anchors if table.anchors.shape[1] == size else np.zeros((len(table.seqs), size))


def _agree(known: dict[Any, int], found: dict[Any, int], episode: BagEpisode) -> None:
    for name, size in found.items():
        if known.setdefault(name, size) != size:
            what = name if isinstance(name, str) else f"subgoal of level {name}"
            raise HrlError(
                f"{episode.key}: its {what} has {size} elements, that of earlier episodes {known[name]}; "
                "export them apart"
            )
