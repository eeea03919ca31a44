"""Holes in the recording of an episode are told for each level of its policy."""

import numpy as np
import pytest

from hrl_core.bags import checks
from hrl_core.messages import HorizonUnit, SegmentEnd

ROWS = {
    # level, seq, step, horizon, unit
    "Subgoal": [(0, 0, 0, 3, 0), (1, 0, 0, 2, 1), (0, 1, 3, 3, 0), (1, 1, 6, 2, 1), (0, 2, 6, 3, 0), (0, 3, 9, 3, 0)],
    # level, seq, step, end reason
    "SubgoalResult": [(0, 0, 3, 1), (0, 1, 6, 1), (1, 0, 6, 1), (0, 2, 9, 1), (0, 3, 11, 6), (1, 1, 11, 6)],
}
NAMES = {
    "Subgoal": ("level", "seq", "step", "horizon", "horizon_unit"),
    "SubgoalResult": ("level", "seq", "step", "end_reason"),
}
assert HorizonUnit.ATTEMPTS == SegmentEnd.HORIZON == 1


def findings(without=None):
    """What is told of an episode of eleven steps, one message of which is missing."""
    tables = {}
    for kind, rows in ROWS.items():
        kept = [row for row in rows if (kind, row[0], row[1]) != without]
        tables[kind] = dict(zip(NAMES[kind], np.array(kept).T, strict=True))
    told = checks.subgoals({"step": np.arange(12)}, *tables.values(), exact=True, heard=True, every_step=())
    return [(finding.text, finding.row, finding.fatal) for finding in told], tables["Subgoal"]


def test_an_episode_of_two_levels_without_a_hole_is_sound():
    assert findings()[0] == []


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize(("kind", "text"), [("Subgoal", "subgoal 1"), ("SubgoalResult", "result of subgoal 0")])
def test_a_hole_is_named_with_its_level_above_the_worker(level, kind, text):
    told, subgoals = findings((kind, level, int(text[-1])))
    assert told, "nothing is told"
    for words, row, fatal in told:
        assert not fatal
        assert words.startswith(f"level {level}: ") == (level > 0)
        assert text in words
        assert kind != "Subgoal" or subgoals["level"][row] == level
