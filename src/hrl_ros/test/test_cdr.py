"""Our serialisation is rclpy's: whatever one writes, the other reads as the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rclpy.serialization import deserialize_message, serialize_message

from hrl_core.errors import InvalidDataError
from hrl_core.messages import Action, EpisodeResult, Observation, Subgoal, SubgoalRequest, SubgoalResult
from hrl_msgs import msg
from hrl_ros import messages

CODECS = {
    "Observation": (messages.OBSERVATION, Observation),
    "Subgoal": (messages.SUBGOAL, Subgoal),
    "SubgoalRequest": (messages.SUBGOAL_REQUEST, SubgoalRequest),
    "SubgoalResult": (messages.SUBGOAL_RESULT, SubgoalResult),
    "Action": (messages.ACTION, Action),
    "EpisodeResult": (messages.EPISODE_RESULT, EpisodeResult),
}
RANGES = {
    "uint8": (0, 2**8 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
TIMES = st.integers(0, (2**31 - 1) * 10**9)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


def values_of(kind):
    if kind in RANGES:
        return st.integers(*RANGES[kind])
    return {
        "boolean": st.booleans(),
        "double": st.floats(allow_nan=False),
        "string": TEXTS,
        "builtin_interfaces/Time": TIMES,
        "sequence<double>": arrays(np.float64, st.integers(0, 7), elements=st.floats(allow_nan=False)),
        "sequence<string>": st.lists(TEXTS, max_size=3).map(tuple),
    }[kind]


@st.composite
def records(draw, name):
    _, record = CODECS[name]
    fields = getattr(msg, name).get_fields_and_field_types()
    values = []
    for kind in fields.values():
        values += [draw(TIMES), draw(TEXTS)] if kind == "std_msgs/Header" else [draw(values_of(kind))]
    return record(*values)


def same(one, other):
    return all(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_rclpy_reads_what_we_write_and_we_read_what_rclpy_writes(name, data):
    codec, _ = CODECS[name]
    record = data.draw(records(name))
    message = deserialize_message(codec.encode(record), getattr(msg, name))
    assert same(codec.decode(serialize_message(message)), record)
    assert same(codec.decode(codec.encode(record)), record)


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data(), cut=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_cut_messages_are_refused_not_misread(name, data, cut):
    codec, _ = CODECS[name]
    whole = codec.encode(data.draw(records(name)))
    with pytest.raises(InvalidDataError):
        codec.decode(whole[: max(0, len(whole) - 1 - cut)])


@given(data=st.data(), noise=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_noise_never_crashes_the_decoder(data, noise):
    codec, _ = CODECS[data.draw(st.sampled_from(sorted(CODECS)))]
    try:
        codec.decode(b"\x00\x01\x00\x00" + noise)
    except InvalidDataError:
        pass


def test_foreign_encapsulation_is_refused():
    with pytest.raises(InvalidDataError, match="little-endian"):
        messages.ACTION.decode(b"\x00\x00\x00\x00" + bytes(200))


def test_codec_refuses_a_record_that_differs_from_the_message():
    from hrl_ros.cdr import CdrCodec

    with pytest.raises(TypeError, match="differ"):
        CdrCodec(msg.Action, Action, Subgoal._fields)
