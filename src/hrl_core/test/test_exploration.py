"""Held subgoals: the same for everyone who asks, held for the stated time, within the range."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.hierarchy.exploration import HeldExploration, HeldSubgoals
from hrl_core.messages import frozen

LOW, HIGH = frozen([-3.0, -1.0]), frozen([3.0, 2.0])
SEED = 5
ALWAYS = HeldExploration(1.0)


def held_subgoals(seed: int = SEED) -> HeldSubgoals:
    return HeldSubgoals(seed, LOW, HIGH)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 49)), max_size=30), st.floats(0.05, 1.0))
def test_it_depends_on_nothing_but_episode_and_decision(asked: list[tuple[int, int]], probability: float) -> None:
    one = held_subgoals()
    for episode, decision in asked:
        exploration = HeldExploration(probability)
        mine, fresh = one.at(episode, decision, exploration), held_subgoals().at(episode, decision, exploration)
        assert (mine is None) == (fresh is None)
        if mine is not None and fresh is not None:
            np.testing.assert_array_equal(mine, fresh)
            assert (mine >= LOW).all()
            assert (mine <= HIGH).all()


def test_at_probability_one_something_is_always_held_for_three_to_eight_decisions() -> None:
    one = held_subgoals()
    values = [one.at(0, decision, ALWAYS) for decision in range(500)]
    runs = [len(list(run)) for _, run in itertools.groupby(tuple(value) for value in values if value is not None)]
    assert sum(runs) == 500
    # The last one may be cut off.
    assert set(runs[:-1]) == {3, 4, 5, 6, 7, 8}


def test_the_chance_counts_per_decision_without_a_held_one() -> None:
    begun = free = 0
    for seed in range(300):
        one = held_subgoals(seed)
        held = [one.at(0, decision, HeldExploration(0.1)) is not None for decision in range(30)]
        first = held.index(True) if True in held else 30
        begun, free = begun + (first < 30), free + first
    assert 0.08 < begun / (begun + free) < 0.12


def test_another_seed_or_episode_explores_elsewhere() -> None:
    ours, theirs = held_subgoals().at(0, 0, ALWAYS), held_subgoals(6).at(0, 0, ALWAYS)
    later = held_subgoals().at(1, 0, ALWAYS)
    assert ours is not None
    assert theirs is not None
    assert later is not None
    assert not np.array_equal(ours, theirs)
    assert not np.array_equal(ours, later)
    assert held_subgoals().at(0, 0, HeldExploration(0.0)) is None


def test_lengths_are_alike_between_the_shortest_and_the_longest_and_clipped_to_the_range() -> None:
    middle, half_range = (HIGH + LOW) / 2, (HIGH - LOW) / 2
    rng = np.random.default_rng(0)

    def lengths(shortest: float, longest: float) -> np.ndarray:
        exploration = HeldExploration(1.0, lengths=(shortest, longest))
        begun = (exploration.begin(LOW, HIGH, rng) for _ in range(2000))
        return np.array([np.linalg.norm((b[0] - middle) / half_range) for b in begun if b is not None])

    np.testing.assert_allclose(lengths(1.0, 1.0), 1.0)
    spread = lengths(0.2, 0.8)
    np.testing.assert_allclose(np.quantile(spread, (0, 0.25, 0.5, 0.75, 1)), (0.2, 0.35, 0.5, 0.65, 0.8), atol=0.03)
    assert np.quantile(lengths(3.0, 3.0), (0, 1)) == pytest.approx((1.0, np.sqrt(2)), abs=0.01)
