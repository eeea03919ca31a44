"""Tasks that ask for memory: what is seen when, what is paid, when it is over, and that they can be solved."""

from typing import Any

import numpy as np
import pytest

from hrl_core.envs.key_door import HEIGHT, WIDTH, make_key_door
from hrl_core.envs.non_match import make_non_match
from hrl_core.envs.t_maze import make_t_maze
from hrl_core.envs.water_maze import CELLS, SIDE, make_water_maze

AHEAD, LEFT, RIGHT = 1, 2, 3


def seen(told: dict[str, Any]) -> Any:
    return told["observation"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("right", [True, False])
def test_the_t_maze_shows_its_sign_once_and_pays_for_the_turn_that_it_showed(seed, right):
    env = make_t_maze(length=4)
    told, _ = env.reset(seed=seed)
    sign = int(seen(told)[:2].argmax())
    assert seen(told)[:4].tolist() == [1 - sign, sign, 1, 0]
    for step in range(4):
        told, reward, over, *_ = env.step(AHEAD)
        assert seen(told)[:4].tolist() == [0, 0, *((1, 0) if step < 3 else (0, 1))]
        assert (reward, over) == (-0.01, False)
    told, reward, over, *_ = env.step(LEFT + (sign if right else 1 - sign))
    assert over
    assert reward == pytest.approx(1 - 0.01 if right else -0.1 - 0.01)
    assert told["achieved_goal"] == float(right)


def test_a_turn_within_the_corridor_leads_nowhere():
    env = make_t_maze(length=2)
    env.reset(seed=0)
    ways = [env.step(action) for action in (LEFT, RIGHT, AHEAD, LEFT, AHEAD)]
    assert not any(over for _, _, over, *_ in ways)
    assert seen(ways[-1][0])[3] == 1


@pytest.mark.parametrize("repeat", [1, 2, 3])
def test_repeated_actions_take_as_many_ticks_and_stop_where_the_episode_does(repeat):
    env = make_t_maze(length=6, repeat=repeat)
    told, _ = env.reset(seed=1)
    sign = int(seen(told)[:2].argmax())
    for step in range(6 // repeat):
        assert not seen(told)[3]
        told, reward, *_ = env.step(AHEAD)
        assert reward == pytest.approx(-0.01 * repeat), step
    assert seen(told)[3]
    assert env.step(LEFT + sign)[1] == pytest.approx(1 - 0.01)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("right", [True, False])
def test_non_match_pays_for_the_object_that_was_not_shown(seed, right):
    env = make_non_match(blank=3)
    told, _ = env.reset(seed=seed)
    shown = [seen(told)]
    for _ in range(5):
        told, _, over, *_ = env.step(1)
        shown.append(seen(told))
        assert not over
    sample = int(shown[0][:4].argmax())
    assert [row[:4].sum() for row in shown] == [1, 1, 0, 0, 0, 0]
    assert [row[13] for row in shown] == [0, 0, 0, 0, 0, 1]
    assert [row[4:12].any() for row in shown] == [False] * 5 + [True]
    # Before there are two nobody moves.
    assert [row[12] for row in shown] == [0] * 6
    left, on_right = (int(seen(told)[at : at + 4].argmax()) for at in (4, 8))
    assert sorted((left == sample, on_right == sample)) == [False, True]
    towards = (1 if on_right == sample else 2) if right else (2 if on_right == sample else 1)
    rewards = []
    while not over:
        told, reward, over, *_ = env.step(towards)
        rewards.append(reward)
    assert rewards == pytest.approx([-0.01, -0.01, 1 - 0.01 if right else -0.1 - 0.01])
    assert told["achieved_goal"] == float(right)


@pytest.mark.parametrize("seed", range(5))
def test_the_platform_of_the_water_maze_stays_and_who_finds_it_is_put_elsewhere(seed):
    env = make_water_maze()
    told, _ = env.reset(seed=seed)
    rng, platforms, earned, before = np.random.default_rng(seed), set(), 0.0, told
    for _ in range(600):
        after, reward, over, *_ = env.step(int(rng.integers(4)))
        assert not over
        assert reward == seen(after)[CELLS]
        if seen(before)[CELLS]:
            platforms.add(int(seen(before)[:CELLS].argmax()))
            assert int(seen(after)[:CELLS].argmax()) not in platforms
        else:
            (y, x), (v, u) = (divmod(int(seen(t)[:CELLS].argmax()), SIDE) for t in (before, after))
            assert abs(x - u) + abs(y - v) <= 1
        earned, before = earned + reward, after
        assert after["achieved_goal"] == float(earned >= 2)
    assert len(platforms) == 1
    assert earned > 5


@pytest.mark.parametrize("seed", range(8))
def test_the_door_opens_for_who_has_the_key_alone_and_what_is_held_is_not_seen(seed):
    env = make_key_door()
    env.reset(seed=seed)
    rng, columns, over = np.random.default_rng(seed), [], False
    numbers = env._numbers  # where things lie
    while not over:
        had_key = numbers[2] < 0
        told, reward, over, *_ = env.step(int(rng.integers(4)))
        row = seen(told)
        columns.append(int(row[:WIDTH].argmax()))
        assert row[: WIDTH + HEIGHT].sum() == 2
        assert not (columns[-1] >= 3 and not had_key)
        assert reward == pytest.approx(-0.01 + over)
    assert told["achieved_goal"] == 1
    assert columns[-1] > 3
    # The same place with and without the key looks the same, but for the key itself.
    twin = make_key_door()
    twin.reset(seed=0)
    saved = twin.simulation_state()
    saved[:7] = [1, 1, -1, 0, 0, 0, 0]
    held = seen(twin.restore(saved)).copy()
    saved[2] = 8
    np.testing.assert_array_equal(seen(twin.restore(saved)), held)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: make_t_maze(repeat=0), "repeat: at least 1, got 0"),
        (lambda: make_t_maze(length=0), "length: at least 1, got 0"),
        (lambda: make_non_match(blank=-1), "blank: at least 0, got -1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()
