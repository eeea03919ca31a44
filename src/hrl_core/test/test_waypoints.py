"""Waypoints: the episode's own goal is pursued in the end, and detours stay within their bounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.training.config import TrainConfig
from hrl_core.training.waypoints import Waypoints

BOX = (np.array([-12.0, -4.0]), np.array([12.0, 20.0]))
OWN = np.array([0.0, 19.0])
FEW, MANY = 2, 4
FEWEST, MOST = 1, 3


def _waypoints(probability: float) -> Waypoints:
    config = TrainConfig(waypoint_probability=probability, waypoints=(FEWEST, MOST), waypoint_decisions=(FEW, MANY))
    return Waypoints(config, BOX, num_envs=2)


@given(st.integers(0, 2**32 - 1))
def test_a_detour_has_few_goals_of_the_box_and_ends_at_the_own_one(seed: int) -> None:
    waypoints, rng = _waypoints(1.0), np.random.default_rng(seed)
    waypoints.plan(0, OWN, rng)
    pursued = np.array([waypoints.pursued(np.array([0]))[0] for _ in range(MOST * MANY + 1)])
    own = (pursued == OWN).all(axis=1)
    first = int(np.argmax(own))
    detours, counts = np.unique(pursued[:first], axis=0, return_counts=True)
    assert own[first:].all()
    assert FEWEST <= len(detours) <= MOST
    assert ((counts >= FEW) & (counts <= MANY)).all()
    assert ((detours >= BOX[0]) & (detours <= BOX[1])).all()


def test_without_a_chance_the_own_goal_counts_and_no_random_number_is_drawn() -> None:
    waypoints, rng = _waypoints(0.0), np.random.default_rng(0)
    before = rng.bit_generator.state
    waypoints.plan(1, OWN, rng)
    assert rng.bit_generator.state == before
    for _ in range(60):
        np.testing.assert_array_equal(waypoints.pursued(np.array([1])), [OWN])


def test_going_on_from_a_saved_state_pursues_the_same() -> None:
    waypoints, rng = _waypoints(1.0), np.random.default_rng(3)
    for env in range(2):
        waypoints.plan(env, OWN, rng)
    both = np.arange(2)
    waypoints.pursued(both)
    other = _waypoints(1.0)
    other.load_state_dict({name: array.copy() for name, array in waypoints.state_dict().items()})
    for _ in range(MOST * MANY):
        np.testing.assert_array_equal(waypoints.pursued(both), other.pursued(both))
