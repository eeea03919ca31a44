"""HIRO (arXiv 1805.08296) as composition: a manager TD3 and a worker TD3 over one episode store."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.hiro.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.algorithms.hiro.adjacency import AdjacencyPenalty
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.relabelling import best_candidates, candidate_subgoals, candidates_from_noise
from hrl_core.algorithms.hiro.task_fit import require_elements
from hrl_core.learners.td3_fast import TD3, TransitionBatch
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex, WorkerBatch
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
Metrics = dict[str, float]


class GoalTask(Protocol):
    """What relabelling of task goals asks of the environment."""

    @property
    def goal_box(self) -> tuple[npt.NDArray, npt.NDArray]:
        """Corners of the box that training goals are drawn from."""
        ...

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals (..., goal_dim)."""
        ...


class ManagerReturns(NamedTuple):
    """N-step returns of manager transitions, each (batch,)."""

    rewards: Float32
    discounts: Float32


class TaskGoals(NamedTuple):
    """Task goals that manager transitions are learned under; leading axis (batch,)."""

    goals: Float32
    own: npt.NDArray[np.bool_]
    """Whether it is the goal of the episode."""
    meant: npt.NDArray[np.bool_]
    """Whether the subgoals were for it or led to it."""


class HierarchicalAgent:
    """Learns both levels from an episode store; acts in batches."""

    def __init__(self, spec: TaskSpec, config: HiroConfig, task: GoalTask, generator: torch.Generator) -> None:
        """Initialise both levels from ``generator``.

        Raises:
            TaskError: switches need observation elements that the task lacks.
        """
        require_elements(spec, config)
        self.spec, self.config, self._task = spec, config, task
        self._generator = generator
        self.manager = TD3(config.manager, manager_actor_config(spec, config), generator)
        self.worker = TD3(config.worker, worker_actor_config(spec, config), generator)
        self.adjacency: AdjacencyPenalty | None = None
        if config.adjacency_weight:
            adjacency = AdjacencyPenalty(spec.subgoal_indices, spec.subgoal.period, generator)
            self.manager.action_penalty = lambda s, g: config.adjacency_weight * adjacency.gradient(s, g)
            self.adjacency = adjacency
        self.levels = {"manager": self.manager, "worker": self.worker}
        self.last_batch: dict[str, TransitionBatch] = {}
        """What each level learned from last, all updates together, for a post-mortem."""
        self.candidate_noise: Callable[[SegmentIndex], torch.Tensor] | None = None
        """Noise (batch, candidates - 2, subgoal_dim) of relabelling; None: from the agent's own generator."""

    def select(self, states: Float32, task_goals: Float32, averaged: bool = False) -> Float32:
        """Noise-free subgoals (batch, subgoal_dim), by the averaged actor if asked and kept."""
        return self.manager.act(_joined(states, task_goals), averaged).numpy()

    def act(self, states: Float32, subgoals: Float32, averaged: bool = False) -> Float32:
        """Noise-free actions (batch, action_dim) under carried subgoals."""
        return self.worker.act(_joined(states, subgoals), averaged).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Metrics]:
        """Gradient steps of the worker on batches drawn together."""
        config = self.config
        size = config.worker.batch_size
        drawn = store.sample_steps(size * updates, rng, config.worker_replay, config.next_goal_at_switch)
        discounts = np.where(drawn.terminated, 0, config.worker.discount).astype(np.float32)
        whole = TransitionBatch(
            inputs=_joined(drawn.states, drawn.subgoals),
            actions=torch.from_numpy(drawn.actions),
            rewards=torch.from_numpy(worker_rewards(self.spec, config, drawn)),
            discounts=torch.from_numpy(discounts),
            next_inputs=_joined(drawn.next_states, drawn.next_subgoals),
        )
        return self._learn("worker", whole, updates)

    def update_manager(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Metrics]:
        """Gradient steps of the manager, subgoals and task goals relabelled as configured."""
        config = self.config
        index = store.sample_segments(
            config.manager.batch_size * updates, rng, config.longest_n_step, config.manager_replay
        )
        goals = self._task_goals(store, index, rng)
        if config.manager_n_step_own:
            index = store.shortened(index, np.where(goals.own, config.manager_n_step_own, config.manager_n_step))
        returns = manager_returns(config, store, index, goals.goals, self._task)
        states, next_states = store.states[index.slots, index.starts], store.states[index.slots, index.ends]
        subgoals = torch.from_numpy(store.subgoals[index.slots, index.starts // store.period])
        relabelled = 0.0
        if config.candidates:
            windows = store.windows(index)
            proposals = (
                candidate_subgoals(self.spec, windows, subgoals, config.candidates, self._generator)
                if self.candidate_noise is None
                else candidates_from_noise(self.spec, windows, subgoals, self.candidate_noise(index))
            )
            choice = best_candidates(self.spec, windows, proposals, self.worker.act)
            relabelled, subgoals = float((choice.candidate > 0).float().mean()), choice.subgoals
        whole = TransitionBatch(
            inputs=_joined(states, goals.goals),
            actions=subgoals,
            rewards=torch.from_numpy(returns.rewards),
            discounts=torch.from_numpy(returns.discounts),
            next_inputs=_joined(next_states, goals.goals),
            meant=torch.from_numpy(goals.meant.astype(np.float32)),
        )
        return [metrics | {"relabelled": relabelled} for metrics in self._learn("manager", whole, updates)]

    def _parts(self) -> dict[str, TD3 | AdjacencyPenalty]:
        return self.levels | ({} if self.adjacency is None else {"adjacency": self.adjacency})

    def _learn(self, level: str, whole: TransitionBatch, updates: int) -> list[Metrics]:
        self.last_batch[level] = whole
        return self.levels[level].update_many(whole, updates)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Both levels, and the adjacency network where there is one."""
        return {f"{name}.{k}": v for name, part in self._parts().items() for k, v in part.state_dict().items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, part in self._parts().items():
            prefix = f"{name}."
            part.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})

    def _task_goals(self, store: EpisodeStore, index: SegmentIndex, rng: np.random.Generator) -> TaskGoals:
        """Task goals, relabelled as configured."""
        config = self.config
        goals = store.task_goals[index.slots]
        if not config.relabels_goals:
            everywhere = np.ones(len(goals), np.bool_)
            return TaskGoals(goals, everywhere, everywhere)
        low, high = self._task.goal_box
        share = rng.random(len(goals))
        later = rng.integers(index.starts + 1, store.lengths[index.slots] + 1)
        uniform = rng.uniform(low, high, goals.shape).astype(np.float32)
        future = store.achieved_goals(index.slots, later)
        is_uniform = share < config.relabel_goals_uniform
        is_future = ~is_uniform & (share < config.relabel_goals_uniform + config.relabel_goals_future)
        chosen = np.where(is_uniform[:, None], uniform, np.where(is_future[:, None], future, goals))
        return TaskGoals(chosen, ~(is_uniform | is_future), ~is_uniform)


def worker_rewards(spec: TaskSpec, config: HiroConfig, batch: WorkerBatch) -> Float32:
    """Intrinsic rewards (batch,) from what is left of the subgoal, s + g - s' (paper equation 3)."""
    left = np.sqrt(np.sum(np.square(batch.remaining), axis=1))
    if config.worker_reward == "distance":
        rewards = -left
    else:
        before = np.sqrt(np.sum(np.square(batch.subgoals), axis=1))
        rewards = (before - left) / np.float32(config.progress_unit)
    if config.tilt_penalty:
        names = [element.name for element in spec.observation]
        tilted = batch.next_states[:, [names.index("qx"), names.index("qy")]]
        # (1 - cos tilt) / 2 of a rotation is qx^2 + qy^2; the quaternion is normalised after the first step.
        rewards = rewards - np.float32(config.tilt_penalty) * np.sum(np.square(tilted), axis=1)
    return rewards


def manager_returns(
    config: HiroConfig, store: EpisodeStore, index: SegmentIndex, goals: Float32, task: GoalTask
) -> ManagerReturns:
    """Discounted sum of segment rewards; the discount counts manager transitions, a short last one as one.

    A segment's reward is scale * sum of its task rewards + offset * its share of a whole period. Rewards come
    from the store unless task goals are relabelled; then the task computes them from the achieved goals.
    """
    discount, period = config.manager.discount, store.period
    most = int(index.segments.max())
    steps = index.starts[:, None] + np.arange(most * period)
    counts = steps < index.ends[:, None]
    steps = np.minimum(steps, store.length_limit - 1)
    if not config.relabels_goals:
        rewards = store.rewards[index.slots[:, None], steps]
    else:
        rewards = task.compute_reward(store.achieved_goals(index.slots, steps + 1), goals[:, None])
    per_step = np.where(counts, config.manager_reward_scale * rewards + config.manager_reward_offset / period, 0)
    segments = per_step.reshape(len(goals), most, period).sum(axis=2)
    total = segments @ discount ** np.arange(most)
    discounts = np.where(index.terminated, 0.0, discount**index.segments)
    return ManagerReturns(total.astype(np.float32), discounts.astype(np.float32))


def _joined(states: Float32, goals: Float32) -> torch.Tensor:
    return torch.from_numpy(np.concatenate((states, goals), axis=1))
