"""Parquet: four tables that hold everything the reader of bags gives, bit for bit.

``steps`` has one row per observation, T + 1 for an episode of T steps; what belongs to the step after an observation is
null in the last. ``episodes`` has one row per episode, ``subgoals`` and ``segments`` one per decision and its result.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hrl_core.bags.episodes import BagEpisode
from hrl_core.exports.arrow import arrow_array, parquet_writer
from hrl_core.exports.columns import step_columns
from hrl_core.exports.selection import Selection, episode_facts
from hrl_core.messages import Mode

STEPS, EPISODES, SUBGOALS, SEGMENTS = "steps.parquet", "episodes.parquet", "subgoals.parquet", "segments.parquet"
FORMAT = "1"
_ROWS = 1 << 17
"""Rows gathered before they are written as one row group."""
_EPISODES = pa.schema(
    [
        ("episode_index", pa.int64()), ("run", pa.string()), ("robot", pa.string()), ("episode", pa.int64()),
        ("mode", pa.string()), ("steps", pa.int64()), ("terminated", pa.bool_()), ("truncated", pa.bool_()),
        ("task", pa.string()), ("task_hash", pa.string()), ("bag", pa.string()), ("outcome_seed", pa.uint64()),
        ("outcome_return", pa.float64()), ("outcome_success", pa.bool_()), ("outcome_final_distance", pa.float64()),
        ("outcome_end", pa.string()),
    ]
)  # fmt: skip


class Column(NamedTuple):
    """A column of a table of decisions."""

    field: str
    """Of ``SubgoalTable`` or ``SegmentTable``."""
    type: pa.DataType
    vector: bool = False


_SUBGOALS = {
    "seq": Column("seqs", pa.int64()),
    "step": Column("steps", pa.int64()),
    "kind": Column("kinds", pa.int64()),
    "value": Column("values", pa.float64(), vector=True),
    "anchor": Column("anchors", pa.float64(), vector=True),
    "task_goal": Column("task_goals", pa.float64(), vector=True),
    "parent_seq": Column("parent_seqs", pa.int64()),
    "skill_id": Column("skill_ids", pa.int64()),
    "horizon": Column("horizons", pa.int64()),
    "log_probability": Column("log_probabilities", pa.float64()),
    "value_estimate": Column("value_estimates", pa.float64()),
    "policy_version": Column("policy_versions", pa.uint64()),
    "attempt": Column("attempts", pa.int64()),
    "test": Column("tests", pa.bool_()),
}
_SEGMENTS = {
    "seq": Column("seqs", pa.int64()),
    "step": Column("steps", pa.int64()),
    "steps_used": Column("steps_used", pa.int64()),
    "end_reason": Column("end_reasons", pa.int64()),
    "achieved": Column("achieved", pa.float64(), vector=True),
    "reward_sum": Column("reward_sums", pa.float64()),
    "intrinsic_sum": Column("intrinsic_sums", pa.float64()),
}


def write(selection: Selection, folder: Path, out: Path) -> None:
    """Fill ``folder`` with the four tables."""
    about = {"hrl.format": FORMAT, **selection.facts()}
    facts = pa.Table.from_pylist(episode_facts(selection), schema=_EPISODES.with_metadata(about))
    _write(folder / EPISODES, [facts])
    _write(folder / STEPS, _grouped(_steps(selection, about)))
    _write(folder / SUBGOALS, [_decisions([e.subgoals for e in selection.episodes], _SUBGOALS, about)])
    _write(folder / SEGMENTS, [_decisions([e.segments for e in selection.episodes], _SEGMENTS, about)])


def _steps(selection: Selection, about: dict[str, str]) -> Iterable[pa.Table]:
    """Rows of one episode after the other."""
    for number, episode in enumerate(selection.episodes):
        columns = step_columns(episode, selection.layout)
        arrays = _key_arrays(number, episode)
        arrays |= {name: arrow_array(column) for name, column in columns.observed.items()}
        arrays |= {name: arrow_array(column, nulls=1) for name, column in columns.taken.items()}
        yield pa.table(arrays).replace_schema_metadata(about)


def _key_arrays(number: int, episode: BagEpisode) -> dict[str, pa.Array]:
    """Columns that name the episode and the step."""
    rows = episode.steps + 1
    return {
        "episode_index": arrow_array(np.full(rows, number)),
        "run": arrow_array(np.full(rows, episode.key.run, np.uint64)),
        "robot": pa.array([episode.key.robot] * rows),
        "episode": arrow_array(np.full(rows, episode.key.episode)),
        "step": arrow_array(np.arange(rows)),
        "mode": pa.array([Mode(episode.mode).name] * rows),
    }


def _decisions(levels: list[dict[int, Any]], columns: dict[str, Column], about: dict[str, str]) -> pa.Table:
    """Tables of all levels and episodes below one another; vectors as lists: their size depends on the level."""
    tables = [(number, level, table) for number, each in enumerate(levels) for level, table in each.items()]
    lengths = [len(table.seqs) for _, _, table in tables]
    arrays: dict[str, Any] = {
        "episode_index": pa.array(np.repeat(np.array([number for number, _, _ in tables], np.int64), lengths)),
        "level": pa.array(np.repeat(np.array([level for _, level, _ in tables], np.int64), lengths)),
    }
    for name, column in columns.items():
        parts = [getattr(table, column.field) for _, _, table in tables]
        if column.vector:
            arrays[name] = _lists(parts)
        else:
            joined = np.concatenate(parts) if parts else np.empty(0, column.type.to_pandas_dtype())
            arrays[name] = pa.array(joined, type=column.type)
    return pa.table(arrays).replace_schema_metadata(about)


def _lists(parts: list[Any]) -> pa.Array:
    """Vectors of several tables, (rows, size) each."""
    sizes = [0, *(part.shape[1] for part in parts for _ in range(len(part)))]
    flat = np.concatenate([part.reshape(-1) for part in parts]) if parts else np.empty(0)
    return pa.ListArray.from_arrays(pa.array(np.cumsum(sizes).astype(np.int32)), pa.array(flat))


def _grouped(tables: Iterable[pa.Table]) -> Iterable[pa.Table]:
    """Join small tables, so that a row group is worth its place."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += len(table)
        if rows >= _ROWS:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _write(path: Path, tables: Iterable[pa.Table]) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            writer = writer or parquet_writer(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()
