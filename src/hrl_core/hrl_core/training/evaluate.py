"""Evaluation by the task's protocol: noise-free policies, success at the last step of each episode."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import BatchPolicy
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import GREEDY
from hrl_core.environments import Environments, Step
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode
from hrl_core.networks.actor import Actor
from hrl_core.networks.heads import make_head
from hrl_core.statistics import wilson_interval
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import one_thread

Float32 = npt.NDArray[np.float32]
_IN_BATCHES = ("relative", "absolute")
"""Kinds of subgoals that a batch of workers can be given."""


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
    groups: Mapping[str, float] = field(default_factory=dict)
    """Group of the success rule that was not in place at first -> share of episodes in which it is at the last step."""

    @property
    def in_place(self) -> float:
        """Mean number of these groups that are in place at the last step."""
        return sum(self.groups.values())

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


class _Groups:
    """Which groups of a success rule each episode asks for, and has in place."""

    def __init__(self, spec: TaskSpec, states: npt.NDArray, goals: npt.NDArray) -> None:
        self._spec, self._goals = spec, goals
        self._placed: dict[str, npt.NDArray[np.bool_]] = {}
        if spec.success.groups:
            self._placed = spec.groups_within(states[:, list(spec.observed_goal.values())], goals)
        self._asked = {name: ~place for name, place in self._placed.items()}

    def take(self, achieved: npt.NDArray, running: npt.NDArray[np.bool_]) -> None:
        """Take what is achieved (num_envs, goal_dim) by those that are still running."""
        within = self._spec.groups_within(achieved, self._goals)
        self._placed = {name: np.where(running, place, self._placed[name]) for name, place in within.items()}

    def shares(self, rows: npt.NDArray[np.bool_]) -> dict[str, float]:
        """Share of some episodes (num_envs,) with each group in place that they ask for."""
        asked = {name: rows & those for name, those in self._asked.items()}
        return {name: float(self._placed[name][those].mean()) for name, those in asked.items() if those.any()}


class _Actors(Protocol):
    """Who acts in all evaluation environments."""

    def act(self) -> npt.NDArray[np.float64]:
        """Actions (num_envs, action_dim) now."""
        ...

    def observe(self, step: Step) -> object:
        """Take in what they led to."""
        ...


def evaluate(
    spec: TaskSpec, hierarchy: HierarchySpec, envs: Environments, select: BatchPolicy | None, act: BatchPolicy
) -> list[EvaluationResult]:
    """Run one episode in every environment from its start; one result per task goal, in order of appearance.

    Args:
        spec: the task.
        hierarchy: of the policy: at most one level, of subgoals, that are chosen by the clock.
        envs: evaluation environments; they are restarted first, so that every call sees the same episodes.
        select: the manager without noise: states and task goals to subgoals; None: flat policy.
        act: the worker without noise: states and carried subgoals (flat: task goals) to actions.
    """
    envs.restart()
    return _run(spec, envs, _Batches(spec, hierarchy, envs, select, act))


def evaluate_checkpoint(checkpoint: Checkpoint, envs: Environments) -> list[EvaluationResult]:
    """The same for any policy: in batches where all environments decide at the same steps, else by its sessions."""
    levels, greedy = checkpoint.hierarchy.levels, checkpoint.evaluation == GREEDY
    if (
        greedy
        and checkpoint.hierarchy.by_clock
        and all(level.kind in _IN_BATCHES and not level.embedded for level in levels)
    ):
        return evaluate(checkpoint.task, checkpoint.hierarchy, envs, *checkpoint_policies(checkpoint))
    envs.restart()
    actors = VectorHierarchy(checkpoint.task, Mode.EVAL, envs)
    with one_thread():
        for env in range(envs.num_envs):
            # Draws are keyed by the episode: under one number all would be the same.
            actors.begin(env, env, checkpoint.stack(seed=0))
        return _run(checkpoint.task, envs, actors)


class _Batches:
    """Acts in all environments at once, whose subgoals are all chosen at the same steps."""

    def __init__(
        self,
        spec: TaskSpec,
        hierarchy: HierarchySpec,
        envs: Environments,
        select: BatchPolicy | None,
        act: BatchPolicy,
    ) -> None:
        self._envs, self._select, self._act, self._step = envs, select, act, 0
        self._space = GoalSpace(spec, hierarchy.levels[0]) if hierarchy.levels else None
        self._goals = envs.goals
        self._targets = np.zeros((envs.num_envs, 0 if self._space is None else self._space.size), np.float32)

    def act(self) -> npt.NDArray[np.float64]:
        """Choose subgoals where they are due, then actions."""
        space, positions = self._space, self._envs.states
        states, goals = to_float32(positions), to_float32(self._goals)
        if space is None or self._select is None:
            return self._act(states, goals).astype(np.float64)
        if self._step % space.level.horizon == 0:
            anchors = positions[:, space.indices] if space.level.kind == "relative" else 0.0
            self._targets = to_float32(anchors + self._select(states, goals).astype(np.float64))
        return self._act(states, self._targets - states[:, space.indices]).astype(np.float64)

    def observe(self, step: Step) -> None:
        """Count."""
        del step
        self._step += 1


def _run(spec: TaskSpec, envs: Environments, actors: _Actors) -> list[EvaluationResult]:
    """One episode in each of environments that have just been restarted."""
    count, goals = envs.num_envs, envs.goals
    running, ever, reached = np.ones(count, np.bool_), np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    final, returns, groups = np.full(count, np.nan), np.zeros(count), _Groups(spec, envs.states, goals)
    while running.any():
        step = envs.step(actors.act())
        actors.observe(step)
        returns += np.where(running, step.rewards, 0)
        if spec.goal:
            ever |= running & step.successes
            reached = np.where(running, step.successes, reached)
            final = np.where(running, np.linalg.norm(step.achieved - goals, axis=1), final)
            groups.take(step.achieved, running)
        running &= ~step.ended
    return _results(goals if envs.goals_given else None, _Outcomes(reached, ever, final, returns), groups)


def checkpoint_policies(checkpoint: Checkpoint) -> tuple[BatchPolicy | None, BatchPolicy]:
    """Manager (None: flat) and worker of a checkpoint as policies for ``evaluate``."""

    def policy(level: str) -> BatchPolicy:
        config, weights = checkpoint.actor(level), checkpoint.level(level)
        actor, head = Actor.of_arrays(config, weights), make_head(config, weights)

        def act(states: Float32, goals: Float32) -> npt.NDArray:
            with torch.inference_mode():
                return head.greedy(actor(torch.from_numpy(np.concatenate((states, goals), axis=1))).numpy())

        return act

    return policy("manager") if "manager" in checkpoint.actors else None, policy("worker")


def _results(goals: npt.NDArray | None, outcomes: _Outcomes, groups: _Groups) -> list[EvaluationResult]:
    """One result per task goal; one for all where nobody gave any."""
    keys = [()] * len(outcomes.final) if goals is None else [tuple(map(float, goal)) for goal in goals]
    results = []
    for key in dict.fromkeys(keys):
        rows = np.array([k == key for k in keys])
        means = (float(column[rows].mean()) for column in outcomes)
        results.append(EvaluationResult(key, int(rows.sum()), *means, groups=groups.shares(rows)))
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
