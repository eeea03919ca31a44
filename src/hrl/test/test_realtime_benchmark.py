"""Punctuality is computed from time stamps: each step once, lateness counted, what is not answered left out."""

import pytest

from hrl.benchmarks.realtime import Record, as_table, percentiles

MS = 1_000_000


def test_latency_is_from_each_observation_to_its_action():
    record = Record(observed={(0, 1): 100 * MS, (0, 2): 200 * MS, (0, 3): 300 * MS})
    record.acted = {(0, 1): 101 * MS, (0, 3): 307 * MS, (9, 9): 1}
    assert record.latencies() == [1.0, 7.0]


def test_jitter_is_the_distance_of_each_gap_from_the_period():
    record = Record(ticks=[0, 10 * MS, 25 * MS, 33 * MS])
    assert record.jitter(0.010) == pytest.approx([0.0, 5.0, 2.0])


def test_percentiles_are_values_that_have_occurred():
    values = [float(value) for value in range(1, 201)]
    assert percentiles(values) == {"p50": 100.0, "p99": 198.0, "max": 200.0}
    assert percentiles([3.0]) == {"p50": 3.0, "p99": 3.0, "max": 3.0}


def test_the_table_has_a_row_per_measurement():
    times = percentiles([1.0])
    row = {"rate_hz": 10.0, "load": "idle", "steps": 5, "missed_deadlines": 1, "latency_ms": times, "jitter_ms": times}
    assert as_table([row | {"cpu_percent": {"worker": 2.0}}] * 3).row_count == 3
