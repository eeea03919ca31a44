"""Percentiles from counts are those of the numbers themselves, to the width of a bin; memory does not grow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_ros.loop.latencies import Latencies


@given(st.lists(st.floats(2e-5, 9.0), min_size=1, max_size=300))
def test_percentiles_and_histogram_agree_with_numpy(values):
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    milliseconds = 1e3 * np.array(values)
    expected = np.percentile(milliseconds, [50, 99], method="inverted_cdf")
    assert latencies.percentiles((50, 99)) == pytest.approx(expected.tolist(), rel=0.02)
    assert latencies.greatest == pytest.approx(milliseconds.max())
    histogram = latencies.histogram()
    assert sum(histogram["counts"]) == len(values)
    assert len(histogram["edges_ms"]) == len(histogram["counts"]) + 1


def test_what_lies_outside_is_counted_at_the_ends():
    latencies = Latencies()
    for value in (0.0, 1e-9, 1e3):
        latencies.add(value)
    counts = latencies.histogram()["counts"]
    assert (counts[0], counts[-1], sum(counts)) == (2, 1, 3)
