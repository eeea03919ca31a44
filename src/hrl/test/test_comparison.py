import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.comparison import ours as our_side
from hrl.comparison import outcome
from hrl.comparison import sb3 as their_side
from hrl.comparison.matches import MATCHES, DelayedActorCritic, Match, PolicyGradient
from hrl.comparison.outcome import Course, Outcome, Score
from hrl.comparison.standing import Sample, bar, pooled_deviation, sample, steps_per_second
from hrl.comparison.table import Played, standing_table
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import FLAT
from hrl_core.learners.td3_config import TD3Config
from hrl_core.task.text import load_task, shipped_tasks
from hrl_core.training.config import changed
from hrl_core.training.evaluate import evaluate

OURS, THEIRS = Sample((1.0, 2.0, 6.0)), Sample((4.0, 5.0, 6.0))
"""Means 3 and 5; variances (4 + 1 + 9) / 2 = 7 and (1 + 0 + 1) / 2 = 1."""
REACH = Match(
    "fetch_reach",
    "gymnasium_robotics:FetchReach-v4",
    "td3",
    40,
    DelayedActorCritic(hidden=(8,), batch_size=4, learning_starts=20),
)


def runs(*returns: float, steps: int = 100, seconds: float = 2.0) -> list[Outcome]:
    return [Outcome(Score(value, 0.0), steps, seconds) for value in returns]


def cells(played: Played, seeds: int) -> list[list[str]]:
    table = standing_table([played], seeds)
    return [list(map(str, row)) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_pooled_deviation_is_the_root_of_the_variances_weighted_by_their_freedoms() -> None:
    assert (OURS.mean, THEIRS.mean) == (3.0, 5.0)
    assert pooled_deviation(OURS, THEIRS) == pytest.approx(2.0)  # sqrt((2 * 7 + 2 * 1) / 4)
    assert pooled_deviation(OURS, Sample((5.0,))) == pytest.approx(math.sqrt(7))
    assert pooled_deviation(Sample((1.0,)), Sample((5.0,))) == 0.0


def test_the_bar_is_one_pooled_deviation_below_theirs() -> None:
    assert bar(OURS, THEIRS) == pytest.approx(3.0)


def test_speed_is_all_steps_by_all_processor_time() -> None:
    assert steps_per_second([*runs(0.0), *runs(0.0, steps=300, seconds=8.0)]) == 40.0


def test_a_sample_is_one_measure_of_each_run() -> None:
    assert sample(runs(1.0, 2.0), "episode_return").values == (1.0, 2.0)
    assert sample(runs(1.0, 2.0), "success_rate").values == (0.0, 0.0)


def test_ours_hold_where_their_mean_reaches_the_bar() -> None:
    match = MATCHES["pendulum_sac"]
    reaches = Played(match, runs(1, 2, 6), runs(4, 5, 6, seconds=4.0))
    told = ["pendulum_sac", "episode return", "3.00 ± 2.65", "5.00 ± 1.00", "3.00", "yes", "50", "25"]
    assert cells(reaches, 3) == [told]
    below = Played(match, runs(0.9, 1.9, 5.9), runs(4, 5, 6))
    assert cells(below, 3)[0][5] == "no"


def test_what_has_not_been_played_is_said_and_decides_nothing() -> None:
    (row,) = cells(Played(MATCHES["pendulum_sac"], runs(1, 2), []), 3)
    assert row == ["pendulum_sac", "episode return", "1.50 ± 0.71 (2 of 3)", "-", "-", "-", "50", "-"]


def test_a_match_over_goals_is_decided_by_success_and_return() -> None:
    rows = cells(Played(MATCHES["fetch_reach_sac"], runs(1), runs(1)), 1)
    assert [row[1] for row in rows] == ["success rate", "episode return"]


@pytest.mark.parametrize("match", MATCHES.values(), ids=list(MATCHES))
def test_steps_are_whole_rollouts_and_learning_begins_before_they_end(match: Match) -> None:
    settings = match.settings
    if isinstance(settings, PolicyGradient):
        rollout = settings.rollout_steps * match.num_envs
        assert match.steps % rollout == rollout % settings.batch_size == 0
    else:
        assert settings.learning_starts < match.steps


@pytest.mark.parametrize("match", [match for match in MATCHES.values() if match.task in shipped_tasks()])
def test_both_sides_meet_the_same_environment(match: Match) -> None:
    task = our_side.our_task(match)
    assert task.env_id == match.env_id
    assert not task.success.ends_episode


def test_episodes_that_judge_are_the_same_on_both_sides() -> None:
    def towards(achieved: np.ndarray, goals: np.ndarray) -> np.ndarray:
        way = np.clip(3 * (goals - achieved), -1, 1).astype(np.float32)
        return np.concatenate((way, np.zeros((*way.shape[:-1], 1), np.float32)), axis=-1)

    theirs = their_side._judge(
        REACH.env_id, lambda told: towards(told["achieved_goal"], told["desired_goal"]), episodes=3, first_seed=5
    )
    spec = our_side.our_task(REACH)
    envs = VectorEnv(spec, 3, seed=5)
    # The observation begins with the place of the gripper.
    (result,) = evaluate(spec, FLAT, envs, None, lambda states, goals: towards(states[:, :3], goals))
    envs.close()
    assert theirs == Score(result.episode_return, result.success_rate)
    assert -50 < theirs.episode_return < 0
    assert theirs.success_rate == 1.0


def test_a_course_is_judged_at_ten_points_and_in_the_end_at_no_cost(monkeypatch, tmp_path: Path) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(outcome.time, "process_time", lambda: next(clock))
    asked: list[tuple[int, int]] = []

    def judge(episodes: int, seed: int) -> Score:
        asked.append((episodes, seed))
        return Score(len(asked), 0.0)

    run = Course(REACH, tmp_path)
    for env_steps in range(1, REACH.steps + 1):
        run.reached(env_steps, judge)
    assert [point["env_steps"] for point in run.curve] == [4, 8, 12, 16, 20, 24, 28, 32, 36]
    run.ended(REACH.steps, 20.0, judge)
    # Nine evaluations on the way, a second of this clock each.
    assert (run.cpu_seconds, run.env_steps) == (11.0, 40)
    assert asked == [(10, 1_000_003)] * 10 + [(20, 3_000_017)]
    assert (len(run.curve), run.final) == (10, Score(11, 0.0))


def test_our_td3_learns_with_the_settings_of_a_match(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(outcome, "POINT_EPISODES", 1)
    monkeypatch.setattr(outcome, "FINAL_EPISODES", 1)
    run = Course(REACH, tmp_path)
    our_side.train_ours(REACH, 0, run)
    assert (run.env_steps, len(run.curve)) == (40, 10)
    assert run.final is not None
    assert run.cpu_seconds > 0


def test_a_run_of_ours_that_was_stopped_goes_on_at_its_newest_point(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(outcome, "POINT_EPISODES", 1)
    monkeypatch.setattr(outcome, "FINAL_EPISODES", 1)
    at_once = Course(REACH, tmp_path / "at_once")
    our_side.train_ours(REACH, 0, at_once)

    def stop(line: str) -> None:
        if line.startswith("24 steps"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        our_side.train_ours(REACH, 0, Course(REACH, tmp_path / "parts", tell=stop))
    told: list[str] = []
    rest = Course(REACH, tmp_path / "parts", tell=told.append)
    our_side.train_ours(REACH, 0, rest)
    assert told[0].startswith("24 steps")
    assert (rest.curve, rest.final) == (at_once.curve, at_once.final)
    with pytest.raises(HrlError, match="with another configuration"):
        our_side.train_ours(REACH, 1, Course(REACH, tmp_path / "parts"))


def test_settings_are_switches_of_our_td3() -> None:
    config = changed(TD3Config(), our_side.our_switches(MATCHES["ant_td3"])["worker"])
    assert (config.hidden, config.discount, config.critic_lr) == ((256, 256), 0.99, 3e-4)
    assert config.noise_in_range
    assert not config.action_twice


def test_settings_are_switches_of_each_of_our_learners() -> None:
    for match in MATCHES.values():
        config = our_side.our_config(match)
        assert (config.steps, config.num_envs) == (match.steps, match.num_envs)
        assert config.agent.learner == match.learner


def test_our_names_of_the_settings() -> None:
    reach = our_side.our_switches(MATCHES["fetch_reach_sac"])
    assert (reach["her"], reach["hindsight_goals"], reach["worker"]["temperature_lr"]) == (True, 4, 1e-3)
    assert not our_side.our_switches(MATCHES["pendulum_sac"])["her"]
    values = our_side.our_switches(MATCHES["cart_pole_dqn"])
    assert (values["worker_updates"], values["random_steps"]) == (0.5, 8_000)
    proximal = our_side.our_switches(MATCHES["pendulum_ppo"])
    assert (proximal["rollout_steps"], proximal["worker"]["step"]) == (4_096, "clipped")
    assert our_side.our_switches(MATCHES["pendulum_a2c"])["worker"]["step"] == "plain"


class FakeLearner:
    """In the place of each of their learners: remembers what it is made with and reports steps."""

    made: dict[str, Any]

    def __init__(self, policy: str, envs: SimpleNamespace, **given: Any) -> None:
        type(self).made = {"policy": policy, **given}
        self.num_timesteps, self._stride, self._space = 0, envs.num_envs, envs.action_space

    def learn(self, steps: int, callback: Any, log_interval: int) -> None:
        del log_interval
        while self.num_timesteps < steps:
            self.num_timesteps += self._stride
            callback.num_timesteps = self.num_timesteps
            assert callback._on_step()

    def predict(self, told: Any, deterministic: bool) -> tuple[Any, None]:
        assert deterministic
        del told
        return self._space.sample() * 0, None


@pytest.fixture
def fake_sb3(monkeypatch) -> Iterator[type[FakeLearner]]:
    """A library of that name, with what is used of it."""

    def make_vec_env(env_id: str, n_envs: int, seed: int) -> SimpleNamespace:
        assert seed == 7
        env = gymnasium.make(env_id)
        return SimpleNamespace(num_envs=n_envs, action_space=env.action_space, close=env.close)

    def judge(env_id: str, act: Callable[[Any], Any], episodes: int, first_seed: int) -> Score:
        assert np.isfinite(act(None)).all()
        return Score(episodes, 0.0)

    modules = {
        "": dict.fromkeys(("SAC", "TD3", "PPO", "A2C", "DQN"), FakeLearner),
        ".common.env_util": {"make_vec_env": make_vec_env},
        ".common.callbacks": {"BaseCallback": object},
        ".common.noise": {"NormalActionNoise": lambda mean, deviation: (mean.tolist(), deviation.tolist())},
        ".her.her_replay_buffer": {"HerReplayBuffer": "her"},
    }
    for name, members in modules.items():
        module = ModuleType(their_side.PACKAGE + name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(their_side, "_judge", judge)
    yield FakeLearner


@pytest.mark.parametrize("name", MATCHES)
def test_their_learners_are_made_with_the_settings_and_judged_on_the_way(
    name: str, fake_sb3: type[FakeLearner], tmp_path: Path
) -> None:
    match = replace(MATCHES[name], steps=16 * MATCHES[name].num_envs)
    run = Course(match, tmp_path)
    their_side.train_theirs(match, 7, run)
    made = fake_sb3.made
    assert (run.env_steps, len(run.curve)) == (match.steps, 10)
    assert (made["gamma"], made["learning_rate"]) == (match.settings.discount, match.settings.lr)
    assert (made["seed"], made["policy_kwargs"]["net_arch"]) == (7, list(match.settings.hidden))


def test_their_names_of_the_settings() -> None:
    def given(name: str) -> Any:
        return their_side._settings(MATCHES[name], (1,)).given

    assert given("cart_pole_dqn")["exploration_fraction"] == pytest.approx(0.16)
    # So many updates at two steps each.
    assert given("cart_pole_dqn")["target_update_interval"] == 2 * 250
    assert given("pendulum_a2c")["use_rms_prop"]
    assert given("pendulum_ppo")["clip_range"] == 0.2


def test_their_noise_is_drawn_for_each_action(fake_sb3: type[FakeLearner], tmp_path: Path) -> None:
    match = replace(MATCHES["ant_td3"], steps=10)
    their_side.train_theirs(match, 7, Course(match, tmp_path))
    assert fake_sb3.made["action_noise"] == ([0.0] * 8, [0.1] * 8)


def test_their_goals_are_relabelled_as_often_as_ours(fake_sb3: type[FakeLearner], tmp_path: Path) -> None:
    match = replace(MATCHES["fetch_reach_sac"], steps=10)
    their_side.train_theirs(match, 7, Course(match, tmp_path))
    assert fake_sb3.made["policy"] == "MultiInputPolicy"
    assert fake_sb3.made["replay_buffer_kwargs"] == {"n_sampled_goal": 4, "goal_selection_strategy": "future"}


def test_without_their_library_a_sentence_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, their_side.PACKAGE, None)
    with pytest.raises(HrlError, match="pip install stable-baselines3"):
        their_side.require_sb3()
    assert load_task("fetch_reach").success.ends_episode
