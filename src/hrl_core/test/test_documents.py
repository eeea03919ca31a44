"""Text of strangers: it cannot be made to unfold, to take memory or time, and what is no file of ours is not quoted."""

import json
import os
import time
import tracemalloc
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hrl_core.documents import (
    MOST_DEPTH,
    MOST_JSON,
    MOST_VALUES,
    MOST_YAML,
    Ambiguous,
    read_json,
    read_limited,
    read_yaml,
)
from hrl_core.errors import FileError, TaskError
from hrl_core.task.spec import PlainData
from hrl_core.task.text import load_task, parse_task
from hrl_core.typed_fields import read_table
from hrl_core.yaml_text import yaml_text

BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)
HOSTILE = [
    BOMB,
    "a: &a [*a]",
    "a: *b",
    "[" * 200_000,
    "{a: " * 100_000,
    "- " * 200_000,
    "a: !!python/object/apply:os.system [true]",
    "a: !!binary aGFsbG8=",
    "a: 1\n---\nb: 2",
    "",
    "\x07",
    "'",
    "? [a, b]\n: 1",
    "1: 2",
    "<<: {a: 1}",
    "[" + "0," * (MOST_VALUES + 1) + "]",
    "x" * (MOST_YAML + 1),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_yaml_is_refused_fast_and_without_memory(text: str):
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(TaskError, match=r"^x\.yaml"):
        parse_task(text, "x.yaml")
    taken, memory = time.process_time() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 10
    assert memory < 200e6


def test_aliases_and_nesting_within_the_limits_are_read():
    document = read_yaml("limits: &limits [-1.5, 2]\njoints: {a: *limits, b: *limits}\n", "x")
    assert document.data == {"limits": [-1.5, 2], "joints": {"a": [-1.5, 2], "b": [-1.5, 2]}}
    assert read_yaml("[" * MOST_DEPTH + "]" * MOST_DEPTH, "x").data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((odd, None) for odd in ("010", "0x1F", "1:30", "1_000", "2026-01-01")),
        *(("7", 7), ("-0", 0), ("yes", True), ("'yes'", "yes"), ("1e-3", "1e-3"), ("1.5e+3", 1500.0), ("-.inf", -inf)),
    ],
)
def test_a_plain_scalar_means_what_people_mean_by_it_or_nothing(text: str, value: object):
    data = read_yaml(text, "x").data
    assert data == (Ambiguous(text) if value is None else value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": 1, "a": 2}', '"\\ud800"', "[1", "9" * 5000, "", "\xff"])
def test_hostile_json_is_refused(text: str):
    with pytest.raises(FileError, match=r"^x\.json"):
        read_json(text.encode("latin-1"), "x.json")


def test_json_of_any_size_is_refused_unread():
    with pytest.raises(FileError, match=f"allowed are {MOST_JSON}"):
        read_json(b" " * (MOST_JSON + 1), "x.json")


def test_only_ordinary_files_of_limited_size_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 6_000_000_000)
    (tmp_path / "link").symlink_to(tmp_path / "large")
    (tmp_path / "small").write_bytes(b"text")
    (tmp_path / "small_link").symlink_to("small")
    for name, problem in (("pipe", "not an ordinary file"), ("large", "6000000000 bytes"), ("missing", "No such file")):
        with pytest.raises(FileError, match=problem):
            read_limited(tmp_path / name, 1000)
    with pytest.raises(FileError, match="not an ordinary file"):
        read_limited(tmp_path, 1000)
    with pytest.raises(FileError, match="is a link"):
        read_limited(tmp_path / "small_link", 1000, follow_links=False)
    assert read_limited(tmp_path / "small_link", 4) == b"text"


SECRETS = [
    "password: hunter2\nhosts: [hunter2]\n",
    "root:x:0:0:hunter2:/root:/bin/sh\nuser:x:1000\n",
    "hunter2\n",
    "- hunter2\n- *hunter2\n",
    "a: %hunter2\n",
    "name: hunter2\nenv_id: hunter2\npassword: hunter2\nname: hunter2",
    "!hunter2 a",
    "[hunter2",
    "hunter2: {}\nhunter2: {}\n",
    json.dumps({"key": "hunter2"}),
]


@pytest.mark.parametrize("text", SECRETS)
def test_nothing_is_quoted_of_a_file_that_is_none_of_ours(text: str, tmp_path):
    (tmp_path / "task.yaml").write_text(text)
    with pytest.raises(TaskError) as caught:
        load_task(tmp_path / "task.yaml")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


words = st.text(max_size=8) | st.from_regex(r"[-+]?[0-9]{1,3}[.:_]?[0-9]*([eE][-+]?[0-9]{1,2})?", fullmatch=True)
scalars = st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | words
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))


@given(plain)
@example("1e3")
@example(1e22)
def test_what_may_be_anything_is_read_back_as_it_was_written(value) -> None:
    """Text that looks like a number stays text, whoever writes it."""
    assert read_table(PlainData, read_yaml(yaml_text({"value": value}), "x")) == {"value": value}


@pytest.mark.parametrize(("text", "value"), [("1e1", 10.0), ("'1e1'", "1e1"), ("[{a: 2.E-1}]", [{"a": 0.2}])])
def test_what_may_be_anything_may_be_a_number_without_a_point(text: str, value: object) -> None:
    read = read_table(PlainData, read_yaml(f"speed: {text}", "x"))
    assert read == {"speed": value}
    assert isinstance(read["speed"], type(value))


@pytest.mark.parametrize("text", ["speed: 010", "speed: [1, 2026-01-01]", "speed: .inf", "speed: 1e999", "a: 1\na: 1"])
def test_what_few_mean_is_not_anything(text: str) -> None:
    with pytest.raises(FileError, match=r"x, line \d"):
        read_table(PlainData, read_yaml(text, "x"))
