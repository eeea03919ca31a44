"""Our side: a flat learner, trained as ``hrl train`` does."""

import time
from dataclasses import replace
from typing import Any

import hrl_core.envs  # noqa: F401 - registers the environments
from hrl.comparison.matches import ActorCritic, DelayedActorCritic, Match, PolicyGradient, QLearning
from hrl.comparison.outcome import Course, Score
from hrl_core.algorithms.protocols import Stateful
from hrl_core.envs.vector import VectorEnv
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig
from hrl_core.training.evaluate import evaluate_checkpoint
from hrl_core.training.presets import preset
from hrl_core.training.run_names import CONFIG
from hrl_core.training.trainer import Trainer

_QUADRATIC = 1e6
"""Error up to which a loss is quadratic: any that occurs, as theirs is the mean square."""


def our_task(match: Match) -> TaskSpec:
    """The task, whose episodes go on after a success as those of the bare environment do."""
    spec = load_task(match.task)
    return replace(spec, success=replace(spec.success, ends_episode=False))


def our_config(match: Match) -> TrainConfig[Any]:
    """The settings of a match as switches of our training.

    Raises:
        HrlError: there is no such learner, or one of them is none of its switches.
    """
    return preset(algorithm="flat", learner=match.learner).changed(our_switches(match))


def our_switches(match: Match) -> dict[str, Any]:
    """What the settings of a match are called in ``TrainConfig``, with what makes our learners like theirs."""
    settings = match.settings
    run: dict[str, Any] = {
        "steps": match.steps,
        "num_envs": match.num_envs,
        "stagger": False,
        "scale_inputs": False,
    }
    if isinstance(settings, ActorCritic):
        return run | _replaying(settings)
    if isinstance(settings, QLearning):
        return run | _q_learning(settings)
    return run | _policy_gradient(settings, match.num_envs)


def train_ours(match: Match, seed: int, course: Course) -> None:
    """Train one of our learners, or go on at its newest point; ``course`` notes its evaluations and what it costs.

    Raises:
        HrlError: task or switches do not exist, the losses diverge, or what was begun is another run.
    """
    spec, config = our_task(match), our_config(match)
    envs = VectorEnv(spec, config.num_envs, seed, stagger=config.stagger)
    trainer = _Training(spec, config, envs, None, course.folder, seed)
    trainer.course = course
    trainer.begin(resume=(course.folder / CONFIG).exists())

    def judge(episodes: int, first_seed: int) -> Score:
        return _judge(trainer, episodes, first_seed)

    begun = time.process_time() - course.cpu_seconds
    while trainer.left:
        trainer.iterate()
        if course.reached(trainer.env_steps, judge):
            course.cpu_seconds = time.process_time() - begun - course.judging
            trainer.keep()
    course.ended(trainer.env_steps, time.process_time() - begun, judge)
    envs.close()


class _Training(Trainer):
    """One that remembers its course."""

    course: Course

    def _parts(self) -> dict[str, Stateful]:
        return {**super()._parts(), "course": self.course}


def _replaying(settings: ActorCritic) -> dict[str, Any]:
    goals = settings.hindsight_goals
    rates: dict[str, Any] = {"actor_lr": settings.lr, "critic_lr": settings.lr, "small_output": False}
    if isinstance(settings, DelayedActorCritic):
        worker = rates | {
            "noise_in_range": True,
            "exploration_noise": settings.exploration_noise,
            "policy_delay": settings.policy_delay,
            "target_noise": settings.target_noise,
            "target_noise_clip": settings.target_noise_clip,
            "clip_target_actions": True,
            "huber_delta": _QUADRATIC,
            "action_twice": False,
            "normalise_actions": True,
        }
    else:
        worker = rates | {"temperature_lr": settings.lr}
    common = {
        "hidden": list(settings.hidden),
        "discount": settings.discount,
        "tau": settings.tau,
        "batch_size": settings.batch_size,
    }
    return {
        "replay": settings.replay,
        "worker_replay": 0,
        "overlap": False,
        "learning_starts": settings.learning_starts,
        "random_starts": True,
        "worker_updates": settings.updates_per_step,
        "her": goals > 0,
        "hindsight_goals": max(1, goals),
        "worker": worker | common,
    }


def _q_learning(settings: QLearning) -> dict[str, Any]:
    return {
        "replay": settings.replay,
        "worker_replay": 0,
        "overlap": False,
        "learning_starts": settings.learning_starts,
        "random_starts": True,
        "worker_updates": 1 / settings.steps_per_update,
        # The chance of a random action is 1 - (1 - random)(1 - exploration), where random falls from 1 to 0.
        "exploration": settings.exploration_final,
        "random_steps": settings.exploration_steps,
        "worker": {
            "hidden": list(settings.hidden),
            "lr": settings.lr,
            "discount": settings.discount,
            "batch_size": settings.batch_size,
            "double": False,
            "target_interval": settings.target_interval,
            "gradient_norm": settings.gradient_norm,
        },
    }


def _policy_gradient(settings: PolicyGradient, num_envs: int) -> dict[str, Any]:
    return {
        "rollout_steps": settings.rollout_steps * num_envs,
        "worker": {
            "hidden": list(settings.hidden),
            "lr": settings.lr,
            "discount": settings.discount,
            "gae_lambda": settings.gae_lambda,
            "epochs": settings.epochs,
            "batch_size": settings.batch_size,
            "normalise_advantages": settings.normalise_advantages,
            "value_weight": settings.value_weight,
            "entropy_weight": settings.entropy_weight,
            "gradient_norm": settings.gradient_norm,
            "optimiser": settings.optimiser,
            "log_std": settings.log_std,
            "step": "clipped" if settings.clip else "plain",
            **({"clip": settings.clip} if settings.clip else {}),
        },
    }


def _judge(trainer: Trainer, episodes: int, first_seed: int) -> Score:
    """Play an episode in each of fresh environments, which draw their goals themselves."""
    envs = VectorEnv(trainer.spec, episodes, first_seed)
    (result,) = evaluate_checkpoint(trainer.checkpoint({}), envs)
    envs.close()
    return Score(result.episode_return, result.success_rate)
