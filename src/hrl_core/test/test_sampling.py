"""How often recorded steps are drawn: factors by hand, and shares of what is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.bags.keys import EpisodeKey
from hrl_core.errors import HrlError
from hrl_core.replay.episode_slots import StoredEpisode
from hrl_core.task.text import load_task
from hrl_core.training.recordings.report import policy_lags
from hrl_core.training.recordings.sampling import SamplingConfig, of_age, of_rarity
from hrl_core.training.recordings.store import RecordedStore, StoredPiece

SPEC = load_task("point_maze")


def test_a_step_counts_half_after_so_many_newer_ones():
    np.testing.assert_allclose(of_age(SamplingConfig(half_life=100), np.array([50, 100, 50])), [2**-1.5, 2**-0.5, 1])
    np.testing.assert_array_equal(of_age(SamplingConfig(), np.array([50, 100])), [1, 1])


def test_places_count_the_less_the_more_episodes_end_there():
    places = np.array([[0.1, 0.1], [0.9, 0.2], [0.5, -0.1], [0.3, 0.3], [0.2, 0.9]])
    np.testing.assert_allclose(of_rarity(1.0, 1.0, places), [1 / 4, 1 / 4, 1, 1 / 4, 1 / 4])
    np.testing.assert_allclose(of_rarity(0.5, 1.0, places), [1 / 2, 1 / 2, 1, 1 / 2, 1 / 2])
    np.testing.assert_allclose(of_rarity(1.0, 0.5, places), [1 / 2, 1, 1, 1 / 2, 1])
    np.testing.assert_array_equal(of_rarity(0.0, 1.0, places), np.ones(5))


def store_of(ends, goals, weights, steps=10):
    """A store of episodes of so many steps that end at ``ends``."""
    store = RecordedStore(SPEC, None, 10_000)
    for end, goal, weight in zip(ends, goals, weights, strict=True):
        states = np.zeros((steps + 1, len(SPEC.observation)))
        states[-1, list(SPEC.observed_goal.values())] = end
        nothing = np.zeros((1, 0))
        rows = states, np.zeros((steps, len(SPEC.action))), np.zeros(steps), nothing, nothing
        store.add(StoredEpisode(*rows, np.array(goal, float), True, False), weight)
    return store


def drawn_shares(store, draws=40_000):
    slots, _ = store.draw_steps(draws, np.random.default_rng(0))
    return np.bincount(slots, minlength=4)[:4] / draws


@pytest.mark.parametrize(
    ("config", "weights", "shares"),
    [
        (SamplingConfig(), (1, 1, 1, 1), (1, 1, 1, 1)),
        (SamplingConfig(), (3, 1, 1, 1), (3, 1, 1, 1)),
        (SamplingConfig(half_life=10), (1, 1, 1, 1), (1, 2, 4, 8)),
        (SamplingConfig(novelty=1.0), (1, 1, 1, 1), (1, 1, 1, 3)),
        (SamplingConfig(novelty=1.0, half_life=10), (2, 1, 1, 1), (2, 2, 4, 24)),
    ],
)
def test_steps_are_drawn_by_source_age_and_place(config, weights, shares):
    ends, goals = [(0.5, 0.5)] * 3 + [(7.5, 0.5)], [(8, 0), (8, 0), (0, 8), (0, 8)]
    store = store_of(ends, goals, weights)
    store.sampling = config
    np.testing.assert_allclose(drawn_shares(store), np.array(shares) / sum(shares), atol=0.01)


def test_goals_that_were_given_seldom_are_drawn_as_often_as_those_given_often():
    store = store_of([(0.5, 0.5)] * 4, [(8, 0), (8, 0), (8, 0), (0, 8)], (1, 1, 1, 1))
    store.sampling = SamplingConfig(rare_goals=1.0)
    np.testing.assert_allclose(drawn_shares(store), [1 / 6, 1 / 6, 1 / 6, 1 / 2], atol=0.01)


def test_what_is_taken_in_later_counts_from_then_on():
    store = store_of([(0.5, 0.5)] * 3, [(8, 0)] * 3, (1, 1, 1))
    store.sampling = SamplingConfig(half_life=10)
    before = drawn_shares(store)
    store.take(())
    np.testing.assert_array_equal(drawn_shares(store), before)
    store.forget([2], 2)
    np.testing.assert_allclose(drawn_shares(store), [1 / 3, 2 / 3, 0, 0], atol=0.01)


@pytest.mark.parametrize("switch", [{"half_life": -1}, {"novelty": -0.5}, {"rare_goals": -1.0}, {"cell": 0.0}])
def test_impossible_factors_are_refused(switch):
    with pytest.raises(HrlError, match=rf"sampling\.{next(iter(switch))} must be"):
        SamplingConfig(**switch)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=12))
def test_lags_are_those_of_all_steps_one_by_one(pieces):
    """``numpy.percentile`` of as many entries as there are steps says the same."""
    held = {slot: StoredPiece(EpisodeKey(0, "", slot), 0, version) for slot, (version, _) in enumerate(pieces)}
    steps = [steps for _, steps in pieces]
    lags = np.repeat([max(40 - version, 0) for version, _ in pieces], steps) if sum(steps) else np.zeros(1)
    told = policy_lags(40, held, steps)
    expected = np.percentile(lags, 50), np.percentile(lags, 90), lags.max()
    np.testing.assert_allclose(list(told.values()), expected, rtol=1e-12, atol=1e-12)
