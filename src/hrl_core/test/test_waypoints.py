"""Waypoints: the episode's own goal is pursued in the end, detours stay in bounds and lead where few have been."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.visits import ATTEMPT, Visits
from hrl_core.algorithms.hiro.extras.waypoints import Waypoints
from hrl_core.errors import TaskError

BOX = (np.array([-12.0, -4.0]), np.array([12.0, 20.0]))
OWN = np.array([0.0, 19.0])
FEW, MANY = 2, 4
FEWEST, MOST = 1, 3


AFAR = np.full((1, 2), 100.0)
"""Achieved by somebody who reaches nothing."""


def _waypoints(probability: float, rarity: float = 0.0) -> Waypoints:
    config = HiroConfig(
        waypoint_probability=probability,
        waypoints=(FEWEST, MOST),
        waypoint_decisions=(FEW, MANY),
        waypoint_rarity=rarity,
    )
    return Waypoints(config, BOX, num_envs=2)


@given(st.integers(0, 2**32 - 1))
def test_a_detour_has_few_goals_of_the_box_and_ends_at_the_own_one(seed: int) -> None:
    waypoints, rng = _waypoints(1.0), np.random.default_rng(seed)
    waypoints.plan(0, OWN, rng)
    pursued = np.array([waypoints.pursued(np.array([0]), AFAR)[0] for _ in range(MOST * MANY + 1)])
    own = (pursued == OWN).all(axis=1)
    first = int(np.argmax(own))
    detours, counts = np.unique(pursued[:first], axis=0, return_counts=True)
    assert own[first:].all()
    assert FEWEST <= len(detours) <= MOST
    assert ((counts >= FEW) & (counts <= MANY)).all()
    assert ((detours >= BOX[0]) & (detours <= BOX[1])).all()


def test_a_waypoint_that_is_reached_is_done_with_and_the_own_goal_never_is() -> None:
    waypoints, rng = _waypoints(1.0), np.random.default_rng(7)
    env = np.array([0])
    waypoints.plan(0, OWN, rng)
    seen = [waypoints.pursued(env, AFAR)[0]]
    while not (seen[-1] == OWN).all():
        seen.append(waypoints.pursued(env, seen[-1][None] + 0.5)[0])
    assert len(np.unique(seen, axis=0)) == len(seen)
    assert (waypoints.pursued(env, OWN[None]) == OWN).all()


def test_without_a_chance_the_own_goal_counts_and_no_random_number_is_drawn() -> None:
    waypoints, rng = _waypoints(0.0), np.random.default_rng(0)
    before = rng.bit_generator.state
    waypoints.plan(1, OWN, rng)
    assert rng.bit_generator.state == before
    for _ in range(60):
        np.testing.assert_array_equal(waypoints.pursued(np.array([1]), AFAR), [OWN])


def test_going_on_from_a_saved_state_pursues_the_same() -> None:
    waypoints, rng = _waypoints(1.0, rarity=0.5), np.random.default_rng(3)
    waypoints.pursued(np.arange(2), np.array([[3.0, 4.0], [0.0, 0.0]]))
    for env in range(2):
        waypoints.plan(env, OWN, rng)
    both = np.arange(2)
    waypoints.pursued(both, AFAR)
    other = _waypoints(1.0, rarity=0.5)
    other.load_state_dict({name: array.copy() for name, array in waypoints.state_dict().items()})
    for _ in range(MOST * MANY):
        np.testing.assert_array_equal(waypoints.pursued(both, AFAR), other.pursued(both, AFAR))
    for each in (waypoints, other):
        each.plan(0, OWN, np.random.default_rng(5))
    np.testing.assert_array_equal(waypoints.pursued(both, AFAR), other.pursued(both, AFAR))


def test_rare_waypoints_are_places_that_were_reached() -> None:
    waypoints, rng = _waypoints(1.0, rarity=1.0), np.random.default_rng(1)
    reached = np.array([[1.0, 2.0], [5.0, 7.0], [-9.0, 0.5]])
    for place in reached:
        waypoints.pursued(np.array([0]), place[None])
    for _ in range(50):
        waypoints.plan(0, OWN, rng)
        pursued = waypoints.pursued(np.array([0]), reached[:1])[0]
        assert any((pursued == place).all() for place in [*reached, OWN])


def test_a_place_is_drawn_in_inverse_proportion_to_the_square_of_its_visits() -> None:
    rng, draws = np.random.default_rng(2), 4000
    rare = 0
    for _ in range(draws):
        visits = Visits(BOX)
        visits.add(np.tile([1.0, 1.0], (3, 1)))
        visits.add(np.array([[9.0, 9.0]]))
        rare += int((visits.draw(1, rng) == [[9.0, 9.0]]).all())
    # Visited three times and once: chances of 1/10 and 9/10; four standard deviations.
    assert abs(rare / draws - 0.9) < 4 * np.sqrt(0.9 * 0.1 / draws)


def test_a_place_that_is_tried_in_vain_is_tried_less_and_less() -> None:
    visits, rng = Visits(BOX), np.random.default_rng(4)
    visits.add(np.array([[9.0, 9.0]]))
    visits.add(np.tile([1.0, 1.0], (30 * ATTEMPT, 1)))
    drawn = (visits.draw(1, rng) for _ in range(200))
    freak = [bool((place == [[9.0, 9.0]]).all()) for place in drawn]
    assert np.mean(freak[:10]) > 0.6 > np.mean(freak[100:])


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=20))
def test_every_place_however_far_outside_the_box_can_be_drawn_again(places: list[tuple[float, float]]) -> None:
    visits = Visits(BOX)
    visits.add(np.array(places))
    assert not visits.nowhere
    assert tuple(visits.draw(1, np.random.default_rng(0))[0]) in places


def test_a_task_without_goals_has_no_waypoints() -> None:
    none = (np.zeros(0), np.zeros(0))
    with pytest.raises(TaskError, match="waypoint_probability needs a task goal"):
        Waypoints(HiroConfig(waypoint_probability=0.5), none, 1)
    Waypoints(HiroConfig(), none, 1)
