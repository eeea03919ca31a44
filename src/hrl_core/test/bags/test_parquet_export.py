"""Parquet, read by pyarrow: everything that the reader of bags gives, bit for bit."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.bags.episodes import SegmentTable, SubgoalTable
from hrl_core.bags.reader import read_bags
from hrl_core.exports import parquet_tables
from hrl_core.exports.columns import step_columns
from hrl_core.exports.formats import FORMATS
from hrl_core.exports.selection import choose_episodes
from hrl_core.task.text import parse_task

ANY_FLOAT = st.floats(width=64)
LIMITED = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def same_bits(one, other):
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def column(table, name):
    """A column as numpy holds it, without nulls."""
    data = table[name].combine_chunks().drop_null()
    if hasattr(data.type, "list_size"):
        return data.flatten().to_numpy().reshape(len(data), data.type.list_size)
    return data.to_numpy(zero_copy_only=False)


def rows(table, number, level=None):
    keep = table["episode_index"].to_numpy() == number
    return table.filter(keep if level is None else keep & (table["level"].to_numpy() == level))


def export(bags, out):
    selection = choose_episodes(read_bags(bags))
    FORMATS["parquet"].export(selection, out)
    return selection, *(pq.read_table(out / f"{n}.parquet") for n in ("steps", "episodes", "subgoals", "segments"))


def check_steps(selection, steps):
    for number, episode in enumerate(selection.episodes):
        mine = rows(steps, number)
        assert len(mine) == episode.steps + 1
        assert column(mine, "step").tolist() == list(range(episode.steps + 1))
        assert set(column(mine, "run")) == {episode.key.run}
        assert set(column(mine, "robot")) == {episode.key.robot}
        assert set(column(mine, "episode")) == {episode.key.episode}
        observed, taken = step_columns(episode, selection.layout)
        for name, values in (observed | taken).items():
            assert same_bits(column(mine, name), values), name
        assert mine["action"][-1].as_py() is None


def check_decisions(episodes, table, field, columns, kind):
    for number, episode in enumerate(episodes):
        for level, expected in getattr(episode, field).items():
            mine = rows(table, number, level)
            assert isinstance(expected, kind)
            for name, about in columns.items():
                values = getattr(expected, about.field)
                if about.vector:
                    assert set(mine[name].combine_chunks().value_lengths().to_pylist()) <= {values.shape[1]}
                    assert same_bits(mine[name].combine_chunks().flatten().to_numpy(), values.reshape(-1))
                else:
                    assert column(mine, name).astype(values.dtype).tobytes() == values.tobytes()


@LIMITED
@given(st.data())
def test_any_numbers_are_read_back_bit_for_bit(tmp_path_factory, script, write_bag, data):
    said, folder = script(), tmp_path_factory.mktemp("bags")
    said.run_info()
    for number in range(data.draw(st.integers(1, 3))):
        length = data.draw(st.integers(1, 8))
        shapes = ((length + 1, 4), (length, 2), (length,))
        lived = [data.draw(arrays(np.float64, shape, elements=ANY_FLOAT)) for shape in shapes]
        said.episode(number, *lived, terminated=data.draw(st.booleans()))
    bag = write_bag(folder / "bag", said.messages)
    selection, steps, _, subgoals, segments = export([bag], folder / "out")
    check_steps(selection, steps)
    check_decisions(selection.episodes, subgoals, "subgoals", parquet_tables._SUBGOALS, SubgoalTable)
    check_decisions(selection.episodes, segments, "segments", parquet_tables._SEGMENTS, SegmentTable)


def test_every_field_of_the_decision_tables_has_a_column():
    assert [c.field for c in parquet_tables._SUBGOALS.values()] == list(SubgoalTable._fields)
    assert [c.field for c in parquet_tables._SEGMENTS.values()] == list(SegmentTable._fields)


def test_row_groups_do_not_show(monkeypatch, simple, write_bag, tmp_path):
    monkeypatch.setattr(parquet_tables, "_ROWS", 20)
    bag = write_bag(tmp_path / "bag", simple(episodes=7).messages)
    selection, steps, *_ = export([bag], tmp_path / "out")
    assert pq.ParquetFile(tmp_path / "out/steps.parquet").num_row_groups == 3
    check_steps(selection, steps)


def test_damaged_episode_stays_out(simple, write_bag, tmp_path):
    messages = simple().messages
    at = [i for i, m in enumerate(messages) if m.kind == "Observation" and m.fields["episode"] == 1][4]
    selection, steps, episodes, *_ = export(
        [write_bag(tmp_path / "bag", messages[:at] + messages[at + 1 :])], tmp_path / "o"
    )
    assert column(episodes, "episode").tolist() == [0, 2] == [e.key.episode for e in selection.episodes]
    assert set(column(steps, "episode")) == {0, 2}


def test_episode_cut_off_has_no_outcome_and_the_task_is_told(script, write_bag, tmp_path):
    said = script()
    said.run_info(run=(1 << 64) - 1)
    said.episode(0, np.zeros((4, 4)), np.zeros((3, 2)), np.zeros(3), run=(1 << 64) - 1, end=False)
    _, steps, episodes, *_ = export([write_bag(tmp_path / "bag", said.messages)], tmp_path / "out")
    (row,) = episodes.to_pylist()
    assert row["outcome_return"] is None and row["outcome_end"] is None
    assert (row["terminated"], row["truncated"], row["run"]) == (False, False, "f" * 16)
    assert column(steps, "run").tolist() == [(1 << 64) - 1] * 4
    assert parse_task(steps.schema.metadata[b"hrl.task"].decode(), "parquet") == said.task


@pytest.mark.parametrize("kinds", [{"Observation", "RunInfo"}, {"Observation", "RunInfo", "Action"}])
def test_flat_policy_has_no_subgoal_columns(simple, write_bag, tmp_path, kinds):
    # Episodes within one period: their actions name subgoal 0 throughout, as those of a flat policy do.
    messages = [m for m in simple(length=2).messages if m.kind in kinds]
    bag = write_bag(tmp_path / "bag", messages, topics={kind: f"/{kind.lower()}" for kind in kinds})
    selection, steps, _, subgoals, segments = export([bag], tmp_path / "out")
    check_steps(selection, steps)
    assert not [name for name in steps.column_names if name.startswith("subgoal")]
    assert len(subgoals) == len(segments) == 0
