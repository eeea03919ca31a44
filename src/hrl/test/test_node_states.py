"""What nodes say becomes a table for people and plain data for programs."""

import io
import json

import pytest
from rich.console import Console

from hrl.watching.node_states import SILENT_AFTER, NodeStates

VALUES = {
    "observation [Hz]": "9.98765",
    "latency p50 [ms]": "0.312",
    "latency p99 [ms]": "1.5",
    "latency max [ms]": "120.25",
    "missed deadlines": "3",
    "watchdog trips": "1",
    "refused": "2",
    "refused: old": "2",
    "policy version": "149505",
    "sha256": "adf3f1c81a9c4a31",
    "real-time factor": "0.997",
}


@pytest.fixture
def states():
    states = NodeStates()
    states.hear("robot_1/worker", 1, "observation at 5 Hz instead of 10 Hz", VALUES, 100.0)
    states.hear("recorder", 0, "recording", {"bag": "runs/1/bag", "messages": "12"}, 100.5)
    return states


def drawn(states, now):
    screen = io.StringIO()
    Console(file=screen, width=80).print(states.as_table(now))
    return screen.getvalue()


def test_the_table_shows_every_figure_within_eighty_columns(states):
    text = drawn(states, 101.0)
    for part in ("observation 9.99", "p50 0.312", "p99 1.5", "max 120", "missed 3", "trips 1", "refused 2"):
        assert part in text
    for part in ("149505", "adf3f1c8", "0.997x", "WARN", "robot_1/worker: observation at 5 Hz instead of 10 Hz"):
        assert part in text
    assert max(map(len, text.splitlines())) <= 80


def test_who_falls_silent_is_told_of_with_its_last_word(states):
    text = drawn(states, 100.5 + SILENT_AFTER + 1)
    assert text.count("SILENT") == 2
    assert "recorder: nothing heard for 4 s; last: recording" in text


def test_programs_get_numbers(states):
    nodes = states.as_data(101.0)["nodes"]
    assert list(nodes) == ["recorder", "robot_1/worker"]
    worker = nodes["robot_1/worker"]
    assert (worker["level"], worker["silence_s"]) == ("WARN", 1.0)
    assert worker["values"]["missed deadlines"] == 3
    assert worker["values"]["observation [Hz]"] == 9.98765
    assert nodes["recorder"]["values"]["bag"] == "runs/1/bag"


def test_a_later_word_replaces_the_earlier(states):
    states.hear("recorder", 2, "recording aborted: disk full", {}, 102.0)
    assert states.as_data(102.0)["nodes"]["recorder"]["level"] == "ERROR"


@pytest.mark.parametrize("said", ["inf", "nan", "-inf", "1_0"])
def test_what_is_no_number_of_json_stays_a_word(said):
    states = NodeStates()
    states.hear("bridge", 0, "", {"silence [s]": said, "beats": "7"}, 0.0)
    told = json.dumps(states.as_data(0.0), allow_nan=False)
    assert f'"silence [s]": "{said}"' in told
    assert '"beats": 7' in told
