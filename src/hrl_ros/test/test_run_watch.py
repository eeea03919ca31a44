"""The watch over a run: nobody's time runs while nothing can come, and a node stays until nobody needs it."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from hrl_msgs import msg
from hrl_ros.run_watch import LEAVING_LIMIT, PAUSE_LIMIT, RunWatch


@pytest.fixture
def run():
    """A watch, with what it tells and asks."""
    patience, time = Mock(suspended=False), SimpleNamespace(now=100.0, simulators=1)
    watch = RunWatch(patience, lambda: time.simulators, True, lambda: time.now)
    return SimpleNamespace(watch=watch, patience=patience, time=time)


def observed(watch, episode=0, last=False):
    watch.on_observation(SimpleNamespace(episode=episode, last=last))


def test_time_does_not_run_in_a_pause_but_for_the_steps_that_were_asked_for(run):
    run.watch.on_status(msg.SimStatus(paused=True, reached_step=5, target_step=5))
    assert run.patience.suspended
    run.watch.on_status(msg.SimStatus(paused=True, reached_step=5, target_step=6))
    assert not run.patience.suspended


def test_a_pause_ends_with_whoever_paused(run):
    run.watch.on_status(msg.SimStatus(paused=True))
    run.time.now += PAUSE_LIMIT
    run.watch.poll()
    assert run.patience.suspended
    run.time.now += 1
    run.watch.poll()
    assert not run.patience.suspended


def test_what_is_over_is_no_pause_that_ends(run):
    run.watch.on_status(msg.SimStatus(paused=True, finished=True))
    run.time.now += 2 * PAUSE_LIMIT
    run.watch.poll()
    assert run.patience.suspended


@pytest.mark.parametrize(("ended", "progress"), [(None, 0), ("last", 1), ("result", 1), ("result of another", 0)])
def test_a_status_is_progress_only_between_episodes(run, ended, progress):
    observed(run.watch, episode=3, last=ended == "last")
    if ended in ("result", "result of another"):
        run.watch.on_episode_result(msg.EpisodeResult(episode=3 if ended == "result" else 2))
    run.watch.on_status(msg.SimStatus())
    assert run.patience.progress.call_count == progress


def test_it_is_a_break_before_the_first_episode_and_none_once_the_next_has_begun(run):
    run.watch.on_status(msg.SimStatus())
    observed(run.watch)
    run.watch.on_status(msg.SimStatus())
    assert run.patience.progress.call_count == 1


def test_a_node_leaves_with_the_simulator_or_after_a_while(run):
    assert not run.watch.may_leave
    run.watch.on_status(msg.SimStatus(finished=True))
    assert run.watch.over
    assert not run.watch.may_leave
    run.time.simulators = 0
    assert run.watch.may_leave
    run.time.simulators = 1
    run.time.now += LEAVING_LIMIT
    # Said again, the end is no later.
    run.watch.on_status(msg.SimStatus(finished=True))
    run.time.now += 1
    assert run.watch.may_leave


def test_a_node_that_outlives_its_run_stays():
    watch = RunWatch(Mock(), lambda: 0, ends_with_run=False)
    watch.on_status(msg.SimStatus(finished=True))
    assert not watch.over
    assert not watch.may_leave
