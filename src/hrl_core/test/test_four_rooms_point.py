"""The point in four rooms: walls are passed through gaps alone, and a saved state draws the same moves again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.envs.four_rooms_point import GAP, GAPS, GOAL, HALF, RADIUS, crosses_wall, make_four_rooms_point


@pytest.mark.parametrize(
    ("before", "after", "blocked"),
    [
        ((-0.2, 2.0), (0.2, 2.0), False),  # the north gap
        ((-0.2, -2.4), (0.2, -2.4), False),  # the south one, near its edge
        ((-0.2, 1.4), (0.2, 1.4), True),
        ((1.9, 0.3), (2.1, -0.3), False),  # the east gap
        ((-3.0, 0.1), (-3.0, -0.1), True),
        ((-0.1, 0.1), (0.1, -0.1), True),  # through the middle, where two walls meet
        ((1.0, 1.0), (1.4, 1.4), False),
    ],
)
def test_walls_are_passed_through_their_gaps(before, after, blocked):
    assert crosses_wall(np.array(before), np.array(after)) == blocked
    assert crosses_wall(np.array(after), np.array(before)) == blocked


@given(seed=st.integers(0, 2**32), moves=st.lists(st.integers(0, 3), max_size=60))
@settings(max_examples=60, deadline=None)
def test_it_stays_within_the_square_and_changes_rooms_through_gaps(seed, moves):
    env = make_four_rooms_point()
    observation, _ = env.reset(seed=seed)
    before = observation["observation"]
    for move in moves:
        saved = env.simulation_state()
        observation, reward, terminated, *_ = env.step(move)
        after = observation["observation"]
        assert (np.abs(after) <= HALF).all()
        if (np.sign(before) != np.sign(after)).sum() == 1:
            across = int(np.flatnonzero(np.sign(before) != np.sign(after))[0])
            # Straight on from a place within a step of the wall: never far from a gap's middle.
            assert abs(abs(after[1 - across]) - GAPS) < GAP + 0.4
        assert terminated == (reward == 1.0) == (np.linalg.norm(after - GOAL) <= RADIUS)
        env.restore(saved)
        assert env.step(move)[0]["observation"].tobytes() == after.tobytes()
        before = after
        if terminated:
            break
