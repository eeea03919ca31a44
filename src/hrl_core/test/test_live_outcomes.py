"""Laws of the figures of live episodes that training from recordings tells."""

import math

import pytest

from hrl_core.bags.episodes import Outcome
from hrl_core.messages import EpisodeEnd
from hrl_core.training.recordings.report import RECENT, LiveOutcomes


def outcomes(count: int) -> list[dict]:
    """Returns 0, 1, ...; every second one succeeded, at as many metres."""
    return [Outcome(n, 5, float(n), n % 2 == 0, float(n), EpisodeEnd.TIME_LIMIT)._asdict() for n in range(count)]


def test_means_are_of_the_newest_episodes_alone():
    live = LiveOutcomes(of_goal=True)
    live.restore(outcomes(RECENT + 4))
    mean = 4 + (RECENT - 1) / 2
    expected = {"live/success_rate": 0.5, "live/return": mean, "live/final_distance": mean, "live/episodes": RECENT}
    assert live.row() == pytest.approx(expected)


def test_without_a_goal_none_is_told_as_missed():
    live = LiveOutcomes(of_goal=False)
    assert live.row() == {}
    live.restore([{**told, "success": False, "final_distance": math.nan} for told in outcomes(3)])
    assert live.row() == {"live/return": 1.0, "live/episodes": 3}
