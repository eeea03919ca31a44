"""What of an episode is a LeRobot feature: names, types, and the numbers of its frames."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.bags.episodes import BagEpisode
from hrl_core.errors import HrlError
from hrl_core.exports.columns import Layout, step_columns
from hrl_core.exports.selection import Selection

Columns = dict[str, npt.NDArray[Any]]
_OBSERVED = {
    "observation": "observation.state",
    "achieved_goal": "observation.achieved_goal",
    "desired_goal": "observation.desired_goal",
    "stamp": "stamp",
    "received": "received",
}
_TAKEN = {"reward": "next.reward", "terminated": "next.terminated", "truncated": "next.truncated"}
_LEFT_OUT = ("policy_action", "log_probability")
"""They may be NaN, which LeRobot's statistics do not know."""


def frames(episode: BagEpisode, layout: Layout, number: int, first: int, period: float) -> Columns:
    """Return the columns of an episode's frames, (steps,) or (steps, size).

    Args:
        episode: T steps, which become T frames.
        layout: sizes that all episodes share.
        number: of the episode in the data set.
        first: number of its first frame in the data set.
        period: seconds between frames.

    Raises:
        HrlError: a policy version is too large for a signed number.
    """
    observed, taken = step_columns(episode, layout)
    steps = np.arange(episode.steps)
    columns: Columns = {
        "timestamp": (steps * period).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(episode.steps, number),
        "index": first + steps,
        "task_index": np.zeros(episode.steps, np.int64),
    }
    columns |= {name: _plain(observed[own][:-1]) for own, name in _OBSERVED.items()}
    columns |= {_TAKEN.get(own, own): _plain(c) for own, c in taken.items() if own not in _LEFT_OUT}
    columns["next.success"] = observed["success"][1:]
    columns["next.done"] = taken["terminated"] | taken["truncated"]
    # LeRobot has no vectors of nothing: the goal of a task without one.
    return {name: column for name, column in columns.items() if column.ndim == 1 or column.shape[1]}


def describe_features(columns: Columns, selection: Selection) -> dict[str, Any]:
    """What ``meta/info.json`` says of each column."""
    names = _element_names(selection)
    return {
        name: {
            "dtype": str(column.dtype),
            "shape": [1] if column.ndim == 1 else [column.shape[1]],
            "names": names.get(name),
        }
        for name, column in columns.items()
    }


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """float32, int64 or bool; vectors of one element as scalars, as LeRobot reads its shape [1]."""
    if column.dtype == np.uint64 and column.size and int(column.max()) > np.iinfo(np.int64).max:
        raise HrlError(f"policy version {int(column.max())} does not fit LeRobot's signed numbers")
    if column.dtype == np.float64:
        with np.errstate(over="ignore"):
            column = column.astype(np.float32)
    elif column.dtype != np.bool_:
        column = column.astype(np.int64)
    return column[:, 0] if column.ndim == 2 and column.shape[1] == 1 else column


def _element_names(selection: Selection) -> dict[str, list[str]]:
    """Names of the elements of the vectors, where the task is known."""
    task = selection.task
    if task is None:
        return {}
    goal = [element.name for element in task.goal]
    names = {
        "observation.state": [element.name for element in task.observation],
        "observation.achieved_goal": goal,
        "observation.desired_goal": goal,
        "action": [actuator.name for actuator in task.action],
    }
    if selection.layout.subgoals.get(0) == len(selection.subgoal):
        names["subgoal"] = names["subgoal_anchor"] = list(selection.subgoal)
    return names
