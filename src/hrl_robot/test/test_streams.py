"""Which sample stands for an instant; what a lossy line does; clocks that jump back."""

import pytest

from hrl_robot.delay_line import DelayLine
from hrl_robot.robot_config import StreamConfig
from hrl_robot.streams import Stream


def stream(alignment, tolerance=0.1):
    return Stream("joint_states", StreamConfig("t", alignment, tolerance))


def test_hold_takes_the_newest_until_it_is_too_old():
    held = stream("hold")
    held.add("a", 0.0, 10.0)
    held.add("b", 0.02, 10.02)
    assert held.at(10.1, 0.1) == "b"
    assert held.at(10.1, 0.1) == "b"
    assert held.at(10.13, 0.13) is None


def test_as_of_takes_what_was_stamped_before_the_instant():
    past = stream("as_of")
    past.add("a", 1.00, 10.0)
    past.add("b", 1.05, 10.0)
    assert past.at(10.0, 1.04) == "a"
    assert past.at(10.0, 1.05) == "b"
    assert past.at(10.0, 0.99) is None
    assert past.at(10.0, 1.16) is None


def test_drop_wants_a_new_sample_for_every_instant():
    fresh = stream("drop")
    fresh.add("a", 0.0, 10.0)
    assert fresh.at(10.0, 0.0) == "a"
    assert fresh.at(10.01, 0.01) is None
    fresh.add("b", 0.02, 10.02)
    assert fresh.at(10.02, 0.02) == "b"


def test_stamps_that_jump_back_start_a_new_past():
    past = stream("as_of")
    past.add("before", 100.0, 10.0)
    past.add("after", 1.0, 10.1)
    assert past.at(10.1, 1.0) == "after"
    assert past.stepped_back == 1


def test_silence_is_infinite_before_the_first_sample():
    assert stream("hold").silence(5.0) == float("inf")
    assert stream("hold").at(5.0, 0.0) is None


def test_delay_line_delays_and_loses_what_it_is_told_to():
    line = DelayLine(0.1, 0.0, 0.0, seed=0)
    line.put("a", 0.0)
    assert list(line.due(0.09)) == []
    assert list(line.due(0.1)) == ["a"]
    lossy = DelayLine(0.0, 0.0, 0.25, seed=0)
    for number in range(4000):
        lossy.put(number, 0.0)
    assert len(list(lossy.due(1.0))) == pytest.approx(3000, abs=150)
