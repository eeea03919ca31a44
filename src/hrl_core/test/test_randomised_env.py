"""Randomised episodes follow from their seed alone, and are what they are said to be."""

import dataclasses
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.envs.abilities import find_simulation
from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.envs.late_commands import LateCommands, in_ticks
from hrl_core.envs.randomised_env import RandomisedEnvironment, make_environment
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import TaskError
from hrl_core.messages import Mode
from hrl_core.randomisation import NONE, parse_randomisation
from hrl_core.task.text import load_task, shipped_tasks

SHORT = 23
ALL = parse_randomisation("delay=0:0.26,loss=0.2,friction=0.7:1.3,mass=0.8:1.2,noise=0.01,noise.qw=0.1")
ANT = dataclasses.replace(load_task("ant_maze"), max_episode_steps=SHORT)


def commands(ticks, most, period=5):
    line = LateCommands(period, most, 1)
    line.begin(ticks, np.zeros(1))
    return line


def held(line, number, lost=False):
    return [(float(part.command[0]), part.ticks) for part in line.give(np.array([number]), lost)]


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (0.0, [[(1, 5)], [(2, 5)], [(3, 5)]]),
        (0.03, [[(0, 2), (1, 3)], [(1, 2), (2, 3)], [(2, 2), (3, 3)]]),
        (0.1, [[(0, 5)], [(1, 5)], [(2, 5)]]),
        (0.14, [[(0, 2), (0, 3)], [(0, 2), (1, 3)], [(1, 2), (2, 3)]]),
        (0.2, [[(0, 5)], [(0, 5)], [(1, 5)]]),
    ],
)
def test_commands_are_held_as_worked_out_by_hand(delay, expected):
    """A control period of 0.1 s, physics steps of 0.02 s; 0 is what was held before the first command."""
    line = commands(in_ticks(delay, 0.02), 10)
    assert [held(line, number) for number in (1, 2, 3)] == expected


def test_a_lost_command_is_the_one_before():
    line = commands(2, 2)
    assert [held(line, number, number == 2) for number in (1, 2, 3, 4)] == [
        [(0, 2), (1, 3)],
        [(1, 2), (1, 3)],
        [(1, 2), (3, 3)],
        [(3, 2), (4, 3)],
    ]


@pytest.mark.parametrize(("seconds", "ticks"), [(0, 0), (0.009, 0), (0.01, 1), (0.03, 2), (0.05, 3), (0.06, 3)])
def test_delays_are_rounded_to_the_nearest_physics_step_halves_up(seconds, ticks):
    assert in_ticks(seconds, 0.02) == ticks


@given(st.integers(1, 6), st.integers(0, 20), st.integers(0, 5), st.integers(1, 12))
def test_every_command_takes_effect_so_many_ticks_later_and_a_state_goes_on(period, delay, more, given):
    line, other = (LateCommands(period, delay + more, 1) for _ in range(2))
    line.begin(delay, np.full(1, -1.0))
    ticks = []
    for number in range(given):
        ticks += [command for command, count in held(line, float(number)) for _ in range(count)]
    assert ticks == [max((tick - delay) // period, -1) for tick in range(given * period)]
    assert line.state().shape == (line.state_size,)
    other.restore(delay, line.state())
    for number in range(3):
        assert held(line, 100.0 + number) == held(other, 100.0 + number)


@pytest.mark.parametrize("name", shipped_tasks())
def test_a_start_follows_from_its_seed_whatever_came_before(name):
    """Also where a reset takes physics steps of its own."""
    spec, randomisation = load_task(name), variable(name)
    environment = make_environment(spec, randomisation)
    first = environment.reset(5).state
    environment.reset(6)
    for _ in range(3):
        environment.step(spec.action_high)
    np.testing.assert_array_equal(environment.reset(5).state, first)
    environment.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_every_copy_equals_the_single_environment(threads):
    count, steps = 3, 60
    actions = np.random.default_rng(0).uniform(-35, 35, (steps, count, 8))
    envs = VectorEnv(ANT, count, seed=5, threads=threads, randomisation=ALL)
    vector = [envs.step(a) for a in actions]
    for i in range(count):
        single, episode = EnvRunner(ANT, seed=5, mode=Mode.TRAIN, randomisation=ALL), i
        single.reset(episode)
        for t in range(steps):
            observation = single.step(actions[t, i])
            np.testing.assert_array_equal(vector[t].states[i], observation.state)
            np.testing.assert_array_equal(vector[t].achieved[i], observation.achieved_goal)
            assert vector[t].rewards[i] == observation.reward
            if observation.last:
                episode += count
                single.reset(episode)
    envs.close()


def variable(name):
    """All that can be varied in a task, delays longer than a control period included."""
    spec = load_task(name)
    element, most = spec.observation[0].name, 2.6 * spec.control_period
    texts = [f"delay=0:{most}", "loss=0.2", "friction=0.7:1.3", "mass=0.8:1.2", f"noise.{element}=0.1"]
    taken = []
    for text in texts:
        try:
            make_environment(spec, parse_randomisation(text)).close()
            taken.append(text)
        except TaskError as refusal:
            assert text.startswith(("friction", "mass")), refusal
    return parse_randomisation(",".join(taken))


@pytest.mark.parametrize("name", shipped_tasks())
def test_going_on_within_episodes_repeats_the_same_numbers(name):
    spec, randomisation = dataclasses.replace(load_task(name), max_episode_steps=SHORT), variable(name)
    rng, shape = np.random.default_rng(1), (50, 2, len(spec.action))
    actions = rng.uniform(spec.action_low, spec.action_high, shape)
    if spec.choices:
        actions = rng.integers(len(spec.choices), size=shape).astype(np.float64)
    envs, other = (VectorEnv(spec, 2, seed=1, randomisation=randomisation) for _ in range(2))
    plain = VectorEnv(spec, 2, seed=1)
    for a in actions[:17]:
        envs.step(a)
        plain.step(a)
    assert not np.array_equal(envs.states, plain.states)
    saved = envs.state_dict()
    other.load_state_dict(saved)
    assert other.exact_resume
    np.testing.assert_array_equal(other.states, envs.states)
    for a in actions[17:]:
        one, two = envs.step(a), other.step(a)
        np.testing.assert_array_equal(two.states, one.states)
        np.testing.assert_array_equal(two.rewards, one.rewards)


def test_only_the_observation_is_noisy():
    noisy, plain = EnvRunner(ANT, 3, randomisation=parse_randomisation("noise=0.05")), EnvRunner(ANT, 3)
    pairs = [(noisy.reset(0), plain.reset(0))]
    pairs += [(noisy.step(a), plain.step(a)) for a in np.random.default_rng(0).uniform(-9, 9, (SHORT, 8))]
    for one, other in pairs:
        np.testing.assert_array_equal(one.achieved_goal, other.achieved_goal)
        assert (one.reward, one.success) == (other.reward, other.success)
    errors = np.array([one.state - other.state for one, other in pairs])
    assert not errors[:, [3, 4, 5, 6, 29]].any()
    measured = np.delete(errors, [3, 4, 5, 6, 29], axis=1)
    assert 0.047 < measured.std() < 0.053
    assert abs(measured.mean()) < 0.01
    assert len(np.unique(errors[:, 0])) == len(errors)


def test_a_delay_of_whole_periods_is_the_plain_environment_with_shifted_actions():
    spec = load_task("ant_maze")
    late, plain = make_environment(spec, parse_randomisation("delay=0.2")), GoalEnvironment(spec)
    late.reset(4)
    plain.reset(4)
    actions = np.random.default_rng(0).uniform(-30, 30, (30, 8))
    shifted = np.concatenate((np.zeros((2, 8)), actions))
    for action, before in zip(actions, shifted, strict=False):
        np.testing.assert_array_equal(late.step(action).state, plain.step(before).state)


def test_a_delay_within_a_period_splits_it_between_two_actions():
    spec = load_task("ant_maze")
    late, plain = make_environment(spec, parse_randomisation("delay=0.04")), GoalEnvironment(spec)
    late.reset(4)
    plain.reset(4)
    before = np.zeros(8)
    base: Any = plain.env.unwrapped
    for action in np.random.default_rng(0).uniform(-30, 30, (20, 8)):
        base.do_simulation(before, 2)
        base.do_simulation(action, 3)
        before = action
        np.testing.assert_array_equal(late.step(action).state[:29], base._observation()["observation"][:29])


def test_gymnasiums_own_environments_are_split_within_periods_too():
    spec = load_task("ant")
    late = make_environment(spec, parse_randomisation("delay=0.03"))
    plain: Any = gymnasium.make("Ant-v5").unwrapped
    late.reset(4)
    plain.reset(seed=4)
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 8)):
        state = late.step(action).state
    before = np.zeros(8)
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 8)).astype(np.float32):
        plain.do_simulation(before, 3)
        plain.do_simulation(action, 2)
        before = action
    np.testing.assert_array_equal(state, plain._get_obs())


def test_masses_and_friction_are_those_drawn_from_the_models_own_every_time():
    text = "friction=0.5:2,mass=0.5:2"
    env, plain = make_environment(ANT, parse_randomisation(text)), GoalEnvironment(ANT)
    found = [find_simulation(each.env) for each in (env, plain)]
    varied, own = (simulation.model for simulation in found if simulation is not None)
    for seed in (1, 2, 1):
        env.reset(seed)
        drawn = parse_randomisation(text).drawn(seed)
        np.testing.assert_array_equal(varied.geom_friction, own.geom_friction * drawn.friction)
        np.testing.assert_array_equal(varied.body_mass, own.body_mass * drawn.mass)
        np.testing.assert_array_equal(varied.body_inertia, own.body_inertia * drawn.mass)
        np.testing.assert_allclose(varied.body_subtreemass[0], own.body_subtreemass[0] * drawn.mass)


@pytest.mark.parametrize("text", ["delay=0.3", "loss=0.999"])
def test_what_an_action_costs_is_what_was_commanded_not_what_acts(text):
    spec = load_task("ant_two_walks")
    kept = []
    for environment in (make_environment(spec, parse_randomisation(text)), GoalEnvironment(spec)):
        environment.reset(0)
        kept.append(environment.step(spec.action_high).achieved[2])
    assert kept[0] == kept[1] == pytest.approx(0.1 - 0.01 * 8)


def test_without_randomisation_it_is_the_plain_environment():
    assert type(make_environment(ANT, NONE)) is GoalEnvironment
    assert isinstance(make_environment(ANT, ALL), RandomisedEnvironment)


@pytest.mark.parametrize(
    ("task", "text", "message"),
    [
        ("grid_world", "friction=2,mass=2", "friction, mass: hrl/GridWorld-v0 has no MuJoCo model"),
        ("cart_pole", "mass=2", "mass: CartPole-v1 has no MuJoCo model"),
        ("point_maze", "mass=2", "mass: hrl/PointMaze-v0 moves without forces"),
        ("hill_car", "friction=2", "friction: nothing in hrl/HillCar-v0 touches anything"),
        ("ant_maze", "delay=0:0.005", r"delay=0:0.005: that is less than half a physics step of hrl/AntMaze-v0 \(0.02"),
        ("point_maze", "delay=0.001", "less than half a control period, the least that can be told apart there, of"),
        ("mountain_car", "noise=1", "noise: no element of the observation"),
    ],
)
def test_what_cannot_be_varied_is_refused_by_name(task, text, message):
    with pytest.raises(TaskError, match=message):
        VectorEnv(load_task(task), 1, seed=0, randomisation=parse_randomisation(text))


def test_a_control_period_that_is_not_the_environments_is_refused():
    env = make_environment(dataclasses.replace(ANT, control_period=0.2), parse_randomisation("delay=0.1"))
    env.reset(0)
    with pytest.raises(TaskError, match=r"control_period 0.2 s, but a step of hrl/AntMaze-v0 is 5 physics steps"):
        env.step(np.zeros(8))
