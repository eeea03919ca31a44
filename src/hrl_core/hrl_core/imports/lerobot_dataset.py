"""LeRobot, layout v3.0: one frame a step, numbers in 32 bits; many episodes a file, told apart by ``episode_index``.

There is no frame after the last step. Our exports keep the last observation with the episode; of others the last
action is left out, since nobody knows where it led.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hrl_core.errors import HrlError
from hrl_core.imports.episodes import INTENDED, Array, ForeignEpisode, as_rows

STATE = "observation.state"
ACHIEVED, DESIRED = "observation.achieved_goal", "observation.desired_goal"
_VERSION = "v3."


def read(path: Path, keys: tuple[str, ...]) -> Iterator[ForeignEpisode]:
    """Episodes of a data set folder.

    Args:
        path: the folder.
        keys: columns that the observation is made of; empty: ``observation.state``.
    """
    version = _info(path).get("codebase_version", "")
    if not str(version).startswith(_VERSION):
        raise HrlError(f"{path}: layout '{version}' of LeRobot; {_VERSION}x is read (LeRobot converts older ones)")
    finals = {row["episode_index"]: row for row in _tables(path, "meta/episodes").to_pylist()}
    frames = _tables(path, "data")
    wanted = (*(keys or (STATE,)), "action", "episode_index")
    lacking = [name for name in wanted if name not in frames.column_names]
    if lacking:
        raise HrlError(f"{path}: has no column {', '.join(lacking)}; it has {', '.join(frames.column_names)} (--keys)")
    for number, rows in _by_episode(frames):
        yield _episode(rows, finals.get(number, {}), keys or (STATE,))


def _by_episode(frames: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """The frames of each episode, in their order, by its number; however they lie, they are sorted but once."""
    numbers = np.asarray(frames["episode_index"])
    if (np.diff(numbers) < 0).any():
        order = np.argsort(numbers, kind="stable")
        frames, numbers = frames.take(pa.array(order)), numbers[order]
    present, starts, lengths = np.unique(numbers, return_index=True, return_counts=True)
    for number, start, length in zip(present.tolist(), starts.tolist(), lengths.tolist(), strict=True):
        yield int(number), frames.slice(start, length)


def _info(path: Path) -> dict[str, Any]:
    try:
        return json.loads((path / "meta/info.json").read_text())
    except (OSError, ValueError) as error:
        raise HrlError(f"{path}: is no data set of LeRobot, no meta/info.json can be read ({error})") from None


def _tables(path: Path, part: str) -> pa.Table:
    files = sorted((path / part).glob("chunk-*/file-*.parquet"))
    if not files:
        raise HrlError(f"{path}: has no {part}/chunk-*/file-*.parquet")
    try:
        return pa.concat_tables([pq.read_table(file) for file in files], promote_options="default")
    except (OSError, pa.ArrowException) as error:
        raise HrlError(f"{path}: {part} cannot be read ({error})") from None


def _episode(rows: pa.Table, final: dict[str, Any], keys: tuple[str, ...]) -> ForeignEpisode:
    last = {name: final.get(f"final.{name}") for name in (*keys, ACHIEVED, DESIRED)}
    whole = all(last[name] is not None for name in keys)

    def observed(name: str) -> Array:
        values = _column(rows, name)
        return np.concatenate((values, np.array(last[name], np.float64)[None])) if whole else values

    steps = len(rows) if whole else len(rows) - 1
    goals = {name: observed(name) for name in (ACHIEVED, DESIRED) if name in rows.column_names}
    told = "next.success" in rows.column_names
    ended = bool(_column(rows, "next.terminated")[-1, 0]) if "next.terminated" in rows.column_names else False
    return ForeignEpisode(
        states=np.concatenate([observed(name) for name in keys], axis=1),
        actions=_column(rows, "action")[:steps],
        rewards=_column(rows, "next.reward")[:steps, 0] if "next.reward" in rows.column_names else np.zeros(steps),
        terminated=ended and whole,
        achieved_goals=goals.get(ACHIEVED),
        desired_goals=goals.get(DESIRED),
        success=np.array([False, *_column(rows, "next.success")[:steps, 0]], bool) if told else None,
        intended=_column(rows, INTENDED)[:steps] if INTENDED in rows.column_names else None,
    )


def _column(rows: pa.Table, name: str) -> Array:
    """Values of a column, (frames, size)."""
    return as_rows(rows[name].to_pylist())
