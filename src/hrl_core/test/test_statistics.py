"""Statistics over runs: against cases worked out by hand, and what holds for any scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.statistics import (
    STATISTICS,
    bootstrap_interval,
    interquartile_mean,
    mean,
    median,
    wilson_interval,
)

scores = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


def iqm(*values: float) -> float:
    return float(interquartile_mean(np.array(values, float)))


def interval(values, statistic=interquartile_mean, seed: int = 0, **more) -> tuple[float, float]:
    low, high = bootstrap_interval([np.array(values, float)], statistic, np.random.default_rng(seed), **more)
    return float(low), float(high)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7.0], 7.0),
        ([1.0, 2.0, 6.0], 3.0),  # int(3 / 4) = 0 are cut
        ([9.0, 1.0, 4.0, 2.0], 3.0),  # 1 and 9 are: (2 + 4) / 2
        ([0.0, 1.0, 2.0, 4.0, 100.0], 7 / 3),  # int(5 / 4) = 1 at either end, no run counts in part
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, -50.0], 4.5),  # two at either end: (3 + 4 + 5 + 6) / 4
    ],
)
def test_the_interquartile_mean_by_hand(values, expected) -> None:
    assert iqm(*values) == pytest.approx(expected)


def test_it_is_taken_of_each_column_for_itself() -> None:
    table = np.array([[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [9.0, 0.0]])
    assert interquartile_mean(table).tolist() == [1.5, 7.5]
    assert mean(table).tolist() == [3.0, 6.0]
    assert median(table).tolist() == [1.5, 7.5]


@given(scores, st.randoms())
def test_it_lies_between_worst_and_best_and_knows_no_order(values, random) -> None:
    found = iqm(*values)
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    shuffled = list(values)
    random.shuffle(shuffled)
    assert iqm(*shuffled) == pytest.approx(found)


@given(st.floats(-100, 100), st.integers(1, 12))
def test_of_equal_scores_every_statistic_and_both_ends_of_its_interval_are_that_score(value, runs) -> None:
    for statistic in STATISTICS.values():
        assert float(statistic(np.full(runs, value))) == pytest.approx(value)
        assert interval([value] * runs, statistic, resamples=50) == pytest.approx((value, value))


@given(scores, st.floats(-10, 10))
def test_it_moves_with_its_scores(values, shift) -> None:
    assert iqm(*(value + shift for value in values)) == pytest.approx(iqm(*values) + shift, abs=1e-9)


@given(scores, st.integers(0, 1000))
def test_the_interval_holds_the_statistic_and_lies_within_the_scores(values, seed) -> None:
    low, high = interval(values, seed=seed, resamples=500)
    assert min(values) - 1e-9 <= low <= iqm(*values) + 1e-9
    assert iqm(*values) - 1e-9 <= high <= max(values) + 1e-9


def test_the_interval_of_two_scores_by_hand() -> None:
    """Means of two drawn from 0 and 1 are 0, 1/2 and 1 in one, two and one of four cases."""
    assert interval([0, 1], mean) == (0.0, 1.0)
    # The middle 40 % of them are all 1/2.
    assert interval([0, 1], mean, confidence=0.4) == (0.5, 0.5)


def test_the_interval_of_many_scores_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval(values, mean, resamples=4000)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_runs_are_drawn_within_their_stratum() -> None:
    """Strata without spread leave none, however far they lie from each other."""
    strata = [np.zeros(5), np.full(5, 10.0)]
    low, high = bootstrap_interval(strata, mean, np.random.default_rng(0))
    assert (float(low), float(high)) == (5.0, 5.0)
    mixed = interval([*np.zeros(5), *np.full(5, 10.0)], mean)
    assert mixed[0] < 5 < mixed[1]


def test_the_steps_of_a_curve_are_drawn_with_their_run() -> None:
    curves = np.random.default_rng(2).normal(size=(6, 1)) + np.zeros(4)
    low, high = bootstrap_interval([curves], interquartile_mean, np.random.default_rng(0))
    assert low.shape == high.shape == (4,)
    assert len(set(low.tolist())) == len(set(high.tolist())) == 1


def test_the_same_seed_draws_the_same_interval_and_another_one_another() -> None:
    values = np.random.default_rng(3).normal(size=9).tolist()
    assert interval(values, seed=1) == interval(values, seed=1)
    assert interval(values, seed=1) != interval(values, seed=2)


@given(st.integers(0, 100), st.integers(1, 100))
def test_wilson_interval_holds_the_rate_and_shrinks_with_more_trials(successes: int, trials: int) -> None:
    rate = min(successes, trials) / trials
    low, high = wilson_interval(rate, trials)
    assert 0 <= low <= rate + 1e-12
    assert rate - 1e-12 <= high <= 1
    more = wilson_interval(rate, 10 * trials)
    assert more[1] - more[0] < high - low


def test_wilson_interval_by_hand() -> None:
    low, high = wilson_interval(0.88, 200)
    assert (round(low, 2), round(high, 2)) == (0.83, 0.92)
