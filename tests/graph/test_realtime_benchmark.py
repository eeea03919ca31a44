"""`hrl bench realtime` measures the real graph and prints one JSON object."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.alone, pytest.mark.learning]
HRL = str(Path(sys.executable).with_name("hrl"))


def test_both_loads_are_measured_at_the_rate_that_is_asked_for():
    command = [HRL, "bench", "realtime", "--rates", "20", "--seconds", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert [row["load"] for row in outcome["rows"]] == ["idle", "every core busy"]
    for row in outcome["rows"]:
        assert row["steps_per_s"] == pytest.approx(20, rel=0.3)
        assert 0 < row["latency_ms"]["p50"] <= row["latency_ms"]["p99"] <= row["latency_ms"]["max"]
        assert row["received_ms"]["p50"] > 0
        assert set(row["cpu_percent"]) == {"manager", "simulator", "worker"}
        assert row["missed_deadlines"] <= row["steps"]
