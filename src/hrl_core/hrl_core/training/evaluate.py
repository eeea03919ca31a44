"""Evaluation by the task's protocol: noise-free policies, success at the last step of each episode."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.checkpoint import Checkpoint
from hrl_core.networks import Actor
from hrl_core.subgoals import to_float32
from hrl_core.task import TaskSpec
from hrl_core.training.collector import Environments

Float32 = npt.NDArray[np.float32]
BatchPolicy = Callable[[Float32, Float32], Float32]
"""Maps states (batch, observation_dim) and goals (batch, ...) to subgoals or actions."""
_WILSON_95 = 1.959964


@dataclass(frozen=True)
class EvaluationResult:
    """Outcome of the episodes that pursued one task goal."""

    goal: tuple[float, ...]
    """Empty where the environment chose the goals."""
    episodes: int
    success_rate: float
    """Share of episodes within the success radius at their last step."""
    ever_within: float
    """Share of episodes within it at any step."""
    final_distance: float
    """Mean distance at the last step [units of the goal]."""
    episode_return: float
    """Mean sum of task rewards."""

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the success rate."""
        return wilson_interval(self.success_rate, self.episodes)


def wilson_interval(rate: float, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion."""
    z2 = _WILSON_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = _WILSON_95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return centre - spread, centre + spread


def evaluate(
    spec: TaskSpec, envs: Environments, select: BatchPolicy | None, act: BatchPolicy
) -> list[EvaluationResult]:
    """Run one episode in every environment from its start; one result per task goal, in order of appearance.

    Args:
        spec: the task.
        envs: evaluation environments; they are restarted first, so that every call sees the same episodes.
        select: the manager without noise: states and task goals to subgoals; None: flat policy.
        act: the worker without noise: states and carried subgoals (flat: task goals) to actions.
    """
    envs.restart()
    goals = envs.goals
    names = [element.name for element in spec.observation]
    achieved = [names.index(element.name) for element in spec.goal if element.name in names]
    count = envs.num_envs
    running, ever = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    final, returns = np.full(count, np.nan), np.zeros(count)
    targets = np.zeros((count, len(spec.subgoal.elements)), np.float32)
    for step in range(spec.max_episode_steps):
        states = to_float32(envs.states)
        if select is not None and step % spec.subgoal.period == 0:
            anchors = envs.states[:, spec.subgoal_indices] if spec.subgoal.kind == "relative" else 0.0
            targets = to_float32(anchors + select(states, to_float32(goals)).astype(np.float64))
        pursued = to_float32(goals) if select is None else targets - states[:, spec.subgoal_indices]
        actions = act(states, pursued).astype(np.float64)
        result = envs.step(actions)
        returns += np.where(running, result.rewards, 0)
        if achieved:
            distance = np.linalg.norm(result.states[:, achieved] - goals, axis=1)
            ever |= running & (distance <= spec.success.radius)
            final = np.where(running, distance, final)
        running &= ~result.ended
        if not running.any():
            break
    return _results(spec, goals, final, ever, returns)


def checkpoint_policies(checkpoint: Checkpoint) -> tuple[BatchPolicy | None, BatchPolicy]:
    """Manager (None: flat) and worker of a checkpoint as policies for ``evaluate``."""

    def policy(level: str) -> BatchPolicy:
        actor = Actor.of_arrays(checkpoint.actor(level), checkpoint.level(level))

        def act(states: Float32, goals: Float32) -> Float32:
            with torch.inference_mode():
                return actor(torch.from_numpy(np.concatenate((states, goals), axis=1))).numpy()

        return act

    return policy("manager") if "manager" in checkpoint.actors else None, policy("worker")


def _results(
    spec: TaskSpec, goals: npt.NDArray, final: npt.NDArray, ever: npt.NDArray[np.bool_], returns: npt.NDArray
) -> list[EvaluationResult]:
    keys = [tuple(map(float, goal)) for goal in goals] if spec.evaluation_goals else [()] * len(goals)
    results = []
    for key in dict.fromkeys(keys):
        rows = np.array([k == key for k in keys])
        results.append(
            EvaluationResult(
                goal=key,
                episodes=int(rows.sum()),
                success_rate=float((final[rows] <= spec.success.radius).mean()),
                ever_within=float(ever[rows].mean()),
                final_distance=float(final[rows].mean()),
                episode_return=float(returns[rows].mean()),
            )
        )
    return results


def evaluation_goals(spec: TaskSpec, headline: int, elsewhere: int) -> list[tuple[float, ...]]:
    """Task goal of each evaluation environment: the first ``headline`` times, others ``elsewhere`` times."""
    first, *others = spec.evaluation_goals or ((),)
    return [first] * headline + [goal for goal in others for _ in range(elsewhere)]
