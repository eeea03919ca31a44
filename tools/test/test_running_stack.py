"""When a robot counts as stopped, by hand."""

import json

import pytest
from running_stack import journal, stop_of, walks


@pytest.fixture
def told(tmp_path):
    """Write (time, first element of the command) as a journal."""

    def write(*rows, more=""):
        lines = [json.dumps({"t": t, "command": [value, 0.0]}) for t, value in rows]
        (tmp_path / "fake_robot.jsonl").write_text("\n".join(lines) + "\n" + more)
        return tmp_path

    return write


def test_a_stop_counts_from_the_event_and_from_the_last_command_that_moved(told):
    out = told((1.0, 5.0), (2.0, 5.0), (2.1, 0.0), (2.2, 5.0), (2.5, 0.0), (2.6, 0.0))
    assert stop_of(out, since=1.9) == pytest.approx((0.6, 0.3))
    assert stop_of(out, since=2.25) == pytest.approx((0.25, 0.3))
    assert stop_of(out, since=1.9, until=2.15) == pytest.approx((0.2, 0.1))


def test_a_robot_that_goes_on_moving_or_hears_nothing_is_not_stopped(told):
    out = told((1.0, 5.0), (2.0, 5.0))
    assert stop_of(out, since=1.5) is None
    assert stop_of(out, since=3.0) is None


def test_what_is_being_written_is_left_out(told):
    out = told(*((0.1 * i, 1.0) for i in range(1, 12)), more='{"t": 5.0, "comm')
    assert len(journal(out)) == 11
    assert walks(out)
    assert not walks(out, since=0.55)
