"""Bulk decoding agrees with decoding message by message, whatever the lengths of the fields."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hrl_core.bags.blocks import Block, Topic
from hrl_core.bags.columns import ColumnReader
from hrl_core.bags.errors import BagError

VECTOR = st.integers(0, 3).flatmap(lambda n: arrays(np.float64, n, elements=st.floats(width=64)))
SUBGOAL = st.fixed_dictionaries(
    {
        "run": st.integers(0, 2**64 - 1),
        "robot": st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=5),
        "episode": st.integers(0, 2**32 - 1),
        "seq": st.integers(0, 2**32 - 1),
        "parent_seq": st.integers(-(2**63), 2**63 - 1),
        "kind": st.integers(0, 255),
        "value": VECTOR,
        "anchor": VECTOR,
        "space": st.sampled_from(["", "position", "latent/v17"]),
        "skill_id": st.integers(-(2**31), 2**31 - 1),
        "tolerance": VECTOR,
        "test": st.booleans(),
        "header_stamp": st.integers(0, 2 * 10**18),
        "log_probability": st.floats(width=64),
    }
)


def block_of(parts):
    """Messages as they lie in a chunk, with a little between them."""
    buffer = b"".join(part + b"between" for part in parts)
    lengths = np.array([len(part) for part in parts])
    starts = np.cumsum(lengths + 7) - lengths - 7
    stamps = np.arange(len(parts))
    return Block(np.frombuffer(buffer, np.uint8), np.zeros(len(parts), np.int64), stamps, starts, lengths)


def topic_of(typestore, name):
    return Topic(f"/{name}", f"hrl_msgs/msg/{name}", typestore.generate_msgdef(f"hrl_msgs/msg/{name}")[0], False, ())


@settings(max_examples=40, deadline=None)
@given(messages=st.lists(SUBGOAL, min_size=1, max_size=12), padding=st.integers(0, 3))
def test_columns_hold_what_single_decoding_gives(typestore, script, messages, padding):
    said = script()
    for fields in messages:
        said.say("Subgoal", **fields)
    reader = ColumnReader(topic_of(typestore, "Subgoal"))
    reader.add(block_of([m.data + b"\0" * padding for m in said.messages]), np.arange(len(messages)), tag=4)
    columns = reader.columns()
    assert not reader.bad
    assert set(columns["#tag"].tolist()) == {4}
    order = np.argsort(columns["#stamp"])
    for row, message in zip(order, said.messages, strict=True):
        single = typestore.deserialize_cdr(message.data, "hrl_msgs/msg/Subgoal")
        for name in ("run", "episode", "seq", "parent_seq", "kind", "skill_id", "test"):
            assert columns[name][row].item() == getattr(single, name), name
        assert columns["log_probability"][row].tobytes() == np.float64(single.log_probability).tobytes()
        assert columns["stamp"][row] == single.header.stamp.sec * 10**9 + single.header.stamp.nanosec
        for name in ("value", "anchor", "tolerance", "task_goal"):
            length = columns[f"{name}#"][row]
            assert columns[name][row, :length].tobytes() == getattr(single, name).tobytes(), name
        for name in ("robot", "space"):
            assert columns[name].tolist()[row].decode() == getattr(single, name)


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 200), garbage=st.binary(max_size=300))
def test_messages_that_are_none_are_noted_and_the_others_read(typestore, script, cut, garbage):
    said = script()
    for step in range(3):
        said.say("Observation", step=step, state=np.ones(3) * step, achieved_goal=np.ones(2), robot="r")
    data = [m.data for m in said.messages]
    odd = data[1][: min(cut, len(data[1]) - 1)]
    reader = ColumnReader(topic_of(typestore, "Observation"))
    reader.add(block_of([data[0], odd, garbage, data[2]]), np.arange(4), tag=0)
    columns = reader.columns()
    steps = dict(zip(columns["#stamp"].tolist(), columns["step"].tolist(), strict=True))
    assert (steps[0], steps[3]) == (0, 2)
    assert 1 in {bad.stamp for bad in reader.bad}


def test_bag_without_definitions_is_refused(typestore):
    topic = topic_of(typestore, "Action")._replace(definition="")
    with pytest.raises(BagError, match="holds no definition of hrl_msgs/msg/Action"):
        ColumnReader(topic)
    with pytest.raises(BagError, match="is damaged"):
        ColumnReader(topic._replace(definition="float64[ value"))
