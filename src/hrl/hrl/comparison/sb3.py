"""Their side: the learners of stable-baselines3, which is installed for this comparison only."""

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from hrl.comparison.matches import ActorCritic, DelayedActorCritic, Match, PolicyGradient, QLearning
from hrl.comparison.outcome import Course, Score
from hrl_core.errors import HrlError
from hrl_core.randomness import episode_seed

PACKAGE = "stable_baselines3"
_SELDOM = 1_000_000
"""Episodes or rollouts between lines of their log, which nobody reads."""


class _Theirs(NamedTuple):
    """What their library calls a learner, and what it is made with."""

    kind: str
    policy: str
    given: Mapping[str, Any]


def require_sb3() -> Any:  # noqa: ANN401 - a module without which everything else works
    """Import their library.

    Raises:
        HrlError: it is not installed; says what to do.
    """
    try:
        return importlib.import_module(PACKAGE)
    except ImportError:
        raise HrlError(
            "stable-baselines3, which our learners are compared with, is not installed: pip install stable-baselines3"
            " (2.9 or newer), or compare without it: --side ours, --table"
        ) from None


def train_theirs(match: Match, seed: int, course: Course) -> None:
    """Train one of their learners; ``course`` notes its evaluations and what it costs.

    Raises:
        HrlError: their library is not installed.
    """
    library = require_sb3()
    env_util: Any = importlib.import_module(f"{PACKAGE}.common.env_util")
    callbacks: Any = importlib.import_module(f"{PACKAGE}.common.callbacks")
    envs = env_util.make_vec_env(match.env_id, n_envs=match.num_envs, seed=seed)
    theirs = _settings(match, envs.action_space.shape)
    model = getattr(library, theirs.kind)(theirs.policy, envs, seed=seed, device="cpu", **theirs.given)

    def judge(episodes: int, first_seed: int) -> Score:
        return _judge(match.env_id, lambda told: model.predict(told, deterministic=True)[0], episodes, first_seed)

    class Points(callbacks.BaseCallback):
        """Evaluates on the way."""

        def _on_step(self) -> bool:
            course.reached(self.num_timesteps, judge)
            return True

    begun = time.process_time()
    model.learn(match.steps, callback=Points(), log_interval=_SELDOM)
    course.ended(model.num_timesteps, time.process_time() - begun, judge)
    envs.close()


def _settings(match: Match, actions: tuple[int, ...]) -> _Theirs:
    settings = match.settings
    kind = match.learner.upper()
    if isinstance(settings, ActorCritic):
        return _replaying(kind, settings, actions)
    if isinstance(settings, QLearning):
        return _Theirs(kind, "MlpPolicy", _q_learning(settings, match.steps))
    return _Theirs(kind, "MlpPolicy", _policy_gradient(settings))


def _replaying(kind: str, settings: ActorCritic, actions: tuple[int, ...]) -> _Theirs:
    given: dict[str, Any] = {
        "learning_rate": settings.lr,
        "gamma": settings.discount,
        "tau": settings.tau,
        "batch_size": settings.batch_size,
        "buffer_size": settings.replay,
        "learning_starts": settings.learning_starts,
        "train_freq": 1,
        "gradient_steps": settings.updates_per_step,
        "policy_kwargs": {"net_arch": list(settings.hidden)},
    }
    if isinstance(settings, DelayedActorCritic):
        given |= {
            "action_noise": _noise(actions, settings.exploration_noise),
            "policy_delay": settings.policy_delay,
            "target_policy_noise": settings.target_noise,
            "target_noise_clip": settings.target_noise_clip,
        }
    if not settings.hindsight_goals:
        return _Theirs(kind, "MlpPolicy", given)
    her: Any = importlib.import_module(f"{PACKAGE}.her.her_replay_buffer")
    given |= {
        "replay_buffer_class": her.HerReplayBuffer,
        "replay_buffer_kwargs": {"n_sampled_goal": settings.hindsight_goals, "goal_selection_strategy": "future"},
    }
    return _Theirs(kind, "MultiInputPolicy", given)


def _noise(shape: tuple[int, ...], deviation: float) -> Any:  # noqa: ANN401 - theirs
    noise: Any = importlib.import_module(f"{PACKAGE}.common.noise")
    return noise.NormalActionNoise(np.zeros(shape), np.full(shape, deviation))


def _q_learning(settings: QLearning, steps: int) -> Mapping[str, Any]:
    return {
        "learning_rate": settings.lr,
        "gamma": settings.discount,
        "batch_size": settings.batch_size,
        "buffer_size": settings.replay,
        "learning_starts": settings.learning_starts,
        "train_freq": settings.steps_per_update,
        "gradient_steps": 1,
        # Theirs counts environment steps.
        "target_update_interval": settings.target_interval * settings.steps_per_update,
        "exploration_initial_eps": 1.0,
        "exploration_final_eps": settings.exploration_final,
        "exploration_fraction": settings.exploration_steps / steps,
        "max_grad_norm": settings.gradient_norm,
        "policy_kwargs": {"net_arch": list(settings.hidden)},
    }


def _policy_gradient(settings: PolicyGradient) -> Mapping[str, Any]:
    given: dict[str, Any] = {
        "learning_rate": settings.lr,
        "gamma": settings.discount,
        "gae_lambda": settings.gae_lambda,
        "n_steps": settings.rollout_steps,
        "vf_coef": settings.value_weight,
        "ent_coef": settings.entropy_weight,
        "max_grad_norm": settings.gradient_norm,
        "normalize_advantage": settings.normalise_advantages,
        "policy_kwargs": {"net_arch": list(settings.hidden), "log_std_init": settings.log_std},
    }
    if not settings.clip:
        return {**given, "use_rms_prop": settings.optimiser == "rmsprop"}
    return {**given, "n_epochs": settings.epochs, "batch_size": settings.batch_size, "clip_range": settings.clip}


def _judge(env_id: str, act: Callable[[Any], Any], episodes: int, first_seed: int) -> Score:
    """Mean return and success at the last step of episodes that begin as ours do."""
    env = gymnasium.make(env_id)
    returns, successes = np.zeros(episodes), np.zeros(episodes)
    for episode in range(episodes):
        told, _ = env.reset(seed=episode_seed(first_seed, episode))
        ended = False
        while not ended:
            told, reward, terminated, truncated, info = env.step(act(told))
            returns[episode] += float(reward)
            successes[episode] = bool(info.get("is_success", False))
            ended = terminated or truncated
    env.close()
    return Score(float(returns.mean()), float(successes.mean()))
