"""Evaluation by the task's protocol: noise-free policies, success at the last step of each episode."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.checkpoints.manifest import GREEDY
from hrl_core.environments import Environments, Step
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec
from hrl_core.hierarchy.subgoals import targets_of, to_float32
from hrl_core.hierarchy.vector import VectorHierarchy
from hrl_core.messages import Mode
from hrl_core.networks.actor import Actor
from hrl_core.networks.heads import make_head
from hrl_core.statistics import wilson_interval
from hrl_core.task.spec import TaskSpec
from hrl_core.threads import one_thread

Float32 = npt.NDArray[np.float32]
BatchPolicy = Callable[[Float32, Float32], npt.NDArray]
"""Maps states (batch, observation_dim) and goals (batch, ...) to subgoals or actions."""
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
    """Group of the success rule -> share in which it is in place at the last step, of the episodes in which it was not
    at first."""
    asked: Mapping[str, float] = field(default_factory=dict)
    """Group -> share of all episodes that these are; 1 where it is not named."""

    @property
    def in_place(self) -> float:
        """Mean number of the groups that an episode asks for and that are in place at its last step."""
        return sum(share * self.asked.get(name, 1.0) for name, share in self.groups.items())

    @property
    def asked_for(self) -> float:
        """Mean number of groups that an episode asks for."""
        return sum(self.asked.get(name, 1.0) for name in self.groups)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the success rate."""
        return wilson_interval(self.success_rate, self.episodes)


@dataclass(frozen=True)
class Outcomes:
    """What became of each of some episodes, shape (episodes,) each."""

    goals: npt.NDArray | None
    """Task goals (episodes, goal_dim); None: the environment chose them."""
    reached: npt.NDArray[np.bool_]
    """Whether the success rule held at the last step."""
    ever: npt.NDArray[np.bool_]
    """Whether it held at any step."""
    final: npt.NDArray
    """Distance from the goal at the last step."""
    returns: npt.NDArray
    asked: Mapping[str, npt.NDArray[np.bool_]]
    """Group of the success rule -> whether it was not in place at first."""
    placed: Mapping[str, npt.NDArray[np.bool_]]
    """Group -> whether it was at the last step."""

    def results(self) -> list[EvaluationResult]:
        """One for each task goal, in order of appearance; one for all where nobody gave any."""
        keys = [()] * len(self.final) if self.goals is None else [tuple(map(float, goal)) for goal in self.goals]
        results: list[EvaluationResult] = []
        for key in dict.fromkeys(keys):
            rows = np.array([k == key for k in keys])
            means = (float(column[rows].mean()) for column in (self.reached, self.ever, self.final, self.returns))
            shares = self._shares(rows)
            asked = {name: float(self.asked[name][rows].mean()) for name in shares}
            results.append(EvaluationResult(key, int(rows.sum()), *means, groups=shares, asked=asked))
        return results

    def _shares(self, rows: npt.NDArray[np.bool_]) -> dict[str, float]:
        """Share with each group in place, of those of some episodes that ask for it."""
        asked = {name: rows & those for name, those in self.asked.items()}
        return {name: float(self.placed[name][those].mean()) for name, those in asked.items() if those.any()}


def joined(parts: Sequence[Outcomes]) -> Outcomes:
    """The outcomes of all, one after the other."""

    def one(column: Callable[[Outcomes], npt.NDArray]) -> npt.NDArray:
        return np.concatenate([column(part) for part in parts])

    return Outcomes(
        None if parts[0].goals is None else one(lambda part: cast(npt.NDArray, part.goals)),
        *(one(attrgetter(name)) for name in ("reached", "ever", "final", "returns")),
        asked={name: one(lambda part, name=name: part.asked[name]) for name in parts[0].asked},
        placed={name: one(lambda part, name=name: part.placed[name]) for name in parts[0].placed},
    )


class _Groups:
    """Which groups of a success rule each episode asks for, and has in place."""

    def __init__(self, spec: TaskSpec, states: npt.NDArray, goals: npt.NDArray) -> None:
        self._spec, self._goals = spec, goals
        self.placed: dict[str, npt.NDArray[np.bool_]] = {}
        if spec.success.groups:
            self.placed = spec.groups_within(states[:, list(spec.observed_goal.values())], goals)
        self.asked = {name: ~place for name, place in self.placed.items()}

    def take(self, achieved: npt.NDArray, running: npt.NDArray[np.bool_]) -> None:
        """Take what is achieved (num_envs, goal_dim) by those that are still running."""
        within = self._spec.groups_within(achieved, self._goals)
        self.placed = {name: np.where(running, place, self.placed[name]) for name, place in within.items()}


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
    return _run(spec, envs, _Batches(spec, hierarchy, envs, select, act)).results()


def evaluate_checkpoint(checkpoint: Checkpoint, envs: Environments) -> list[EvaluationResult]:
    """The same for any policy: in batches where all environments decide at the same steps, else by its sessions."""
    return play(checkpoint, envs).results()


def play(checkpoint: Checkpoint, envs: Environments, first_episode: int = 0) -> Outcomes:
    """What becomes of an episode in each environment, from ``first_episode`` on, by a policy of any kind."""
    envs.restart()
    levels, greedy = checkpoint.hierarchy.levels, checkpoint.evaluation == GREEDY
    if (
        greedy
        and checkpoint.hierarchy.by_clock
        and not any(actor.memory for actor in checkpoint.actors.values())
        and all(level.kind in _IN_BATCHES and not level.embedded for level in levels)
    ):
        policies = checkpoint_policies(checkpoint)
        return _run(checkpoint.task, envs, _Batches(checkpoint.task, checkpoint.hierarchy, envs, *policies))
    actors = VectorHierarchy(checkpoint.task, Mode.EVAL, envs)
    with one_thread():
        for env in range(envs.num_envs):
            # Draws are keyed by seed and episode: those that report are none of those that chose.
            actors.begin(env, first_episode + env, checkpoint.stack(seed=envs.seed))
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
            chosen = self._select(states, goals).astype(np.float64)
            self._targets = targets_of(positions[:, space.indices], chosen, space.level.kind == "relative")
        return self._act(states, self._targets - states[:, space.indices]).astype(np.float64)

    def observe(self, step: Step) -> None:
        """Count."""
        del step
        self._step += 1


def _run(spec: TaskSpec, envs: Environments, actors: _Actors) -> Outcomes:
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
    given = goals if envs.goals_given else None
    return Outcomes(given, reached, ever, final, returns, groups.asked, groups.placed)


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
