"""Option-Critic on tables: one update by hand, one option as a flat actor-critic, and a goal that moves."""

import dataclasses

import numpy as np
import pytest

from hrl_core.algorithms.options.option_critic_tabular import OptionCritic, OptionCriticConfig, live
from hrl_core.algorithms.options.recovery import (
    FIRST_GOAL,
    LOWER_RIGHT,
    Recovery,
    evaluate,
    moved_goals,
    recover,
)
from hrl_core.algorithms.options.streams import Streams
from hrl_core.four_rooms import NUM_CELLS, NUMBER, Dynamics, outcomes

CONFIG = OptionCriticConfig(num_options=2, temperature=0.5, deliberation_cost=0.1)


def _whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def _cell_10_to_11(at_goal: bool) -> tuple[OptionCritic, int, int]:
    """Learn from action 1 of option 1, from cell 10 to cell 11, of the second of two seeds; rows of both cells."""
    agent = OptionCritic(CONFIG, num_seeds=2)
    at, to = ((NUM_CELLS + cell) * 2 + 1 for cell in (10, 11))
    agent.option_values[at], agent.action_values[at, 1] = 0.2, 0.6
    agent.option_values[to - 1], agent.option_values[to] = 0.9, 0.3
    agent.preferences[at, 1], agent.terminations[to] = 0.5 * np.log(3), np.log(0.25 / 0.75)
    agent.learn(_whole(1), _whole(10), _whole(1), _whole(1), _whole(11), np.array([at_goal]))
    return agent, at, to


def test_one_update_is_what_it_is_by_hand() -> None:
    agent, at, to = _cell_10_to_11(at_goal=False)
    # beta = 1/4; y = 0.99 (3/4 0.3 + 1/4 0.9) = 0.4455
    assert agent.option_values[at] == pytest.approx(0.2 + 0.5 * (0.4455 - 0.2))
    assert agent.action_values[at, 1] == pytest.approx(0.6 + 0.5 * (0.4455 - 0.6))
    # advantage = 0.52275 - 0.32275 = 0.2; pi = softmax(0, log 3, 0, 0) = (1, 3, 1, 1) / 6
    moved = agent.preferences[at] - np.array([0, 0.5 * np.log(3), 0, 0])
    np.testing.assert_allclose(moved, 0.25 * 0.2 * np.array([-1 / 6, 3 / 6, -1 / 6, -1 / 6]))
    # worse than the best by 0.6, xi 0.1: the logit rises by 0.25 3/16 0.5
    assert agent.terminations[to] == pytest.approx(np.log(0.25 / 0.75) + 0.25 * 3 / 16 * 0.5)


def test_at_the_goal_there_is_the_reward_alone_and_nothing_to_end() -> None:
    agent, at, to = _cell_10_to_11(at_goal=True)
    assert agent.option_values[at] == pytest.approx(0.2 + 0.5 * (1 - 0.2))
    assert agent.action_values[at, 1] == pytest.approx(0.6 + 0.5 * (1 - 0.6))
    assert agent.terminations[to] == pytest.approx(np.log(0.25 / 0.75))


def test_an_update_touches_its_seed_cell_option_and_action_alone() -> None:
    agent, at, to = _cell_10_to_11(at_goal=False)
    untouched = np.delete(np.arange(len(agent.option_values)), [at, to - 1, to])
    assert not agent.option_values[untouched].any()
    assert not agent.action_values[np.delete(np.arange(len(agent.action_values)), at)].any()
    assert not agent.preferences[np.delete(np.arange(len(agent.preferences)), at)].any()
    assert not np.delete(agent.terminations, to).any()
    assert agent.action_values[at, [0, 2, 3]].tolist() == [0.0, 0.0, 0.0]


def _softmax_draw(preferences: np.ndarray, temperature: float, uniform: float) -> tuple[int, np.ndarray]:
    sums = np.exp((preferences - preferences.max()) / temperature).cumsum()
    return int((sums[:-1] <= uniform * sums[-1]).sum()), np.diff(sums, prepend=0.0) / sums[-1]


def _flat_actor_critic(seed: int, episodes: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Steps of the episodes, V and preferences of an actor-critic with V(s) and Q(s, a): no options anywhere."""
    config, table = OptionCriticConfig(num_options=1), outcomes(Dynamics.THROWN)
    v, q, theta = np.zeros(NUM_CELLS), np.zeros((NUM_CELLS, 4)), np.zeros((NUM_CELLS, 4))
    streams, lengths, steps = Streams([seed], 5), [], 0
    other = int(streams.step()[0, 0] * (NUM_CELLS - 1))
    cell = other + (other >= FIRST_GOAL)
    while len(lengths) < episodes:
        start, act, move, *_ = streams.step()[:, 0]
        action, policy = _softmax_draw(theta[cell], config.temperature, act)
        arrived = int(table[action, cell, int(move * 36)])
        target = 1.0 if arrived == FIRST_GOAL else config.discount * v[arrived]
        v[cell] += config.critic_rate * (target - v[cell])
        q[cell, action] += config.critic_rate * (target - q[cell, action])
        theta[cell] += config.policy_rate * (q[cell, action] - v[cell]) * (np.eye(4)[action] - policy)
        cell, steps = arrived, steps + 1
        if arrived == FIRST_GOAL or steps == 1000:
            lengths.append(steps)
            other, steps = int(start * (NUM_CELLS - 1)), 0
            cell = other + (other >= FIRST_GOAL)
    return lengths, v, theta


def test_one_option_is_a_flat_actor_critic() -> None:
    episodes, agent = 120, OptionCritic(OptionCriticConfig(num_options=1), 1)
    lived = live(agent, np.full((1, episodes), FIRST_GOAL), [7])
    lengths, v, theta = _flat_actor_critic(7, episodes)
    assert lived.lengths[0].tolist() == lengths
    np.testing.assert_allclose(agent.option_values, v, rtol=1e-9)
    np.testing.assert_allclose(agent.preferences, theta, rtol=1e-6, atol=1e-12)
    assert min(lengths) < 20 < max(lengths)


def test_options_that_always_end_are_chosen_anew_at_every_step() -> None:
    agent = OptionCritic(dataclasses.replace(CONFIG, termination_rate=0.0), 3)
    agent.terminations[:] = 50.0
    lived = live(agent, np.full((3, 4), FIRST_GOAL), range(3))
    np.testing.assert_array_equal(lived.chosen, lived.lengths)


def test_options_that_never_end_are_chosen_once_an_episode() -> None:
    agent = OptionCritic(dataclasses.replace(CONFIG, termination_rate=0.0), 3)
    agent.terminations[:] = -50.0
    assert (live(agent, np.full((3, 4), FIRST_GOAL), range(3)).chosen == 1).all()


def test_a_seed_s_numbers_do_not_depend_on_its_company() -> None:
    goals, config = np.full((5, 12), FIRST_GOAL), OptionCriticConfig(num_options=8)
    together = OptionCritic(config, 5)
    lived = live(together, goals, range(5))
    assert len(np.unique(lived.lengths, axis=0)) == 5
    for company in ([3], [4, 1]):
        agent = OptionCritic(config, len(company))
        again = live(agent, goals[: len(company)], company)
        np.testing.assert_array_equal(again.lengths, lived.lengths[company])
        np.testing.assert_array_equal(again.chosen, lived.chosen[company])
        for name in ("option_values", "action_values", "preferences", "terminations"):
            one, other = (getattr(a, name).reshape(n, -1) for a, n in ((agent, len(company)), (together, 5)))
            np.testing.assert_array_equal(one, other[company])


def test_an_episode_is_cut_after_its_most_steps_and_begins_anywhere_but_at_the_goal() -> None:
    agent = OptionCritic(CONFIG, 200)
    lived = live(agent, np.full((200, 2), FIRST_GOAL), range(200), learning=False, most_steps=7)
    assert lived.lengths.max() == 7
    assert 1 <= lived.lengths.min() < 7
    assert not agent.option_values.any()


def test_greedy_acts_by_the_likeliest_and_ends_beyond_a_half() -> None:
    agent = OptionCritic(CONFIG, 1, greedy=True)
    at = NUMBER[2, 2] * 2
    agent.preferences[at, 2], agent.option_values[at + 1] = 1e-6, 1e-6
    agent.terminations[at], agent.terminations[at + 1] = 1e-6, -1e-6
    for uniform in (np.array([0.0]), np.array([0.999])):
        here = _whole(0), _whole(NUMBER[2, 2])
        assert agent.act(*here, _whole(0), uniform).tolist() == [2]
        assert agent.choose(*here, uniform).tolist() == [1]
        assert agent.ends(*here, _whole(0), uniform).tolist() == [True]
        assert agent.ends(*here, _whole(1), uniform).tolist() == [False]


def test_drawn_actions_have_the_probabilities_of_the_softmax() -> None:
    agent, count = OptionCritic(CONFIG, 1), 6000
    agent.preferences[0] = 0.5 * np.log([1.0, 3.0, 1.0, 1.0])
    zeros, uniform = np.zeros(count, np.int64), (np.arange(count) + 0.5) / count
    assert np.bincount(agent.act(zeros, zeros, zeros, uniform)).tolist() == [1000, 3000, 1000, 1000]


def test_the_goal_moves_within_the_lower_right_alike_for_any_number_of_options() -> None:
    assert len(LOWER_RIGHT) == 21
    assert set(moved_goals(range(400)).tolist()) == set(LOWER_RIGHT)
    np.testing.assert_array_equal(moved_goals([3, 1]), moved_goals(range(4))[[3, 1]])


@pytest.mark.learning
@pytest.mark.timeout(900)
def test_with_more_options_a_moved_goal_is_found_sooner() -> None:
    seeds, found = range(20), {}
    # One option takes a thousand steps an episode until it has found the goal: of it the first ones are enough.
    for number, episodes in ((1, 1200), (4, 2000), (8, 2000)):
        found[number] = recover(OptionCriticConfig(num_options=number), seeds, episodes)
        assert np.median(found[number].steps((900, 1000))) <= 12
    moved = {number: one.steps((1000, 1200)) for number, one in found.items()}
    assert moved[1].mean() >= 450
    assert moved[4].mean() <= 180
    assert moved[8].mean() <= 150
    assert np.mean(moved[4] < moved[1]) >= 0.8
    assert found[4].steps((1900, 2000)).mean() <= 65
    assert found[8].steps((1900, 2000)).mean() <= 45
    _sampling_beats_greedy(found[8])


def _sampling_beats_greedy(recovery: Recovery) -> None:
    """Greedy options walk in circles where the goal was."""
    later = range(1000, 1020)
    sampled, greedy = (evaluate(recovery, later, 50, greedy=greedy).mean() for greedy in (False, True))
    assert sampled <= 45
    assert greedy > 2 * sampled
