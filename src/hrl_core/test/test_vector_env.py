"""Vectorised environments equal single ones bit for bit, whatever the number of threads."""

import threading
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from hrl_core.envs import stepping
from hrl_core.envs.abilities import find_simulation
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.stepping import Stepping
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import InvalidDataError
from hrl_core.messages import Mode
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task, shipped_tasks

SHORT = 23


def _short(name: str = "ant_maze") -> TaskSpec:
    import dataclasses

    return dataclasses.replace(load_task(name), max_episode_steps=SHORT)


@pytest.mark.parametrize(("threads", "worth"), [(1, None), (2, None), (2, 0.0), (2, 1.0)])
def test_every_copy_equals_the_single_environment(threads: int, worth: float | None, monkeypatch) -> None:
    spec, count, steps = _short(), 3, 60
    actions = np.random.default_rng(0).uniform(-35, 35, (steps, count, 8))
    monkeypatch.setattr(stepping, "WORTH", worth)
    envs = VectorEnv(spec, count, seed=5, threads=threads, threads_where_worth_it=worth is not None)
    vector = [envs.step(a) for a in actions]
    for i in range(count):
        single = EnvRunner(spec, seed=5, mode=Mode.TRAIN)
        episode = i
        single.reset(episode)
        for t in range(steps):
            observation = single.step(actions[t, i])
            np.testing.assert_array_equal(vector[t].states[i], observation.state)
            assert vector[t].rewards[i] == observation.reward
            assert vector[t].truncated[i] == observation.truncated
            if observation.last:
                episode += count
                single.reset(episode)
    envs.close()


@pytest.mark.parametrize(("worth", "timed", "shared"), [(0.0, True, True), (10.0, True, False), (10.0, False, True)])
def test_threads_step_what_takes_long_after_the_first_round(
    worth: float, timed: bool, shared: bool, monkeypatch
) -> None:
    monkeypatch.setattr(stepping, "WORTH", worth)
    copies, stepped, callers = Stepping(8, 2, where_worth_it=timed), list[int](), set[int]()

    def step(number: int) -> None:
        stepped.append(number)
        callers.add(threading.get_ident())

    for _ in range(3):
        stepped.clear()
        callers.clear()
        copies(step)
        assert sorted(stepped) == list(range(8))
    assert (threading.get_ident() not in callers) == shared
    copies.close()


def test_only_mujoco_is_stepped_by_threads_that_nobody_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(stepping, "WORTH", 0.0)
    for name, shared in (("ant_maze", True), ("cart_pole", False)):
        spec = _short(name)
        callers: set[int] = set()
        envs = VectorEnv(spec, 2, seed=0, threads=2, threads_where_worth_it=True)
        for env in envs._envs:
            monkeypatch.setattr(env, "step", partial(_noted, env.step, callers))
        actions = _random_actions(spec, 2, 2)
        envs.step(actions[0])
        assert callers == {threading.get_ident()}
        callers.clear()
        envs.step(actions[1])
        assert (threading.get_ident() not in callers) == shared
        envs.close()


def _noted(step: Callable[..., object], callers: set[int], action: np.ndarray) -> object:
    callers.add(threading.get_ident())
    return step(action)


def _random_actions(spec: TaskSpec, steps: int, copies: int) -> np.ndarray:
    rng, shape = np.random.default_rng(1), (steps, copies, len(spec.action))
    if spec.choices:
        return rng.integers(len(spec.choices), size=shape).astype(np.float64)
    return rng.uniform(spec.action_low, spec.action_high, shape)


@pytest.mark.parametrize("name", shipped_tasks())
def test_going_on_from_a_saved_state_repeats_the_same_numbers(name: str) -> None:
    spec = _short(name)
    actions = _random_actions(spec, 50, 2)
    envs = VectorEnv(spec, 2, seed=1, stagger=True, segment=10)
    for a in actions[:17]:
        envs.step(a)
    saved = envs.state_dict()
    expected = [envs.step(a).states for a in actions[17:]]
    other = VectorEnv(spec, 2, seed=1)
    other.load_state_dict(saved)
    assert other.exact_resume
    np.testing.assert_array_equal([other.step(a).states for a in actions[17:]], expected)
    np.testing.assert_array_equal(other.goals, envs.goals)


@pytest.mark.parametrize(("segment", "limits"), [(10, [120, 250, 370, 500]), (600, [500] * 4)])
def test_staggering_cuts_first_episodes_at_whole_subgoal_periods(segment: int, limits: list[int]) -> None:
    envs = VectorEnv(load_task("ant_maze"), 4, seed=0, stagger=True, segment=segment)
    assert sorted(envs._limits) == limits


def test_goals_are_fixed_where_given() -> None:
    goals = [(16.0, 0.0), (0.0, 16.0)]
    envs = VectorEnv(_short(), 2, seed=0, goals=goals)
    for _ in range(SHORT + 1):
        envs.step(np.zeros((2, 8)))
    np.testing.assert_array_equal(envs.goals, goals)
    with pytest.raises(InvalidDataError, match="1 goals for 2"):
        VectorEnv(_short(), 2, seed=0, goals=goals[:1])


def test_a_share_of_episodes_pursues_the_headline_goal_and_the_others_keep_theirs() -> None:
    plain, half = (VectorEnv(_short(), 40, seed=0, headline_share=share) for share in (0.0, 0.5))
    headline = (half.goals == _short().evaluation_goals[0]).all(axis=1)
    assert 8 <= headline.sum() <= 32
    np.testing.assert_array_equal(half.goals[~headline], plain.goals[~headline])
    np.testing.assert_array_equal(half.states, plain.states)
    with pytest.raises(InvalidDataError, match="has no evaluation goals"):
        VectorEnv(load_task("ant_gather"), 2, seed=0, headline_share=0.5)


@pytest.mark.parametrize("name", ["ant_maze", "ant_gather", "reacher_arm", "kitchen", "fetch_reach", "ant"])
def test_an_episode_whose_simulation_blows_up_is_cut_off_where_it_was_whole(
    name: str, tmp_path, monkeypatch, caplog
) -> None:
    """MuJoCo begins anew by itself; what is lived would be a leap to the start."""
    monkeypatch.chdir(tmp_path)  # where it logs
    spec = load_task(name)
    for value in (np.nan, 1e11):
        caplog.clear()
        envs, rest = VectorEnv(spec, 2, seed=0), np.zeros((2, len(spec.action)))
        before = envs.step(rest)
        simulation = find_simulation(envs._envs[1].env)
        assert simulation is not None
        simulation.data.qvel[0] = value
        step = envs.step(rest)
        np.testing.assert_array_equal(step.states[1], before.states[1])
        np.testing.assert_array_equal(step.achieved[1], before.achieved[1])
        assert (step.terminated.tolist(), step.truncated.tolist()) == ([False, False], [False, True])
        assert caplog.text.count("blew up") == 1
        assert envs.episode_steps.tolist() == [2, 0]
        assert not envs.step(rest).ended.any(), "the next episode goes on"


def test_restart_repeats_the_first_episodes() -> None:
    envs = VectorEnv(_short(), 2, seed=0)
    first = envs.states.copy()
    for _ in range(SHORT + 3):
        envs.step(np.full((2, 8), 5.0))
    envs.restart()
    np.testing.assert_array_equal(envs.states, first)
    assert not envs.episode_steps.any()
