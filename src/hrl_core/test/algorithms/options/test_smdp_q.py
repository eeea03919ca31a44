"""Learning with options: hand-computed updates, laws, and how much sooner the goal is found."""

import numpy as np
import pytest

from hrl_core.algorithms.options.hallway_options import Options, hallway_options, primitive_actions
from hrl_core.algorithms.options.smdp_q import LearningConfig, OptionValues, learn
from hrl_core.four_rooms import NUMBER, Dynamics, outcomes, transition_matrix

TABLE = outcomes(Dynamics.UNRELIABLE)
PRIMITIVE, HALLWAY = primitive_actions(), hallway_options(transition_matrix(TABLE))
BOTH = PRIMITIVE.and_also(HALLWAY)
GOALS = (NUMBER[7, 9], NUMBER[9, 9])
SHORT = LearningConfig(episodes=5)


def _whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def test_an_option_that_is_over_learns_its_discounted_end_and_the_others_nothing() -> None:
    values = OptionValues(BOTH, seeds=2, learning_rate=0.25)
    values.q[:] = 0.4
    values.learn_from_option(_whole(3, 5), _whole(6, 0), _whole(4, 1), np.array([0.8, 1.0]), ended=_whole(0))
    # 0.4 + 0.25 (0.9^4 0.8 - 0.4)
    assert values.q[0, 3, 6] == pytest.approx(0.3 + 0.25 * 0.6561 * 0.8)
    values.q[0, 3, 6] = 0.4
    assert (values.q == 0.4).all()


def test_from_a_step_learns_every_option_that_would_have_taken_it() -> None:
    values = OptionValues(BOTH, seeds=1, learning_rate=0.25)
    cell, beside = NUMBER[3, 3], NUMBER[3, 4]
    values.q[0, cell], values.q[0, beside] = 0.2, np.linspace(0.0, 0.55, 12)
    values.learn_from_step(_whole(cell), _whole(3), _whole(beside), best=np.array([0.55]))
    learned = values.q[0, cell] != 0.2
    # East, and the option to the north hallway; that to the west one goes elsewhere, other rooms' never begin here.
    assert np.flatnonzero(learned).tolist() == [3, 4]
    assert values.q[0, cell, 3] == pytest.approx(0.75 * 0.2 + 0.25 * 0.9 * 0.55)
    assert values.q[0, cell, 4] == pytest.approx(0.75 * 0.2 + 0.25 * 0.9 * 0.2)


def test_the_best_option_is_chosen_ties_evenly_and_exploring_any_that_may_begin() -> None:
    values, seeds = OptionValues(BOTH, seeds=1200, learning_rate=0.25), 1200
    cells, pick = np.full(seeds, NUMBER[2, 2]), np.arange(seeds) / seeds
    values.q[:, NUMBER[2, 2], [1, 5]] = 0.5
    values.q[:, NUMBER[2, 2], 7] = 0.9
    greedy, any_one = (values.choose(cells, np.full(seeds, explore), pick) for explore in (False, True))
    # 7 belongs to another room.
    assert np.bincount(greedy, minlength=12)[[1, 5]].tolist() == [600, 600]
    assert np.bincount(any_one, minlength=12).tolist() == [200] * 6 + [0] * 6


@pytest.mark.parametrize("goal", GOALS)
def test_with_actions_alone_both_rules_are_q_learning(goal: int) -> None:
    one, other = (learn(PRIMITIVE, TABLE, goal, range(3), SHORT, intra) for intra in (False, True))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("intra", [False, True])
def test_a_seed_s_episodes_do_not_depend_on_its_company(intra: bool) -> None:
    together = learn(BOTH, TABLE, GOALS[1], range(6), SHORT, intra)
    assert len(np.unique(together, axis=0)) == 6
    for seed in (0, 4):
        np.testing.assert_array_equal(learn(BOTH, TABLE, GOALS[1], [seed], SHORT, intra)[0], together[seed])
    np.testing.assert_array_equal(learn(BOTH, TABLE, GOALS[1], [5, 2], SHORT, intra), together[[5, 2]])


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("name", ["SMDP", "intra-option"])
def test_with_options_the_first_twenty_episodes_take_a_third_of_the_steps_at_most(goal: int, name: str) -> None:
    first = LearningConfig(episodes=20)
    primitive, quicker = (
        learn(options, TABLE, goal, range(20), first, intra).sum(axis=1).mean()
        for options, intra in ((PRIMITIVE, False), (BOTH, name == "intra-option"))
    )
    assert quicker <= primitive / 3


def test_options_alone_reach_a_goal_in_a_hallway_as_soon() -> None:
    first = LearningConfig(episodes=20)
    alone, primitive = (learn(o, TABLE, GOALS[0], range(20), first).sum(axis=1).mean() for o in (HALLWAY, PRIMITIVE))
    assert alone <= primitive / 3


def test_nothing_begins_or_goes_on_at_the_goal() -> None:
    ending: Options = BOTH.ended_at(GOALS[1])
    assert not ending.begins[:, GOALS[1]].any()
    assert not ending.goes_on[:, GOALS[1]].any()
