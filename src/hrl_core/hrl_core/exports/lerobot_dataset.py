"""LeRobot: a data set of layout v3.0 (``meta/`` and ``data/`` of Parquet and JSON), without the package ``lerobot``.

One frame per step; the observation after the last step has no frame and is kept with the episode. Numbers that a policy
learns from are float32, as everywhere in LeRobot.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from hrl_core.exports.arrow import arrow_array, parquet_writer
from hrl_core.exports.lerobot_features import describe_features, frames
from hrl_core.exports.lerobot_statistics import Statistics, statistics
from hrl_core.exports.selection import Selection, episode_facts

VERSION = "v3.0"
CHUNK_FILES = 1000
DATA_MEGABYTES = 100
_PLACE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_DATA = f"data/{_PLACE}"
_EPISODES = f"meta/episodes/{_PLACE}"
_SEED = "hrl.outcome_seed"

Columns = dict[str, npt.NDArray[Any]]


def write(selection: Selection, folder: Path, out: Path) -> None:
    """Fill ``folder`` with the data set."""
    (folder / "meta").mkdir()
    period = _period(selection)
    data = _DataFiles(folder)
    everything: list[Columns] = []
    rows: list[dict[str, Any]] = []
    for number, (episode, facts) in enumerate(zip(selection.episodes, episode_facts(selection), strict=True)):
        columns = frames(episode, selection.layout, number, data.frames, period)
        row = _episode_row(selection, facts, columns)
        rows.append(row | {f"final.{name}": value for name, value in _final(selection, number).items()})
        rows[-1] |= data.add(columns)
        everything.append(columns)
    data.close()
    joined = {name: np.concatenate([columns[name] for columns in everything]) for name in everything[0]}
    info = _info(selection, period, describe_features(joined, selection))
    _write_json(folder / "meta/info.json", info)
    _write_json(folder / "meta/stats.json", statistics(joined))
    _write_tasks(folder / "meta/tasks.parquet", selection.task_name)
    _write_rows(folder / _EPISODES.format(chunk_index=0, file_index=0), rows)


class _DataFiles:
    """Frames, in files of at most about ``DATA_MEGABYTES``; an episode is never divided."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: pq.ParquetWriter | None = None
        self._file, self._bytes = 0, 0
        self.frames = 0
        """Frames written so far."""

    def add(self, columns: Columns) -> dict[str, int]:
        """Append an episode; returns where it lies, as ``meta/episodes`` tells it."""
        table = pa.table({name: arrow_array(column) for name, column in columns.items()})
        if self._writer is not None and self._bytes + table.nbytes > DATA_MEGABYTES * 1_000_000:
            self.close()
            self._file, self._bytes = self._file + 1, 0
        place = {"chunk_index": self._file // CHUNK_FILES, "file_index": self._file % CHUNK_FILES}
        if self._writer is None:
            path = self._folder / _DATA.format(**place)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = parquet_writer(path, table.schema)
        self._writer.write_table(table)
        self._bytes += table.nbytes
        first, self.frames = self.frames, self.frames + len(table)
        return {
            **{f"data/{name}": value for name, value in place.items()},
            "dataset_from_index": first,
            "dataset_to_index": self.frames,
        }

    def close(self) -> None:
        """Finish the present file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _episode_row(selection: Selection, facts: dict[str, Any], columns: Columns) -> dict[str, Any]:
    """What ``meta/episodes`` says of an episode, besides where it lies."""
    own = {f"hrl.{name}": value for name, value in facts.items() if name != "episode_index"}
    figures: Statistics = statistics(columns)
    flat = {f"stats/{name}/{figure}": value for name, each in figures.items() for figure, value in each.items()}
    return {
        "episode_index": facts["episode_index"],
        "tasks": [selection.task_name],
        "length": facts["steps"],
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
        **own,
        **flat,
    }


def _final(selection: Selection, number: int) -> dict[str, Any]:
    """The observation after the last step, as recorded."""
    episode = selection.episodes[number]
    return {
        "observation.state": episode.states[-1].tolist(),
        "observation.achieved_goal": episode.achieved_goals[-1].tolist(),
        "observation.desired_goal": episode.desired_goals[-1].tolist(),
        "stamp": int(episode.stamps[-1]),
        "received": int(episode.received[-1]),
    }


def _period(selection: Selection) -> float:
    """Seconds between frames: of the task, else the usual one of the recording."""
    if selection.task is not None:
        return selection.task.control_period
    gaps = np.concatenate([np.diff(episode.stamps) for episode in selection.episodes])
    return float(np.median(gaps)) / 1e9 or 1.0


def _info(selection: Selection, period: float, features: dict[str, Any]) -> dict[str, Any]:
    rate = 1 / period
    return {
        "codebase_version": VERSION,
        "robot_type": ", ".join(sorted({episode.key.robot for episode in selection.episodes})),
        "total_episodes": len(selection.episodes),
        "total_frames": selection.steps,
        "total_tasks": 1,
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": DATA_MEGABYTES,
        "video_files_size_in_mb": 200,
        "fps": round(rate) if abs(rate - round(rate)) < 1e-6 else rate,
        "splits": {"train": f"0:{len(selection.episodes)}"},
        "data_path": _DATA,
        "video_path": None,
        "features": features,
        **selection.facts(),
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=4) + "\n")


def _write_tasks(path: Path, name: str) -> None:
    """One task; LeRobot's pandas takes its text for the index, which only this note tells."""
    note = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"},
            {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object"},
        ],
    }
    table = pa.table({"task_index": pa.array([0]), "task": pa.array([name])})
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(note)}), path)


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True)
    # Arrow takes whole numbers for signed ones, which a seed may be too large for.
    seeds = pa.array([row[_SEED] for row in rows], pa.uint64())
    others = pa.Table.from_pylist([{name: row[name] for name in row if name != _SEED} for row in rows])
    pq.write_table(others.append_column(_SEED, seeds), path)
