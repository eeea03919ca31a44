"""Gymnasium's goal API is all that is asked of an environment; what more one has is found, what it lacks is said."""

import dataclasses
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.envs.goal_env import GoalEnvironment
from hrl_core.envs.runner import EnvRunner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import InvalidDataError, TaskError
from hrl_core.messages import Mode
from hrl_core.task.spec import Element, SuccessRule, TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.trainer import Trainer

TASK = Path(__file__).with_name("two_link.yaml")
SPEC = load_task(TASK)
GoalEnvironment(SPEC).close()
TwoLink: Any = sys.modules["two_link"].TwoLink  # found beside its task file
GOAL = np.array([0.5, -1.25])
_NUMBERS = itertools.count()


def spec_of(entry_point: Callable[..., gymnasium.Env], **changes: Any) -> TaskSpec:
    """The arm's task on another environment."""
    name = f"Variant{next(_NUMBERS)}-v0"
    gymnasium.register(name, entry_point)
    return dataclasses.replace(SPEC, env_id=name, **changes)


class _FollowsGoal(TwoLink):
    """Has an attribute ``goal`` as gymnasium-robotics has it."""

    @property
    def goal(self):
        return self._target

    @goal.setter
    def goal(self, value):
        self._target = np.array(value)


class _InCentimetres(gymnasium.ObservationWrapper):
    """A user's wrapper: everything a hundred times as large, the attribute behind it not."""

    def observation(self, observation):
        return {key: 100 * value for key, value in observation.items()}

    def compute_reward(self, achieved_goal, desired_goal, info):
        return self.env.get_wrapper_attr("compute_reward")(achieved_goal / 100, desired_goal / 100, info)


class _DictGoals(TwoLink):
    """Goals by name, one at a time, as FrankaKitchen has them; the observation does not hold them."""

    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        number = spaces.Box(-2.0, 2.0, (1,), np.float64)
        goal = spaces.Dict({"up": number, "across": number})
        rates = spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.observation_space = spaces.Dict(observation=rates, achieved_goal=goal, desired_goal=goal)

    def compute_reward(self, achieved_goal, desired_goal, info):
        off = [abs(float(achieved_goal[key][0] - desired_goal[key][0])) for key in ("up", "across")]
        return -max(off)

    def _observation(self):
        plain = super()._observation()
        named = {key: {"across": goal[:1], "up": goal[1:]} for key, goal in plain.items()}
        return named | {"observation": plain["observation"][2:]}


@pytest.mark.parametrize("entry_point", [TwoLink, _FollowsGoal, lambda: _InCentimetres(_FollowsGoal())])
def test_any_goal_is_pursued_and_rewarded_whether_the_environment_takes_it_or_not(entry_point) -> None:
    scale = 100 if entry_point not in (TwoLink, _FollowsGoal) else 1
    env = GoalEnvironment(spec_of(entry_point, success=SuccessRule(0.1 * scale, "m")))
    assert env.abilities.follows_goal == (entry_point is _FollowsGoal)
    free = env.reset(seed=3)
    step = env.reset(seed=3, goal=scale * GOAL)
    np.testing.assert_array_equal(step.state, free.state)
    np.testing.assert_array_equal(step.desired, scale * GOAL)
    for _ in range(3):
        step = env.step(np.zeros(2))
        np.testing.assert_array_equal(step.desired, scale * GOAL)
        assert step.reward == -1.0
    env.set_goal(step.achieved)
    assert env.step(np.zeros(2)).reward == 0.0


def test_the_rewards_of_many_goals_are_those_of_each_alone() -> None:
    rows = np.random.default_rng(0).uniform(-1, 1, (3, 4, 2))
    for entry_point, known in ((TwoLink, True), (_DictGoals, False)):
        env = GoalEnvironment(_dict_spec(entry_point) if entry_point is _DictGoals else spec_of(entry_point))
        assert env.abilities.rewards_batches is known
        many = env.compute_reward(rows, GOAL)
        assert many.shape == (3, 4)
        assert many.ravel().tolist() == [float(env.compute_reward(row, GOAL)) for row in rows.reshape(-1, 2)]


def _dict_spec(entry_point: Callable[..., gymnasium.Env] = _DictGoals) -> TaskSpec:
    """Keys in the order of the space (sorted); the goal told behind the observation."""
    goal = (Element("across", "m", "odom"), Element("up", "m", "odom"))
    return spec_of(entry_point, observation=(*SPEC.observation[2:], *goal), goal=goal, goal_spaces={})


def test_goals_by_name_become_vectors_and_are_told_behind_an_observation_that_lacks_them() -> None:
    arm, named = GoalEnvironment(spec_of(TwoLink)), GoalEnvironment(_dict_spec())
    for one, other in ((arm.reset(5), named.reset(5)), (arm.step(np.ones(2)), named.step(np.ones(2)))):
        np.testing.assert_array_equal(other.state, [*one.state[2:], *one.state[:2]])
        np.testing.assert_array_equal(other.desired, one.desired)


class _WithWord(TwoLink):
    def step(self, action):
        *rest, _ = super().step(action)
        return *rest, {"is_success": self._angles[0] > 0}


class _Mute(TwoLink):
    def step(self, action):
        *rest, _ = super().step(action)
        return *rest, {}


def test_radius_0_leaves_success_to_the_environment() -> None:
    word = SuccessRule(0.0, "m")
    spec = spec_of(_WithWord, success=word)
    envs, runner = VectorEnv(spec, 1, seed=0), EnvRunner(spec, seed=0, mode=Mode.TRAIN)
    runner.reset(0)
    told = []
    for t in range(20):
        action = np.full(2, -1.0 if t < 10 else 1.0)
        told.append(runner.step(action).success)
        assert envs.step(action[None]).successes.tolist() == [told[-1]]
    assert set(told) == {True, False}
    with pytest.raises(TaskError, match=r"success\.radius 0 leaves success to the environment"):
        GoalEnvironment(spec_of(_Mute, success=word))
    with pytest.raises(TaskError, match="pursues its own goals only"):
        runner.set_goal(GOAL)


def test_wrappers_and_time_limits_of_the_environment_count_in_copies_as_in_one() -> None:
    spec = spec_of(lambda: gymnasium.wrappers.TimeLimit(_InCentimetres(TwoLink()), 7))
    envs, single = VectorEnv(spec, 1, seed=2), EnvRunner(spec, seed=2, mode=Mode.TRAIN)
    actions = np.random.default_rng(0).uniform(-1, 1, (10, 1, 2))
    episode, _ = 0, single.reset(0)
    for action in actions:
        step, observation = envs.step(action), single.step(action[0])
        np.testing.assert_array_equal(step.states[0], observation.state)
        assert step.truncated[0] == observation.truncated == (observation.step == 7)
        if observation.last:
            episode += 1
            single.reset(episode)


class _Forgetful(TwoLink):
    """Its seed does not decide everything."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed, options=options)
        self._rates += 1e-4 * next(_NUMBERS)
        return self._observation(), {}


class _Hot(TwoLink):
    """Draws random numbers at every step."""

    def step(self, action):
        noisy = np.clip(action + self.np_random.normal(size=2), -1, 1)
        return super().step(noisy.astype(action.dtype))


@pytest.mark.parametrize("entry_point", [TwoLink, _Hot])
def test_without_a_simulation_state_the_episode_s_actions_are_taken_again(entry_point) -> None:
    spec, rng = spec_of(entry_point, max_episode_steps=9), np.random.default_rng(0)
    envs = VectorEnv(spec, 2, seed=1, stagger=True, segment=2)
    for action in rng.uniform(-1, 1, (13, 2, 2)):
        envs.step(action)
    again = VectorEnv(spec, 2, seed=1)
    again.load_state_dict(envs.state_dict())
    assert again.exact_resume
    for action in rng.uniform(-1, 1, (13, 2, 2)):
        for one, other in zip(envs.step(action), again.step(action), strict=True):
            np.testing.assert_array_equal(one, other)


def test_where_they_lead_elsewhere_the_next_episodes_begin_and_that_is_said(caplog) -> None:
    spec = spec_of(_Forgetful)
    envs, again = (VectorEnv(spec, 2, seed=1) for _ in range(2))
    for _ in range(5):
        envs.step(np.ones((2, 2)))
    before = VectorEnv(spec, 2, seed=1)
    earlier = {name: array for name, array in envs.state_dict().items() if name not in ("actions", "states")}
    for resumed, state, words in ((again, envs.state_dict(), "comes to other states"), (before, earlier, "")):
        caplog.clear()
        resumed.load_state_dict(state)
        # What an earlier version kept has nothing that could be repeated.
        assert (words in caplog.text) if words else not caplog.text
        assert not resumed.exact_resume
        for i in range(2):
            fresh = EnvRunner(spec, seed=1, mode=Mode.TRAIN)
            np.testing.assert_allclose(resumed.states[i], fresh.reset(2 + i).state, atol=0.05)
        assert not resumed.episode_steps.any()


class _Unpriced(TwoLink):
    compute_reward = property()

    def step(self, action):
        return self._observation(), -1.0, False, False, {}


def test_relabelling_without_compute_reward_is_refused_before_the_first_step(tmp_path: Path) -> None:
    config = TrainConfig(agent=HiroConfig(relabel_goals_future=0.5), num_envs=1, evaluation_episodes=1)
    spec = spec_of(_Unpriced)
    with pytest.raises(TaskError, match="has no compute_reward: goals cannot be relabelled"):
        Trainer(spec, config, VectorEnv(spec, 1, seed=0), VectorEnv(spec, 1, seed=1), tmp_path / "run", seed=0)


def test_where_goals_are_drawn_is_seen_when_the_environment_does_not_tell() -> None:
    low, high = VectorEnv(SPEC, 1, seed=0).goal_box
    assert (low < -0.5).any()
    assert (high > 1.0).all()
    np.testing.assert_array_equal(VectorEnv(load_task("point_maze"), 1, seed=0).goal_box, ((-2, -2), (10, 10)))


class _Breaks(TwoLink):
    def step(self, action):
        if self.np_random.random() < 0.2:
            raise RuntimeError("the elbow is loose")
        return super().step(action)


class _Discrete(TwoLink):
    def __init__(self, render_mode=None):
        super().__init__()
        self.action_space = spaces.Discrete(3)


class _Picture(TwoLink):
    def __init__(self, render_mode=None):
        super().__init__()
        self.observation_space = spaces.Box(-1.0, 1.0, (6, 6))


class _CannotBegin(TwoLink):
    def __init__(self, render_mode=None):
        raise ValueError("no licence")


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        (_Discrete, r"action is a vector, \S+ has 3 actions to choose from"),
        (
            _Picture,
            r"observes Box\(.*\); what can be used is a vector \(Box with one axis\) or a Dict of obs",
        ),
        (_CannotBegin, r"cannot make env_id '\S+': ValueError: no licence \(.*test_goal_env.py, line \d+\)"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(entry_point, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        VectorEnv(spec_of(entry_point), 1, seed=0)


def test_sizes_that_do_not_fit_are_both_named() -> None:
    spec = dataclasses.replace(SPEC, observation=SPEC.observation[:5])
    with pytest.raises(TaskError, match=r"observation has 5 elements, \S+ has 6 \(or 8, achieved_goal behind them\)"):
        GoalEnvironment(spec)


def test_an_environment_that_fails_is_named_with_the_line_where_it_did() -> None:
    envs = VectorEnv(spec_of(_Breaks), 2, seed=0)
    with pytest.raises(InvalidDataError, match=r"failed: RuntimeError: the elbow is loose \(.*test_goal_env.py, line"):
        for _ in range(100):
            envs.step(np.zeros((2, 2)))


def test_a_module_is_found_beside_its_task_file_and_never_beside_the_copy_in_a_policy(tmp_path: Path) -> None:
    make = "import sys; from hrl_core.task.text import load_task; from hrl_core.envs.making import make_env; "
    make += "make_env(load_task(sys.argv[1])).close()"
    (tmp_path / "own_arm.py").write_text(TASK.with_suffix(".py").read_text())
    text = TASK.read_text().replace("two_link:", "own_arm:")
    for name in ("arm.yaml", "task.yaml"):
        (tmp_path / name).write_text(text)
    (tmp_path / "policy.json").write_text("{}")
    codes = {}
    for name in ("arm.yaml", "task.yaml"):
        command = [sys.executable, "-c", make, str(tmp_path / name)]
        ended = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        codes[name] = ended.returncode
    assert codes == {"arm.yaml": 0, "task.yaml": 1}
    assert "module 'own_arm' is not installed and lies neither beside the task file" in ended.stderr


def test_a_package_prints_no_news_of_other_environments() -> None:
    make = "from hrl_core.task.text import load_task; from hrl_core.envs.making import make_env; "
    make += "make_env(load_task('FetchPush-v4')).close()"
    environment = {name: value for name, value in os.environ.items() if name != "MUJOCO_GL"}
    ended = subprocess.run([sys.executable, "-c", make], env=environment, capture_output=True, text=True, check=True)
    assert "Adroit" not in ended.stdout + ended.stderr


def test_an_environment_without_pictures_of_its_own_is_said_to_make_none() -> None:
    with pytest.raises(
        TaskError, match=r"^task 'mountain_car': hrl/MountainCar-v0 makes no pictures: it takes no render"
    ):
        GoalEnvironment(load_task("mountain_car"), render_mode="rgb_array")


class _SavesItself(TwoLink):
    """Saves its state, and pursues its own goals alone."""

    def simulation_state(self):
        return np.concatenate((self._angles, self._rates, self._target))

    def restore(self, state):
        self._angles, self._rates, self._target = np.split(state.copy(), 3)
        return self._observation()


def test_a_resumed_run_pursues_the_goals_that_it_pursued() -> None:
    """Imposed ones and the environment's own, whatever the copy that goes on has had imposed."""
    spec = spec_of(_SavesItself, max_episode_steps=9, evaluation_goals=(tuple(GOAL),))
    rng = np.random.default_rng(0)
    for seed in range(6):
        envs, again = (VectorEnv(spec, 3, seed=seed, headline_share=0.5) for _ in range(2))
        for action in rng.uniform(-1, 1, (13, 3, 2)):
            envs.step(action)
        again.load_state_dict(envs.state_dict())
        assert again.exact_resume
        np.testing.assert_array_equal(again.goals, envs.goals)
        for action in rng.uniform(-1, 1, (13, 3, 2)):
            for one, other in zip(envs.step(action), again.step(action), strict=True):
                np.testing.assert_array_equal(one, other)


class _EndsAtItsGoal(TwoLink):
    """An episode of it is over when its own goal, where the tip is at the beginning, is reached."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._target = self._observation()["achieved_goal"]
        return self._observation(), {}

    def step(self, action):
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, bool(info["is_success"]), truncated, info


def test_an_end_at_the_environment_s_own_goal_is_none_under_another_one() -> None:
    env = GoalEnvironment(spec_of(_EndsAtItsGoal))
    for goal, expected in ((None, (True, False, True)), (GOAL, (False, True, False))):
        env.reset(seed=3, goal=goal)
        step = env.step(np.zeros(2))
        assert (step.terminated, step.truncated, step.success) == expected


def test_an_end_with_success_of_which_the_task_says_nothing_is_told_once(caplog) -> None:
    for rule, told in ((SuccessRule(0.0, "m"), 1), (SuccessRule(0.0, "m", ends_episode=True), 0)):
        caplog.clear()
        envs = VectorEnv(spec_of(_EndsAtItsGoal, success=rule), 2, seed=0)
        for _ in range(3):
            envs.step(np.zeros((2, 2)))
        assert caplog.text.count("set success.ends_episode: true") == told


class _Copies(TwoLink):
    """Its ``goal`` can be written, and that changes nothing."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.goal = self._target.copy()
        return self._observation(), {}


def test_a_goal_that_is_set_is_pursued_or_it_is_imposed() -> None:
    env = GoalEnvironment(spec_of(_Copies))
    assert not env.abilities.follows_goal
    env.reset(seed=3, goal=GOAL)
    np.testing.assert_array_equal(env.step(np.zeros(2)).desired, GOAL)


class _InStages(TwoLink):
    def __init__(self, render_mode=None):
        super().__init__(render_mode)
        self.action_space = spaces.Box(0, 4, (2,), np.int32)
        self.taken: list[int] = []

    def step(self, action):
        self.taken += action.tolist()
        return super().step(action)


def test_every_whole_number_can_be_an_action() -> None:
    action = tuple(dataclasses.replace(element, low=0.0, high=4.0) for element in SPEC.action)
    env = GoalEnvironment(spec_of(_InStages, action=action))
    env.reset(seed=0)
    for value in (0.4, 0.6, 1.6, 2.7, 4.0):
        env.step(np.full(2, value))
    base: Any = env.env.unwrapped
    assert base.taken[-10::2] == [0, 1, 2, 3, 4]


class _NamesAsOurs(TwoLink):
    def __init__(self, task, env_id, render_mode=None):
        super().__init__(render_mode)
        self.told = task, env_id


def test_whatever_an_environment_calls_its_arguments_it_is_made() -> None:
    spec = spec_of(_NamesAsOurs, env_kwargs={"task": "b", "env_id": 3})
    base: Any = GoalEnvironment(spec).env.unwrapped
    assert base.told == ("b", 3)
    with pytest.raises(TaskError, match="max_episode_steps is a field of the task; take it out of env_kwargs"):
        GoalEnvironment(spec_of(TwoLink, env_kwargs={"max_episode_steps": 5}))


class _Sick(TwoLink):
    """Tells what is no number, or no vector, from the second episode on."""

    def __init__(self, where, render_mode=None):
        super().__init__(render_mode)
        self._where = where

    def reset(self, *, seed=None, options=None):
        told, info = super().reset(seed=seed)
        if self._where == "reset" and (seed or 0) > 1:
            told["observation"] = np.full(6, np.nan)
        return told, info

    def step(self, action):
        told, reward, *rest = super().step(action)
        told |= {"goal": {"achieved_goal": np.full(2, np.inf)}, "shape": {"observation": np.zeros((1, 6))}}.get(
            self._where, {}
        )
        return told, (np.nan if self._where == "reward" else reward), *rest


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("reset", r"observation of Variant\S+: non-finite"),
        ("goal", r"achieved goal of Variant\S+: non-finite"),
        ("shape", r"needs 6 numbers, got shape \(1, 6\)"),
        ("reward", r"Variant\S+ pays a reward of nan"),
    ],
)
def test_what_is_no_number_is_refused_at_once_by_copies_as_by_one(where, message) -> None:
    def many() -> None:
        VectorEnv(spec, 2, seed=0).step(np.zeros((2, 2)))

    def one() -> None:
        runner = EnvRunner(spec, seed=0)
        runner.reset(0)
        runner.step(np.zeros(2))

    spec = spec_of(lambda render_mode=None: _Sick(where, render_mode))
    for run in (many, one):
        with pytest.raises(InvalidDataError, match=message):
            run()


class _Costs(TwoLink):
    """Pays for the way, of which ``compute_reward`` knows nothing."""

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward - 0.1 * float(np.abs(action).sum()), *rest


def test_rewards_that_relabelled_goals_would_not_have_are_told() -> None:
    (told,) = VectorEnv(spec_of(_Costs), 1, seed=0).missing
    assert "is not what it pays (-1 of a step that paid -1.2)" in told
    assert VectorEnv(SPEC, 1, seed=0).missing == []
