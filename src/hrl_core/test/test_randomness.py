"""Random numbers depend on what they are for, and on nothing else."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.randomness import Purpose, step_generator, step_seed

KEYS = st.tuples(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from(Purpose),
    st.integers(0, (1 << 32) - 1),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
)


@given(KEYS, KEYS)
def test_numbers_are_the_same_for_the_same_use_and_for_no_other(one, other):
    ours, theirs = (step_generator(*key).standard_normal(8) for key in (one, other))
    assert np.array_equal(ours, theirs) == (one == other)
    np.testing.assert_array_equal(ours, step_generator(*one).standard_normal(8))
    assert (step_seed(*one) == step_seed(*other)) == (one == other)
    assert 0 <= step_seed(*one) < 1 << 63


def test_no_purpose_is_another_ones_level():
    """Two levels and all purposes, at the start of a run: no number is drawn twice."""
    drawn = [step_generator(0, purpose, level, 0, 0).random() for purpose in Purpose for level in range(8)]
    assert len(set(drawn)) == len(drawn)
