"""A replay hands out every tick once, in order, when its time has come."""

from types import SimpleNamespace
from typing import Any

import pytest

from hrl_msgs.srv import Step
from hrl_ros import topics
from hrl_viz.playback import NANOSECONDS, Playback, Tick
from hrl_viz.player_services import PlayerServices


class Wall:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def player(wall):
    """Two episodes of three ticks, a tenth of a second apart; time goes on from one to the other."""

    def make(**more):
        def load(episode):
            stamps = [int((10 * episode + k) * NANOSECONDS / 10) for k in range(3)]
            return [Tick(episode, stamp, [(f"{episode}.{k}", b"")]) for k, stamp in enumerate(stamps)]

        return Playback(2, load, clock=wall, **more)

    return make


def names(ticks):
    return [tick.messages[0][0] for tick in ticks]


def test_environment_time_runs_at_the_rate(player, wall):
    play = player(rate=2.0)
    assert names(play.due()) == ["0.0"]
    assert play.due() == []
    wall.now += 0.051
    assert names(play.due()) == ["0.1"]
    wall.now += 0.05
    assert names(play.due()) == ["0.2", "1.0"]


def test_as_fast_as_possible_plays_everything_once_and_finishes(player):
    play = player(rate=0.0)
    assert names(play.due()) == ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2"]
    assert play.finished
    assert play.due() == []


def test_no_step_is_promised_after_the_end(player):
    offered, play = {}, player(rate=0.0)
    node: Any = SimpleNamespace(create_service=lambda _kind, name, callback: offered.update({name: callback}))
    PlayerServices(node, play, [0, 1], lambda: None)

    def steps():
        return offered[topics.STEP](Step.Request(n=5), Step.Response())

    play.pause(True)
    assert (steps().accepted, play.target) == (True, 5)
    play.due()
    play.pause(False)
    play.due()
    assert play.finished
    play.pause(True)
    refused = steps()
    assert (refused.accepted, "over" in refused.message, play.target) == (False, True, play.taken)
    play.go(0)
    assert steps().accepted


def test_looping_never_finishes_and_hands_out_a_bounded_number(player):
    play = player(rate=0.0, loop=True)
    first = names(play.due())
    assert first[:7] == ["0.0", "0.1", "0.2", "1.0", "1.1", "1.2", "0.0"]
    assert not play.finished
    assert len(first) < 100


def test_paused_it_takes_exactly_the_steps_asked_for_over_episode_ends(player, wall):
    play = player(rate=1.0)
    play.pause(True)
    wall.now += 10
    assert play.due() == []
    assert play.step(4) == 4
    assert names(play.due()) == ["0.0", "0.1", "0.2", "1.0"]
    assert play.due() == []
    play.pause(False)
    assert names(play.due()) == ["1.1"]


def test_a_pause_is_not_caught_up(player, wall):
    play = player(rate=1.0)
    play.due()
    play.pause(True)
    wall.now += 60
    play.pause(False)
    assert names(play.due()) == ["0.1"]
    assert play.due() == []


def test_going_to_an_episode_shows_its_first_tick_even_while_paused(player):
    play = player(rate=1.0)
    play.pause(True)
    play.go(1)
    assert names(play.due()) == ["1.0"]
    assert play.due() == []


def test_after_the_end_going_back_plays_on(player):
    play = player(rate=0.0)
    play.due()
    play.go(1)
    assert not play.finished
    assert names(play.due()) == ["1.0", "1.1", "1.2"]
