"""Minari: T + 1 observations and T actions an episode, ours and others'."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import minari
import numpy as np

from hrl_core.errors import HrlError
from hrl_core.imports.episodes import INTENDED, Array, ForeignEpisode, as_rows

STATE = "observation"
ACHIEVED, DESIRED = "achieved_goal", "desired_goal"


def read(path: Path, keys: tuple[str, ...]) -> Iterator[ForeignEpisode]:
    """Episodes of a data set; ``path`` is its folder, or the ``data`` in it.

    Args:
        path: the folder.
        keys: of an observation that is a dictionary; empty: ``observation``.
    """
    folder = path / "data" if (path / "data").is_dir() else path
    return (_episode(episode, keys, path) for episode in minari.MinariDataset(folder).iterate_episodes())


def _episode(episode: Any, keys: tuple[str, ...], path: Path) -> ForeignEpisode:  # noqa: ANN401 - minari.EpisodeData
    seen, goals = episode.observations, {}
    if isinstance(seen, Mapping):
        lacking = [key for key in keys or (STATE,) if key not in seen]
        if lacking:
            raise HrlError(f"{path}: observations have no {', '.join(lacking)}; they have {', '.join(seen)} (--keys)")
        goals = {name: flat(seen[name]) for name in (ACHIEVED, DESIRED) if name in seen}
        states = np.concatenate([flat(seen[key]) for key in keys or (STATE,)], axis=1)
    else:
        states = flat(seen)
    told = (episode.infos or {}).get("success")
    success = None if told is None or len(told) != len(states) else np.asarray(told, bool)
    meant = (episode.infos or {}).get(INTENDED)
    return ForeignEpisode(
        states=states,
        actions=flat(episode.actions),
        rewards=np.asarray(episode.rewards, np.float64),
        terminated=bool(episode.terminations[-1]),
        achieved_goals=goals.get(ACHIEVED),
        desired_goals=goals.get(DESIRED),
        success=success,
        intended=None if meant is None else as_rows(meant)[: len(episode.rewards)],
    )


def flat(values: Any) -> Array:  # noqa: ANN401 - arrays, or dictionaries of such
    """Values of each step as one vector, (steps, size); of a dictionary one part after the other, in its order."""
    if isinstance(values, Mapping):
        return np.concatenate([flat(part) for part in values.values()], axis=1)
    return as_rows(values)
