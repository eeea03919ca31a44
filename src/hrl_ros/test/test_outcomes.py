"""What is kept of the episodes of a run: every figure of ``simulator.json``, in little memory."""

import json
import math
from pathlib import Path
from unittest.mock import Mock

import pytest

from hrl_core.errors import HrlError
from hrl_core.messages import EpisodeEnd, EpisodeResult
from hrl_ros.loop.outcomes import Outcomes
from hrl_ros.loop.run_log import FILE_NAME, RunLog

REACHED = EpisodeResult(5, "odom", 1, "r", 0, 2**64 - 1, 40, -40.25, True, 0.5, EpisodeEnd.TERMINATED)
MISSED = EpisodeResult(9, "odom", 1, "r", 1, 3, 500, -500.0, False, math.nan, EpisodeEnd.TIME_LIMIT)
CANCELLED = EpisodeResult(9, "odom", 1, "r", 2, 4, 7, -7.0, False, 8.0, EpisodeEnd.CANCELLED)


def test_the_report_tells_of_each_episode_what_its_result_said(tmp_path):
    log = RunLog()
    for result in (REACHED, MISSED, CANCELLED):
        log.results.append(result)
    log.write(tmp_path, {"run": 1})
    episodes = json.loads((tmp_path / FILE_NAME).read_text())["episodes"]
    assert episodes[0] == {
        "episode": 0,
        "seed": 2**64 - 1,
        "steps": 40,
        "episode_return": -40.25,
        "success": True,
        "final_distance": 0.5,
        "end_reason": "TERMINATED",
    }
    assert [(e["episode"], e["success"], e["end_reason"]) for e in episodes[1:]] == [
        (1, False, "TIME_LIMIT"),
        (2, False, "CANCELLED"),
    ]
    assert math.isnan(episodes[1]["final_distance"])


def test_a_report_that_the_disk_does_not_take_is_told_in_words_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "write_text", Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(HrlError, match=f"{FILE_NAME} cannot be written: No space left on device"):
        RunLog().write(tmp_path / "run", {"run": 1})
    assert not list((tmp_path / "run").iterdir())


def test_what_they_come_to_leaves_out_what_was_cancelled():
    outcomes = Outcomes()
    for result in (REACHED, CANCELLED, MISSED):
        outcomes.append(result)
    assert (outcomes.ended, outcomes.success_rate, outcomes.mean_steps) == (2, 0.5, 270.0)
    assert outcomes.mean_return == pytest.approx(-270.125)


def test_an_episode_takes_fifty_bytes():
    outcomes = Outcomes()
    for _ in range(1000):
        outcomes.append(REACHED)
    assert sum(column.itemsize * len(column) for column in outcomes._columns.values()) <= 50 * 1000
