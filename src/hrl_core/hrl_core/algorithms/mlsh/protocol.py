"""How MLSH is evaluated: fresh masters over kept skills, and each skill alone."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.mlsh.config import MlshConfig
from hrl_core.algorithms.mlsh.learner import MlshLearner
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.randomness import Draws, Purpose
from hrl_core.task.spec import TaskSpec

Array = npt.NDArray[np.float64]


class Fresh(NamedTuple):
    """What fresh masters earned while they learned."""

    goals: list[tuple[float, ...]]
    """Task of each master; tasks are taken in turn, so that all are had alike."""
    returns: Array
    """Mean reward of an environment over the steps before update 0, 1, ..., (updates + 1, masters); drawn policies."""


def fresh_masters(
    task: TaskSpec, config: MlshConfig, envs: Environments, skills: str, updates: int, seed: int
) -> Fresh:
    """Learn masters from nothing over skills that stay as they are.

    Args:
        task: the task.
        config: as the skills were learned with; ``groups`` is the number of masters.
        envs: dealt among the masters.
        skills: folder of the policy that has them.
        updates: of each master.
        seed: of the masters, not that of the skills.
    """
    learner = MlshLearner(task, dataclasses.replace(config, frozen_skills=skills), envs, seed)
    returns: list[list[float]] = []
    while len(returns) <= updates:
        learner.observe(envs.step(learner.act()))
        if earned := [update.metrics["return"] for update in learner.update()]:
            returns.append(earned)
    return Fresh([group.goal for group in learner.groups], np.array(returns))


class Alone(NamedTuple):
    """What one skill does when nobody ever chooses another."""

    returns: Array
    """Of an episode in each environment, (num_envs,)."""
    states: Array
    """Its states, (steps + 1, num_envs, observation_dim); the last one stays where an episode is over before others."""
    terminated: npt.NDArray[np.bool_]
    """Whether it ended by itself."""


def skill_alone(policy: Checkpoint, envs: Environments, skill: int) -> Alone:
    """Run an episode of one skill in every environment, drawn or not as the policy says; environments are restarted."""
    envs.restart()
    worker, task = policy.worker(), Assignment(skill=skill)
    returns, running = np.zeros(envs.num_envs), np.ones(envs.num_envs, np.bool_)
    states, terminated = [envs.states.copy()], np.zeros(envs.num_envs, np.bool_)
    while running.any():
        now = len(states) - 1
        draws = (Draws(policy.seed, Purpose.ACTION, 0, env, now, explore=False) for env in range(envs.num_envs))
        actions = [worker.act(state, task, draw).value for state, draw in zip(envs.states, draws, strict=True)]
        step = envs.step(np.array(actions))
        returns += np.where(running, step.rewards, 0)
        states.append(np.where(running[:, None], step.states, states[-1]))
        terminated |= running & step.terminated
        running &= ~step.ended
    return Alone(returns, np.array(states), terminated)


def by_goal(goals: Sequence[tuple[float, ...]], values: Array) -> dict[tuple[float, ...], Array]:
    """Values (..., masters) of the masters of each task."""
    kinds = dict.fromkeys(goals)
    return {kind: values[..., [goal == kind for goal in goals]] for kind in kinds}
