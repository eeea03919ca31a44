"""What ``hrl doctor --cluster`` says of a node."""

import time

import pytest

from hrl.doctor.cluster import NodeTold, _judge, look
from hrl.doctor.finding import Verdict


@pytest.mark.parametrize(
    ("change", "verdict", "word"),
    [
        ({}, Verdict.OK, "same code, clock, folder and arithmetic"),
        ({"commit": "0123"}, Verdict.WRONG, "runs hrl of commit 0123"),
        ({"time": time.time() - 3600}, Verdict.WRONG, "s off"),
        ({"folder": False}, Verdict.NOTE, "does not see"),
        ({"arithmetic": {"numpy": "0.1"}}, Verdict.NOTE, "numpy 0.1 (here"),
    ],
)
def test_what_is_wrong_with_a_node_is_told_with_what_mends_it(change, verdict, word, tmp_path):
    told: NodeTold = look("", tmp_path)._replace(**change)
    finding = _judge("node a", 2, told, 60.0)
    assert finding.verdict == verdict
    assert word in finding.detail
    assert bool(finding.fix) == (verdict is not Verdict.OK)
