"""Minari: a data set of ``minari.load_dataset``, written by Minari's own storage (HDF5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import minari
import numpy as np
from minari.data_collector.episode_buffer import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage
from minari.serialization import deserialize_space

from hrl_core.bags.episodes import BagEpisode
from hrl_core.exports.columns import Array, step_columns
from hrl_core.exports.folder import require_space
from hrl_core.exports.minari_id import place
from hrl_core.exports.own_process import in_own_process
from hrl_core.exports.selection import Fact, Selection, episode_facts

_OBSERVATIONS = ("observation", "achieved_goal", "desired_goal")
_OWN_PLACE = ("action", "reward", "terminated", "truncated")
_INFINITY = float("inf")
_HEADER, _HEADERS = 8192, 1 << 20
"""Bytes for the description of one array, and of the whole."""


def write(selection: Selection, folder: Path, out: Path) -> None:
    """Fill ``folder`` with the data set named after ``out``."""
    require_space(folder, _largest_size(selection))
    # Others may fill the disk meanwhile, and HDF5 crashes its process when a file cannot be closed for that.
    in_own_process(lambda: _fill(selection, folder, out), "Minari's writer")


def _fill(selection: Selection, folder: Path, out: Path) -> None:
    data = folder / "data"
    storage = MinariStorage.new(data, _observation_space(selection), _action_space(selection), data_format="hdf5")
    storage.update_metadata(_metadata(selection, out))
    storage.update_episodes(_buffer(episode, selection) for episode in selection.episodes)
    storage.update_episode_metadata([_known(facts) for facts in episode_facts(selection)])


def _largest_size(selection: Selection) -> int:
    """Bytes that the file will not exceed: numbers in chunks at most half empty, and a header per array."""
    columns = [step_columns(episode, selection.layout) for episode in selection.episodes]
    arrays = [array for own in columns for array in (*own.observed.values(), *own.taken.values())]
    return _HEADERS + sum(2 * array.nbytes + _HEADER for array in arrays)


def _observation_space(selection: Selection) -> Any:  # noqa: ANN401 - gymnasium's classes are Minari's business
    """Dict of unbounded boxes, as of goal-conditioned Gymnasium environments."""
    layout = selection.layout
    sizes = {"observation": layout.observation, "achieved_goal": layout.goal, "desired_goal": layout.goal}
    boxes = {name: _box([-_INFINITY] * size, [_INFINITY] * size) for name, size in sizes.items()}
    return deserialize_space({"type": "Dict", "subspaces": boxes})


def _action_space(selection: Selection) -> Any:  # noqa: ANN401
    """The choices of the task, or a box with its limits; unbounded where it is unknown."""
    size = selection.layout.action
    if selection.task is None:
        return deserialize_space(_box([-_INFINITY] * size, [_INFINITY] * size))
    if selection.task.choices:
        return deserialize_space({"type": "Discrete", "start": 0, "n": len(selection.task.choices)})
    return deserialize_space(_box(selection.task.action_low.tolist(), selection.task.action_high.tolist()))


def _box(low: Sequence[float], high: Sequence[float]) -> dict[str, Any]:
    """A box in Minari's serialised form; float64, as recorded."""
    return {"type": "Box", "dtype": "float64", "shape": [len(low)], "low": low, "high": high}


def _buffer(episode: BagEpisode, selection: Selection) -> EpisodeBuffer:
    columns = step_columns(episode, selection.layout)
    observed, taken = columns.observed, columns.taken
    infos = {name: column for name, column in observed.items() if name not in _OBSERVATIONS}
    infos |= {name: column for name, column in taken.items() if name not in _OWN_PLACE}
    return EpisodeBuffer(
        seed=None if episode.outcome is None else episode.outcome.seed,
        observations={name: observed[name] for name in _OBSERVATIONS},
        actions=_actions(taken["action"], selection),  # pyright: ignore[reportArgumentType] - declared as lists, stored as arrays
        rewards=taken["reward"],  # pyright: ignore[reportArgumentType]
        terminations=taken["terminated"],  # pyright: ignore[reportArgumentType]
        truncations=taken["truncated"],  # pyright: ignore[reportArgumentType]
        infos=infos,
    )


def _actions(applied: Array, selection: Selection) -> Array:
    """As the action space has them: the numbers of choices are whole, shape (steps,)."""
    return applied[:, 0].astype(np.int64) if selection.task is not None and selection.task.choices else applied


def _metadata(selection: Selection, out: Path) -> dict[str, Any]:
    about = f"{len(selection.episodes)} recorded episodes of {selection.task_name}, exported by hrl"
    return {
        "dataset_id": place(out).id,
        "minari_version": minari.__version__,
        "description": about,
        **selection.facts(),
    }


def _known(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """HDF5 attributes have no null."""
    return {name: value for name, value in facts.items() if value is not None}
