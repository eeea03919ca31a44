"""How well a place tells which skill led there."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.algorithms.snn4hrl.information import bonus, cells, counts, information

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=60)


def split(pairs):
    """Latents, and places numbered from 0 on without gaps, as ``cells`` gives them."""
    latents, places = np.array(pairs).T
    return latents, np.unique(places, return_inverse=True)[1]


@given(PAIRS)
def test_the_bonus_is_what_counting_with_a_dictionary_gives(pairs):
    both, place = Counter(pairs), Counter(where for _, where in pairs)
    expected = [math.log(both[pair] / place[pair[1]]) for pair in pairs]
    np.testing.assert_allclose(bonus(*split(pairs), 4), expected, rtol=1e-6)


@given(PAIRS)
def test_of_every_place_the_shares_of_skills_make_one(pairs):
    table = counts(*split(pairs), 4)
    assert (table.sum(axis=0) > 0).all()
    np.testing.assert_allclose((table / table.sum(axis=0)).sum(axis=0), 1)


@given(PAIRS, st.permutations(range(4)))
def test_information_is_from_none_to_that_of_the_skill_whatever_skills_are_called(pairs, names):
    latents, places = split(pairs)
    told = information(latents, places, 4)
    assert -1e-12 <= told <= math.log(4) + 1e-12
    assert information(np.array(names)[latents], places, 4) == pytest.approx(told, abs=1e-12)


def test_places_of_their_own_tell_everything_and_common_ones_nothing():
    own, all_over = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    assert information(own, own, 3) == pytest.approx(math.log(3))
    assert information(own, all_over, 3) == pytest.approx(0)
    assert bonus(own, own, 3).tolist() == [0] * 12
    # Of two rows in cell 0 one is of each skill; the one in cell 1 is of skill 1.
    np.testing.assert_allclose(bonus(np.array([0, 1, 1]), np.array([0, 0, 1]), 2), [-math.log(2), -math.log(2), 0])


def test_cells_are_squares_of_the_plane_also_left_of_and_below_the_origin():
    positions = [[0.1, 0.1], [0.9, 0.2], [-0.1, 0.1], [0.1, -0.1], [2.0, 3.9], [3.9, 2.0]]
    one, *others = cells(np.array(positions), 1.0)
    assert others[0] == one
    assert len({one, *others[1:]}) == 5
    assert len(set(cells(np.array(positions), 2.0))) == 4, "the last two are in one of 2 m"
