"""Push Point: two discs that never overlap, one moved by actions, the other by the first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrl_core.envs.push_point import BLOCK_ARENA, CONTACT, POINT_ARENA, STRIDE, PushPointEnv, make_push_point


def placed(
    point: tuple[float, float], block: tuple[float, float], goal: tuple[float, float] = (1.0, 1.0)
) -> PushPointEnv:
    env = make_push_point()
    env.reset(seed=0)
    env.restore(np.array([*point, 0, 0, *block, 0, 0, *goal]))
    return env


def test_a_point_pushes_the_block_straight_away_from_itself() -> None:
    env = placed((-CONTACT, 0.0), (0.0, 0.0))
    state = env.step(np.array([1.0, 0.0]))[0]["observation"]
    np.testing.assert_allclose(state, [-CONTACT + STRIDE, 0, STRIDE, 0, STRIDE, 0, STRIDE, 0], atol=1e-12)


def test_what_it_does_not_touch_stays() -> None:
    env = placed((-1.0, 0.0), (0.0, 0.0))
    state = env.step(np.array([1.0, 0.0]))[0]["observation"]
    np.testing.assert_allclose(state, [-0.9, 0, 0.1, 0, 0, 0, 0, 0], atol=1e-12)


def test_a_block_at_the_edge_does_not_give_way_and_the_point_stays_where_it_touches() -> None:
    env = placed((BLOCK_ARENA - CONTACT, 0.0), (BLOCK_ARENA, 0.0))
    state = env.step(np.array([1.0, 0.0]))[0]["observation"]
    np.testing.assert_allclose(state, [BLOCK_ARENA - CONTACT, 0, 0, 0, BLOCK_ARENA, 0, 0, 0], atol=1e-12)


@pytest.mark.parametrize(("block", "reward"), [((1.2, 0.79), 0.0), ((1.25, 0.74), -1.0), ((1.0, 1.49), 0.0)])
def test_it_pays_where_the_block_is_near_the_goal_along_both_axes_together(block, reward) -> None:
    env = placed((-2.0, -2.0), block)
    _, paid, terminated, truncated, info = env.step(np.zeros(2))
    assert (paid, terminated, truncated, info["is_success"]) == (reward, False, False, reward == 0)


def test_a_picture_shows_goal_block_and_point_where_they_are() -> None:
    env = placed((-1.0, -2.0), (0.0, 1.0), goal=(2.0, 2.0))
    at, seen = env.places(), env.render()

    def colour(x: float, y: float) -> tuple[int, ...]:
        row, column = np.abs(at - y).argmin(), np.abs(at - x).argmin()
        return tuple(seen[len(at) - 1 - row, column].tolist())

    colours = [colour(*place) for place in ((-1.0, -2.0), (0.0, 1.0), (2.0, 2.0), (-2.0, 2.0))]
    assert len({*colours}) == 4
    assert colour(2.0, 2.4) == colours[2]
    assert colour(2.4, 2.4) == colours[3]
    assert colour(0.0, 1.39) == colours[1]


@pytest.mark.parametrize("apart", [0.0, 1.0, 2.0, 2.5])
def test_goals_are_no_nearer_than_they_are_asked_to_be(apart: float) -> None:
    env, ways = make_push_point(apart), []
    for seed in range(50):
        told = env.reset(seed=seed)[0]
        ways.append(np.abs(told["achieved_goal"] - told["desired_goal"]).sum())
    assert apart <= min(ways) < apart + 0.5


def test_goals_that_some_blocks_cannot_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"apart: from 0 to 2\.5 m"):
        make_push_point(3.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_discs_never_overlap_or_leave_their_arenas(seed: int) -> None:
    env, rng = make_push_point(), np.random.default_rng(seed)
    told = env.reset(seed=seed % 1000)[0]
    push = rng.uniform(-1, 1, 2)
    for step in range(60):
        push = rng.uniform(-1, 1, 2) if step % 10 == 0 else push
        told = env.step(push)[0]
        point, block = told["observation"][:2], told["observation"][4:6]
        assert np.linalg.norm(point - block) > CONTACT - 1e-9
        assert np.abs(block).max() <= BLOCK_ARENA
        # Slid round a block that does not give way it may be pressed out by as much as that has room.
        assert np.abs(point).max() <= POINT_ARENA + STRIDE
