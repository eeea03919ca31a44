"""The Four Rooms: map, dynamics, and the three versions of the environment."""

from typing import Any

import gymnasium
import numpy as np
import pytest

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.envs.four_rooms import EAST_HALLWAY, FourRoomsEnv, make_four_rooms
from hrl_core.four_rooms import (
    HALLWAYS,
    HALLWAYS_OF,
    MOVES,
    NUM_CELLS,
    NUMBER,
    PLACES,
    ROOMS,
    Dynamics,
    next_cells,
    outcomes,
    transition_matrix,
)

BOTH = pytest.mark.parametrize("dynamics", Dynamics)
NORTH, SOUTH, WEST, EAST = range(4)


def test_the_map_has_the_published_cells_rooms_and_hallways() -> None:
    assert NUM_CELLS == 104
    assert [PLACES[cell] for cell in HALLWAYS] == [(3, 6), (6, 2), (7, 9), (10, 6)]
    assert [len(room) for room in ROOMS] == [25, 30, 25, 20]
    assert sorted(cell for part in (*ROOMS, HALLWAYS) for cell in part) == list(range(NUM_CELLS))
    # The goal of Option-Critic and those of MLSH, as their released code numbers them.
    assert [NUMBER[place] for place in ((7, 9), (8, 7), (9, 9), (10, 8), (11, 11))] == [62, 68, 80, 90, 103]


def test_a_room_is_left_through_its_two_hallways_alone() -> None:
    for room, hallways in zip(ROOMS, HALLWAYS_OF, strict=True):
        beside = set(next_cells()[:, room].ravel().tolist()) - set(room)
        assert beside == set(hallways)


@BOTH
def test_where_a_move_leads_is_a_distribution(dynamics: Dynamics) -> None:
    matrix = transition_matrix(outcomes(dynamics))
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=2), 1.0, atol=1e-12)


def _leads(dynamics: Dynamics, action: int, place: tuple[int, int]) -> dict[tuple[int, int], Any]:
    """36 times the probability of each place that is possible."""
    row = 36 * transition_matrix(outcomes(dynamics))[action, NUMBER[place]]
    return {PLACES[cell]: pytest.approx(row[cell]) for cell in np.flatnonzero(row)}


def test_an_unreliable_move_is_one_of_the_others_in_a_third_of_all_cases() -> None:
    assert _leads(Dynamics.UNRELIABLE, EAST, (2, 2)) == {(2, 3): 24, (1, 2): 4, (3, 2): 4, (2, 1): 4}
    # Into the corner: north and west are blocked.
    assert _leads(Dynamics.UNRELIABLE, NORTH, (1, 1)) == {(1, 1): 28, (2, 1): 4, (1, 2): 4}


def test_a_thrown_move_slips_from_where_it_led_and_a_blocked_one_never() -> None:
    assert _leads(Dynamics.THROWN, EAST, (2, 1)) == {(2, 2): 24, (1, 2): 3, (3, 2): 3, (2, 1): 3, (2, 3): 3}
    assert _leads(Dynamics.THROWN, NORTH, (1, 1)) == {(1, 1): 36}
    assert _leads(Dynamics.THROWN, EAST, (3, 5)) == {(3, 6): 24, (3, 5): 6, (3, 7): 6}


def test_the_shortest_way_to_the_first_goal_takes_8_39_steps_on_average() -> None:
    matrix, left = transition_matrix(outcomes(Dynamics.THROWN)), np.zeros(NUM_CELLS)
    for _ in range(500):
        left = 1.0 + (matrix @ left).min(axis=0)
        left[EAST_HALLWAY] = 0.0
    assert np.delete(left, EAST_HALLWAY).mean() == pytest.approx(8.39, abs=0.005)


def test_a_hundred_steps_of_the_best_policy_earn_at_the_goals_of_mlsh_what_its_dynamics_allow() -> None:
    matrix, worths = transition_matrix(outcomes(Dynamics.THROWN)), []
    for goal in (68, 80, 90, 103):
        worth, reward = np.zeros(NUM_CELLS), np.arange(NUM_CELLS) == goal
        for _ in range(100):
            worth = (matrix @ (reward + worth)).max(axis=0)
        worths.append(float(worth[EAST_HALLWAY]))
    # In a cell without a wall beside it nobody can stay: 80 and 90 are left and entered again.
    assert worths == pytest.approx([97.24, 37.28, 37.88, 94.53], abs=0.005)
    assert np.mean(worths) == pytest.approx(66.7, abs=0.05)


@pytest.mark.parametrize(
    ("name", "dynamics"), [("FourRooms", Dynamics.THROWN), ("FourRoomsPlanning", Dynamics.UNRELIABLE)]
)
def test_the_environment_moves_by_its_matrix(name: str, dynamics: Dynamics) -> None:
    env: Any = gymnasium.make(f"hrl/{name}-v0").unwrapped
    env.reset(seed=0)
    start, counts = NUMBER[3, 5], np.zeros(NUM_CELLS)
    for key in range(2000):
        env.restore(np.array([start, 11.0, 11.0, key, key % 7]))
        counts[int(env.step(EAST)[0]["observation"][2])] += 1
    expected = transition_matrix(outcomes(dynamics))[EAST, start]
    assert (counts[expected == 0] == 0).all()
    np.testing.assert_allclose(counts / 2000, expected, atol=0.04)


def _into_the_goal(env: FourRoomsEnv) -> tuple[float, bool]:
    """Reward and end of a blocked move, which stays where it is: in the corner that is the goal."""
    env.reset(seed=0)
    env.restore(np.array([NUMBER[11, 11], 11.0, 11.0, 0.0, 0.0]))
    _, reward, terminated, *_ = env.step(SOUTH)
    return reward, terminated


def test_the_goal_is_worth_one_and_ends_the_episode_but_for_mlsh() -> None:
    assert _into_the_goal(make_four_rooms("option_critic")) == (1.0, True)
    assert _into_the_goal(make_four_rooms("multi")) == (1.0, False)
    elsewhere = make_four_rooms()
    elsewhere.reset(seed=0)
    elsewhere.restore(np.array([NUMBER[1, 1], 11.0, 11.0, 0.0, 0.0]))
    assert elsewhere.step(NORTH)[1:3] == (0.0, False)


def test_episodes_begin_where_the_version_says() -> None:
    starts, goals = {}, {}
    for version in ("option_critic", "multi"):
        env = make_four_rooms(version)
        told = [env.reset(seed=seed)[0] for seed in range(1500)]
        starts[version] = {int(one["observation"][2]) for one in told}
        goals[version] = {NUMBER[tuple(one["desired_goal"].astype(int).tolist())] for one in told}
    assert starts["option_critic"] == set(range(NUM_CELLS)) - {EAST_HALLWAY}
    assert starts["multi"] == {EAST_HALLWAY}
    assert goals == {"option_critic": {EAST_HALLWAY}, "multi": {68, 80, 90, 103}}


def test_an_unknown_version_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="version 'sutton': must be one of option_critic, planning, multi"):
        make_four_rooms("sutton")


def test_a_picture_shows_where_one_is_and_is_to_go() -> None:
    env = make_four_rooms(render_mode="rgb_array")
    env.reset(seed=0)
    env.restore(np.array([0.0, 11.0, 11.0, 0.0, 0.0]))
    picture = env.render()
    assert picture.shape == (104, 104, 3)
    _, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    assert sorted((counts / 64).tolist()) == [1, 1, 169 - NUM_CELLS, NUM_CELLS - 2]
    assert len(MOVES) == 4
