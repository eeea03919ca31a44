"""The link to the recorder: a run waits for it where one takes part, and only there."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from hrl_core.errors import PeerError
from hrl_msgs import msg
from hrl_ros.loop import recorder_link
from hrl_ros.loop.parameters import EnvironmentParameters
from hrl_ros.loop.recorder_link import RecorderLink

RUN, WINDOW = 7, 8


@pytest.fixture
def make(monkeypatch):
    """A link, what it holds, and how it hears of a recorder."""

    def made(recorder=True, hears=True):
        monkeypatch.setattr(recorder_link, "hears", lambda *_: hears)
        course: Any = SimpleNamespace(held=False, log=SimpleNamespace(observations=0))
        run = SimpleNamespace(node=Mock(), clock=Mock(), patience=Mock(), course=course)
        settings = EnvironmentParameters(recorder=recorder, credit_window=WINDOW)
        run.link = RecorderLink(run.node, RUN, settings, course, run.clock, run.patience, [Mock(), Mock()])
        run.hear = run.node.subscribe.call_args.args[2]
        return run

    return made


def acknowledged(recorded, recorder=1, run=RUN, error=""):
    return msg.RecorderStatus(run=run, recorder=recorder, recorded=recorded, error=error)


@pytest.mark.parametrize(
    ("recorder", "hears", "may_begin"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_a_run_begins_once_its_recorder_hears_everything(make, recorder, hears, may_begin):
    assert make(recorder, hears).link.hears == may_begin


def test_a_run_that_is_a_window_ahead_is_held_until_it_is_acknowledged(make):
    run = make()
    run.course.log.observations = WINDOW
    run.link.apply_credit()
    assert run.course.held
    run.clock.poll.assert_not_called()
    run.hear(acknowledged(1))
    assert not run.course.held
    run.clock.poll.assert_called_once()
    assert run.link.lagging == f"the recorder, which has acknowledged 1 of {WINDOW} observations"
    run.hear(acknowledged(WINDOW))
    assert run.link.lagging is None


def test_nobody_is_waited_for_where_none_takes_part(make):
    run = make(recorder=False)
    run.course.log.observations = 10 * WINDOW
    run.link.apply_credit()
    assert not run.course.held
    assert run.link.lagging is None


def test_a_recorder_of_another_run_says_nothing_of_this_one(make):
    run = make()
    run.course.log.observations = 3
    run.hear(acknowledged(3, run=RUN + 1, error="disk full"))
    assert run.link.lagging is not None
    run.patience.heard.assert_not_called()


def test_a_recorder_that_was_started_anew_is_said_and_one_that_stopped_ends_the_run(make):
    run = make()
    run.course.log.observations = 3
    run.hear(acknowledged(2))
    run.hear(acknowledged(0, recorder=2))
    run.node.get_logger().warning.assert_called_once()
    with pytest.raises(PeerError, match="the recorder stopped: disk full"):
        run.hear(acknowledged(0, recorder=2, error="disk full"))
