"""Planning with hallway options: the figures that follow from map and dynamics, and the laws they obey."""

import numpy as np
import pytest

from hrl_core.algorithms.options.hallway_options import DISCOUNT, Options, hallway_options, primitive_actions
from hrl_core.algorithms.options.planning import models, value_iteration
from hrl_core.four_rooms import HALLWAYS_OF, NUM_CELLS, NUMBER, ROOMS, Dynamics, outcomes, transition_matrix

MATRIX = transition_matrix(outcomes(Dynamics.UNRELIABLE))
HALLWAY, INTERIOR, NORTH, CORNER = (NUMBER[place] for place in ((7, 9), (9, 9), (3, 6), (11, 11)))
GOALS = pytest.mark.parametrize("goal", [HALLWAY, INTERIOR, NORTH, CORNER])
SETS: dict[str, Options] = {
    "primitive": primitive_actions(),
    "both": primitive_actions().and_also(hallway_options(MATRIX)),
    "options": hallway_options(MATRIX),
}
MANY = 300


def _values(name: str, goal: int) -> np.ndarray:
    return value_iteration(SETS[name], MATRIX, goal, MANY)


@pytest.mark.parametrize(
    ("goal", "name", "reached", "all_after", "errors_after", "mean"),
    [
        (HALLWAY, "primitive", (3, 9, 19), 14, (14, 28, 37), 0.29650),
        (HALLWAY, "both", (53, 104), 2, (2, 5, 8), 0.29650),
        (HALLWAY, "options", (53, 104), 2, (2, 5, 8), 0.29644),
        (INTERIOR, "primitive", (5, 13, 20), 16, (14, 30, 40), 0.29343),
        (INTERIOR, "both", (22, 79, 104), 3, (7, 13, 20), 0.29343),
        (INTERIOR, "options", (22, 79, 104), 3, (2, 6, 10), 0.12267),
        (NORTH, "primitive", (3, 9, 19), 15, (14, 29, 38), 0.30417),
        (NORTH, "both", (58, 104), 2, (2, 5, 9), 0.30417),
        (CORNER, "primitive", (3, 6, 10), 20, (14, 33, 44), 0.19908),
        (CORNER, "both", (22, 79, 104), 3, (11, 18, 24), 0.19908),
    ],
)
def test_values_spread_as_fast_as_published(goal, name, reached, all_after, errors_after, mean) -> None:
    values = _values(name, goal)
    positive = (values > 0).sum(axis=1)
    assert tuple(positive[1 : 1 + len(reached)].tolist()) == reached
    assert int(np.argmax(positive == NUM_CELLS)) == all_after
    error = np.abs(values - values[-1]).max(axis=1)
    assert tuple(int(np.argmax(error <= most)) for most in (0.1, 0.01, 0.001)) == errors_after
    assert np.delete(values[-1], goal).mean() == pytest.approx(mean, abs=5e-6)


@pytest.mark.parametrize(("goal", "value"), [(HALLWAY, 0.083798), (INTERIOR, 0.056287)])
def test_the_far_corner_is_worth_what_the_limit_says(goal: int, value: float) -> None:
    assert _values("primitive", goal)[-1][NUMBER[1, 1]] == pytest.approx(value, abs=1e-6)


@GOALS
def test_options_only_ever_help_an_iteration_and_change_no_limit(goal: int) -> None:
    primitive, both = _values("primitive", goal), _values("both", goal)
    assert (both >= primitive - 1e-12).all()
    np.testing.assert_allclose(both[-1], primitive[-1], atol=1e-9)


@GOALS
def test_without_actions_the_limit_is_at_most_that_with_them(goal: int) -> None:
    assert (_values("options", goal)[-1] <= _values("primitive", goal)[-1] + 1e-9).all()


@GOALS
def test_values_grow_from_iteration_to_iteration(goal: int) -> None:
    for name in SETS:
        assert (np.diff(_values(name, goal), axis=0) >= -1e-12).all()


@GOALS
def test_a_model_is_discounted_by_a_step_at_least_and_ends_where_its_option_does(goal: int) -> None:
    options = SETS["options"].ended_at(goal)
    for led_to, begins, goes_on in zip(models(options, MATRIX), options.begins, options.goes_on, strict=True):
        sums = led_to[begins].sum(axis=1)
        assert (led_to[begins] >= -1e-12).all()
        assert (sums > 0).all()
        assert (sums <= DISCOUNT + 1e-12).all()
        np.testing.assert_allclose(led_to[begins][:, goes_on], 0.0, atol=1e-12)


def test_the_model_of_an_action_is_its_discounted_transitions() -> None:
    np.testing.assert_allclose(models(SETS["primitive"], MATRIX), DISCOUNT * MATRIX, atol=1e-12)


def test_a_model_is_the_mean_over_walks() -> None:
    options, table = SETS["options"], outcomes(Dynamics.UNRELIABLE)
    rng, start, walks = np.random.default_rng(0), NUMBER[2, 2], 20_000
    cells, weights, on = np.full(walks, start), np.ones(walks), np.ones(walks, bool)
    while on.any():
        moved = table[options.actions[0, cells], cells, rng.integers(36, size=walks)]
        cells, weights = np.where(on, moved, cells), np.where(on, DISCOUNT * weights, weights)
        on &= options.goes_on[0, cells]
    mean = np.bincount(cells, weights, NUM_CELLS) / walks
    np.testing.assert_allclose(models(options, MATRIX)[0, start], mean, atol=0.01)


def test_there_are_two_options_a_room_which_begin_in_it_and_at_the_hallway_they_do_not_lead_to() -> None:
    options = SETS["options"]
    assert options.begins.sum(axis=1).tolist() == [len(room) + 1 for room in ROOMS for _ in range(2)]
    assert options.begins.sum(axis=0).tolist() == [2] * NUM_CELLS
    for number, (begins, goes_on) in enumerate(zip(options.begins, options.goes_on, strict=True)):
        hallways = HALLWAYS_OF[number // 2]
        assert np.flatnonzero(goes_on).tolist() == sorted(ROOMS[number // 2])
        assert np.flatnonzero(begins & ~goes_on).tolist() == [hallways[1 - number % 2]]


def test_an_option_reaches_its_own_hallway_far_more_often_than_the_other_one() -> None:
    options = SETS["options"]
    led_to = models(options, MATRIX)
    for number, begins in enumerate(options.begins):
        hallways = HALLWAYS_OF[number // 2]
        own, other = (led_to[number][begins][:, hallways[side]] for side in (number % 2, 1 - number % 2))
        assert own.mean() > 3 * other.mean()
        # Begun in the other hallway it may end a step further on, in the room beyond.
        inside = begins & options.goes_on[number]
        assert set(np.flatnonzero(led_to[number][inside].max(axis=0) > 1e-9)) == set(hallways)
