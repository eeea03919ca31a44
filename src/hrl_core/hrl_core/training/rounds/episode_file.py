"""Episodes in a file: safetensors, with what is no array as JSON in its header."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from hrl_core.bags.episodes import BagEpisode, Outcome, SegmentTable, SubgoalTable
from hrl_core.bags.keys import EpisodeKey
from hrl_core.errors import HrlError
from hrl_core.whole_folders import bring_to_disk

_EPISODES = "episodes"
_LEVELS = {"subgoals": SubgoalTable, "segments": SegmentTable}
_ARRAYS = tuple(
    field.name
    for field in dataclasses.fields(BagEpisode)
    if field.name not in ("key", "bag", "task_hash", "mode", "terminated", "truncated", "outcome", *_LEVELS)
)


def save_episodes(path: Path, episodes: Sequence[BagEpisode]) -> None:
    """Write episodes; the file is there whole or not at all.

    Raises:
        OSError: the disk refuses.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    for number, episode in enumerate(episodes):
        arrays |= {f"{number}.{name}": getattr(episode, name) for name in _ARRAYS}
        for name in _LEVELS:
            for level, table in getattr(episode, name).items():
                arrays |= {f"{number}.{name}.{level}.{column}": values for column, values in table._asdict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    save_file(arrays, part, {_EPISODES: json.dumps([_plain(episode) for episode in episodes])})
    # The state that names it outlasts a power cut.
    bring_to_disk(part)
    os.replace(part, path)
    bring_to_disk(path.parent)


def load_episodes(path: Path) -> list[BagEpisode]:
    """Read what ``save_episodes`` wrote, the same bits.

    Raises:
        HrlError: it is not there, or damaged.
    """
    try:
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}
            plain = json.loads(file.metadata()[_EPISODES])
        return [_episode(number, entry, arrays) for number, entry in enumerate(plain)]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise HrlError(f"{path} is no block of episodes, or damaged: {type(error).__name__}: {error}") from None


def _plain(episode: BagEpisode) -> dict[str, Any]:
    return {
        "key": list(episode.key),
        "bag": str(episode.bag),
        "task_hash": episode.task_hash,
        "mode": episode.mode,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "outcome": episode.outcome and list(episode.outcome),
        "levels": {name: list(getattr(episode, name)) for name in _LEVELS},
    }


def _episode(number: int, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> BagEpisode:
    levels: dict[str, Any] = {
        name: {
            level: kind._make(arrays[f"{number}.{name}.{level}.{column}"] for column in kind._fields)
            for level in plain["levels"][name]
        }
        for name, kind in _LEVELS.items()
    }
    return BagEpisode(
        key=EpisodeKey(*plain["key"]),
        bag=Path(plain["bag"]),
        **{name: plain[name] for name in ("task_hash", "mode", "terminated", "truncated")},
        outcome=None if plain["outcome"] is None else Outcome(*plain["outcome"]),
        **{name: arrays[f"{number}.{name}"] for name in _ARRAYS},
        **levels,
    )
