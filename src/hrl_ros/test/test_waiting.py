"""Patience: resend every 0.2 s, report once, give up in the end, never while suspended."""

from itertools import pairwise

import pytest

from hrl_core.errors import PeerError
from hrl_ros.waiting import Patience


class Time:
    now = 0.0

    def __call__(self):
        return self.now


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, text):
        self.lines.append(text)


@pytest.fixture
def waiting():
    log, time = Log(), Time()
    return Patience(log, report=5.0, limit=60.0, clock=time), log, time


def test_messages_are_sent_again_every_fifth_of_a_second(waiting):
    patience, _, time = waiting
    sent = []
    for tick in range(1, 101):
        time.now = tick / 100
        if patience.check("worker"):
            sent.append(time.now)
    gaps = [b - a for a, b in pairwise([0.0, *sent])]
    assert len(gaps) == 4
    assert all(0.2 <= gap < 0.22 for gap in gaps)


def test_it_says_once_whom_it_waits_for(waiting):
    patience, log, time = waiting
    for tick in range(20):
        time.now = float(tick)
        patience.check("worker")
    assert log.lines == ["waiting for worker since 6 s"]


def test_it_gives_up_naming_the_peer(waiting):
    patience, _, time = waiting
    for tick in range(61):
        time.now = float(tick)
        patience.check("manager")
    time.now = 61.0
    with pytest.raises(PeerError, match="gave up after waiting 61 s for manager"):
        patience.check("manager")


def test_time_in_which_it_stood_still_itself_does_not_count(waiting):
    """A machine that was suspended, a container that was paused: nobody could speak."""
    patience, log, time = waiting
    for tick in range(1, 5):
        time.now = float(tick)
        patience.check("manager")
    time.now = 3600.0
    patience.check("manager")
    assert log.lines == []
    for tick in range(3601, 3656):
        time.now = float(tick)
        patience.check("manager")
    time.now = 3656.0
    with pytest.raises(PeerError, match="61 s for manager"):
        patience.check("manager")


def test_people_are_waited_for_as_long_as_they_take(waiting):
    patience, log, time = waiting
    for tick in range(1000):
        time.now = float(tick)
        patience.check("an operator", unhurried=True)
    assert log.lines == ["waiting for an operator since 6 s"]


def test_who_is_waited_for_after_people_has_its_own_time(waiting):
    patience, _, time = waiting
    time.now = 500.0
    patience.check("an operator", unhurried=True)
    for tick in range(501, 562):
        time.now = float(tick)
        patience.check("worker")
    time.now = 562.0
    with pytest.raises(PeerError, match="61 s for worker"):
        patience.check("worker")


def test_time_does_not_run_while_suspended_or_nobody_is_awaited(waiting):
    patience, log, time = waiting
    patience.suspended = True
    time.now = 1000.0
    assert not patience.check("worker")
    patience.suspended = False
    time.now = 1000.1
    assert not patience.check("worker")
    time.now = 2000.0
    assert not patience.check(None)
    assert log.lines == []


def test_progress_starts_the_count_anew(waiting):
    patience, log, time = waiting
    for tick in range(100):
        time.now = float(tick)
        patience.progress()
        patience.check("worker")
    assert log.lines == []


def test_what_peers_repeat_is_no_progress(waiting):
    patience, log, time = waiting
    patience.heard("observation", (0, 3))
    for tick in range(8):
        time.now = float(tick)
        patience.heard("observation", (0, 3))
        patience.heard("observation", (0, 2))
        patience.check("worker")
    assert log.lines == ["waiting for worker since 6 s"]


@pytest.mark.parametrize("newer", [("observation", (0, 4)), ("observation", (1, 0)), ("action", (0, 0))])
def test_a_newer_message_of_any_topic_is_progress(waiting, newer):
    patience, log, time = waiting
    patience.heard("observation", (0, 3))
    time.now = 4.0
    patience.heard(*newer)
    time.now = 8.0
    patience.check("worker")
    assert log.lines == []
