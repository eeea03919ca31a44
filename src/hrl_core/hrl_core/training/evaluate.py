"""Evaluation by the task's protocol: noise-free policies, success at the last step of each episode."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import BatchPolicy
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.environments import Environments
from hrl_core.errors import CheckpointError, HrlError
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.networks.actor import Actor
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
_WILSON_95 = 1.959964


@dataclass(frozen=True)
class EvaluationResult:
    """Outcome of the episodes that pursued one task goal."""

    goal: tuple[float, ...]
    """Empty where the environment chose the goals."""
    episodes: int
    success_rate: float
    """Share of episodes in which the success rule holds at the last step."""
    ever_within: float
    """Share of episodes in which it holds at any step."""
    final_distance: float
    """Mean distance at the last step [units of the goal]; NaN: the task has no goal."""
    episode_return: float
    """Mean sum of task rewards."""

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the success rate."""
        return wilson_interval(self.success_rate, self.episodes)


class _Outcomes(NamedTuple):
    """What became of each episode, shape (num_envs,); order of ``EvaluationResult``."""

    reached: npt.NDArray[np.bool_]
    ever: npt.NDArray[np.bool_]
    final: npt.NDArray
    returns: npt.NDArray


def wilson_interval(rate: float, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a proportion."""
    z2 = _WILSON_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = _WILSON_95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    return centre - spread, centre + spread


def evaluate(
    spec: TaskSpec, hierarchy: HierarchySpec, envs: Environments, select: BatchPolicy | None, act: BatchPolicy
) -> list[EvaluationResult]:
    """Run one episode in every environment from its start; one result per task goal, in order of appearance.

    Args:
        spec: the task.
        hierarchy: of the policy; without levels it is a flat one.
        envs: evaluation environments; they are restarted first, so that every call sees the same episodes.
        select: the manager without noise: states and task goals to subgoals; None: flat policy.
        act: the worker without noise: states and carried subgoals (flat: task goals) to actions.
    """
    envs.restart()
    goals = envs.goals
    count = envs.num_envs
    running, ever, reached = np.ones(count, np.bool_), np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    final, returns = np.full(count, np.nan), np.zeros(count)
    space = GoalSpace(spec, hierarchy.levels[0]) if hierarchy.levels else None
    targets = np.zeros((count, 0 if space is None else space.size), np.float32)
    for step in range(spec.max_episode_steps):
        states = to_float32(envs.states)
        if space is not None and select is not None and step % space.level.horizon == 0:
            anchors = envs.states[:, space.indices] if space.level.kind == "relative" else 0.0
            targets = to_float32(anchors + select(states, to_float32(goals)).astype(np.float64))
        pursued = to_float32(goals) if space is None else targets - states[:, space.indices]
        actions = act(states, pursued).astype(np.float64)
        result = envs.step(actions)
        returns += np.where(running, result.rewards, 0)
        if spec.goal:
            ever |= running & result.successes
            reached = np.where(running, result.successes, reached)
            final = np.where(running, np.linalg.norm(result.achieved - goals, axis=1), final)
        running &= ~result.ended
        if not running.any():
            break
    return _results(goals if envs.goals_given else None, _Outcomes(reached, ever, final, returns))


def checkpoint_policies(checkpoint: Checkpoint) -> tuple[BatchPolicy | None, BatchPolicy]:
    """Manager (None: flat) and worker of a checkpoint as policies for ``evaluate``.

    Raises:
        CheckpointError: it has several levels above the worker.
    """
    if (count := len(checkpoint.hierarchy.levels)) > 1:
        raise CheckpointError(
            f"a policy of {count} levels above its worker cannot be evaluated in batches, those of one or none can; "
            "`hrl rollout` and `hrl launch policy.launch.py` run it"
        )

    def policy(level: str) -> BatchPolicy:
        actor = Actor.of_arrays(checkpoint.actor(level), checkpoint.level(level))

        def act(states: Float32, goals: Float32) -> Float32:
            with torch.inference_mode():
                return actor(torch.from_numpy(np.concatenate((states, goals), axis=1))).numpy()

        return act

    return policy("manager") if "manager" in checkpoint.actors else None, policy("worker")


def _results(goals: npt.NDArray | None, outcomes: _Outcomes) -> list[EvaluationResult]:
    """One result per task goal; one for all where nobody gave any."""
    keys = [()] * len(outcomes.final) if goals is None else [tuple(map(float, goal)) for goal in goals]
    results = []
    for key in dict.fromkeys(keys):
        rows = np.array([k == key for k in keys])
        means = (float(column[rows].mean()) for column in outcomes)
        results.append(EvaluationResult(key, int(rows.sum()), *means))
    return results


def evaluation_goals(spec: TaskSpec, headline: int, elsewhere: int) -> list[tuple[float, ...]]:
    """Task goal of each evaluation environment: the first ``headline`` times, others ``elsewhere`` times.

    Raises:
        HrlError: that leaves no episode.
    """
    first, *others = spec.evaluation_goals or ((),)
    goals = [first] * headline + [goal for goal in others for _ in range(elsewhere)]
    if not goals:
        raise HrlError(
            f"evaluation_episodes {headline} and evaluation_episodes_elsewhere {elsewhere} leave nothing to evaluate "
            f"in task '{spec.name}', which has {len(others)} further goals: give 1 or more"
        )
    return goals
