"""Tasks that pay at one place alone: nothing before it, 1 there."""

import gymnasium
import numpy as np
import pytest

from hrl_core.envs.cart_pole_swing_up import TRACK_END, make_cart_pole_swing_up
from hrl_core.envs.mountain_car_sparse import make_mountain_car_sparse
from hrl_core.envs.point_field import make_point_field
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.text import load_task


def test_the_sparse_car_moves_as_that_of_gymnasium_in_its_own_unit_of_velocity():
    ours, theirs = make_mountain_car_sparse(), gymnasium.make("MountainCarContinuous-v0").unwrapped
    (told, _), _ = theirs.reset(seed=3), ours.reset(seed=3)
    ours.restore(np.array([told[0], told[1], 0.525]))
    for throttle in np.random.default_rng(0).uniform(-1, 1, 100):
        step = ours.step(np.array([throttle]))
        told = theirs.step(np.array([throttle], np.float32))[0]
        np.testing.assert_allclose(step[0]["observation"], [told[0], told[1] / 0.07], atol=1e-5)
        assert step[1:4] == (0, False, False)


@pytest.mark.parametrize(("x", "reward"), [(0.42, 0), (0.44, 1)])
def test_the_top_pays_once_and_ends_the_episode(x, reward):
    envs = VectorEnv(load_task("mountain_car_sparse"), 1, 0)
    envs._envs[0].restore(np.array([x, 0.02, 0.525]))
    step = envs.step(np.ones((1, 1)))
    assert (step.rewards[0], step.terminated[0], step.successes[0]) == (reward, reward, reward)


def test_a_pole_that_nobody_pushes_keeps_its_energy():
    env = make_cart_pole_swing_up()
    env.reset(seed=0)
    env.restore(np.array([1.0, 0.0, 0.0, 0.0, 1.0]))
    energies = []
    for _ in range(300):
        env.step(np.zeros(1))
        energies.append(env.energy())
    assert np.ptp(energies) < 0.05 * 0.1 * 9.81, "of what lifts it from its lowest to its highest place"


def test_a_push_does_its_work_on_cart_and_pole():
    env = make_cart_pole_swing_up()
    env.reset(seed=0)
    env.restore(np.array([2.0, 1.0, 0.0, 0.0, 1.0]))
    before = env.energy()
    states = [env.step(np.ones(1))[0]["observation"] for _ in range(6)]
    assert env.energy() - before == pytest.approx(10 * states[-1][3], rel=0.05)


def test_a_pole_pays_while_it_is_up_and_the_track_has_ends():
    env = make_cart_pole_swing_up()
    env.reset(seed=0)
    assert env.step(np.zeros(1))[1] == 0, "it hangs"
    env.restore(np.array([0.6, 0.0, 0.0, 0.0, 1.0]))
    assert env.step(np.zeros(1))[1] == 1, "cos 0.6 = 0.83"
    for _ in range(100):
        told = env.step(np.ones(1))[0]["observation"]
        assert abs(told[3]) <= TRACK_END
        assert np.hypot(*told[:2]) == pytest.approx(1)
    assert told[3] == TRACK_END


def test_without_pushes_that_swing_it_never_comes_up():
    env = make_cart_pole_swing_up()
    for push in (-1.0, 0.0, 1.0):
        env.reset(seed=1)
        assert sum(env.step(np.array([push]))[1] for _ in range(200)) == 0


def test_a_field_with_reach_pays_at_its_goal_alone():
    env = make_point_field(goal=(6.0, 6.0), reach=1.5)
    env.reset(seed=0)
    assert env.step(np.ones(2))[1:3] == (0, False)
    env.data.qpos[:] = 6.0, 5.0, 0.0
    assert env.step(np.zeros(2))[1:3] == (1, True)
    assert make_point_field().step(np.array([1.0, 0.0]))[1] > 0.9, "without, for speed"
