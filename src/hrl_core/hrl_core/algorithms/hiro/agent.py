"""HIRO (arXiv 1805.08296) as composition: a manager TD3 and a worker TD3 over one episode store."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.hiro.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.adjacency import AdjacencyPenalty
from hrl_core.algorithms.hiro.extras.embedding import Embedding
from hrl_core.algorithms.hiro.extras.random_subgoals import with_random_subgoals
from hrl_core.algorithms.hiro.relabel_goals import GoalTask, relabelled_goals
from hrl_core.algorithms.hiro.relabelling import (
    Policy,
    RelabelChoice,
    best_candidates,
    candidates_from_noise,
    drawn_noise,
    gaussian_subgoals,
)
from hrl_core.algorithms.hiro.returns import manager_returns, worker_rewards
from hrl_core.algorithms.hiro.task_fit import require_fit
from hrl_core.algorithms.protocols import LevelWeights, Update, Work
from hrl_core.hierarchy.spec import EMBEDDING, GoalSpace
from hrl_core.learners.making import make_level
from hrl_core.learners.transitions import LevelLearner, TransitionBatch, seen
from hrl_core.prefixed import below
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex, Windows, WorkerBatch

Float32 = npt.NDArray[np.float32]


class HiroAgent:
    """Learns both levels from an episode store; acts in batches."""

    def __init__(
        self,
        space: GoalSpace,
        config: HiroConfig,
        task: GoalTask,
        generator: torch.Generator,
        candidate_noise: Callable[[SegmentIndex], torch.Tensor] | None = None,
        manager_generator: torch.Generator | None = None,
    ) -> None:
        """Initialise both levels from their generators.

        Args:
            space: of the subgoals, on the task.
            config: switches.
            task: box and reward of task goals, for relabelling.
            generator: draws weights, smoothing noise and, unless ``candidate_noise`` does, candidates.
            candidate_noise: noise (batch, candidates - 2, subgoal_dim) of the off-policy correction of segments.
            manager_generator: draws for the manager in its place, so that the levels can learn at once.

        Raises:
            TaskError: switches need observation elements that the task lacks.
            HrlError: switches contradict each other.
        """
        require_fit(space, config)
        self.space, self.config, self._task = space, config, task
        self._generator = generator if manager_generator is None else manager_generator
        self.manager = make_level(config.manager, manager_actor_config(space, config), self._generator)
        plain = {"fast": False} if config.embedding else {}
        worker = dataclasses.replace(config.worker, **plain)
        self.worker = make_level(worker, worker_actor_config(space, config), generator)
        self.embedding = Embedding(space.task, config, generator) if config.embedding else None
        self.adjacency: AdjacencyPenalty | None = None
        if config.adjacency_weight:
            adjacency = AdjacencyPenalty(space.indices, space.level.horizon, self._generator)
            self.manager.action_penalty = lambda s, g: config.adjacency_weight * adjacency.gradient(s, g)
            self.adjacency = adjacency
        self.levels = {"manager": self.manager, "worker": self.worker}
        self._candidate_noise = candidate_noise

    def select(self, states: Float32, task_goals: Float32) -> Float32:
        """Noise-free subgoals (batch, subgoal_dim)."""
        return self.manager.act(seen(states, task_goals)).numpy()

    def act(self, states: Float32, subgoals: Float32) -> Float32:
        """Noise-free actions (batch, action_dim) under carried subgoals."""
        return self.worker.act(seen(states, subgoals)).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Gradient steps of the worker on batches drawn together."""
        return self.prepare_worker(store, rng, updates)()

    def update_manager(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Gradient steps of the manager, subgoals and task goals relabelled as configured."""
        return self.prepare_manager(store, rng, updates, self.worker.act)()

    def prepare_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int) -> Work:
        """Draw batches of the worker; what is returned makes the gradient steps."""
        config = self.config
        size = config.worker.batch_size
        slots, steps = store.draw_steps(size * updates, rng, config.worker_replay)
        drawn = store.steps_at(slots, steps, config.next_goal_at_switch)
        meant = None
        if config.relabel_subgoals_random:
            drawn, redrawn = with_random_subgoals(self.space, drawn, config.relabel_subgoals_random, rng)
            meant = torch.from_numpy((~redrawn).astype(np.float32))
        discounts = np.where(drawn.terminated, 0, config.worker.discount).astype(np.float32)
        whole = TransitionBatch(
            inputs=seen(drawn.states, drawn.subgoals),
            actions=torch.from_numpy(drawn.actions),
            rewards=torch.from_numpy(worker_rewards(self.space.task, config, drawn)),
            discounts=torch.from_numpy(discounts),
            next_inputs=seen(drawn.next_states, drawn.next_subgoals),
            meant=meant,
        )
        if self.embedding is not None:
            return partial(self._learn_embedded, self.embedding, whole, drawn, store.chosen_at(slots, steps), updates)
        return lambda: self._learn("worker", whole, updates)

    def prepare_manager(self, store: EpisodeStore, rng: np.random.Generator, updates: int, worker: Policy) -> Work:
        """Draw batches of the manager, task goals relabelled as configured; what is returned makes the gradient steps.

        Subgoals are relabelled there, by the actions of ``worker``.
        """
        config = self.config
        index = store.sample_segments(
            config.manager.batch_size * updates, rng, config.longest_n_step, config.manager_replay
        )
        goals = relabelled_goals(config, store, index, self._task, rng)
        if config.manager_n_step_own:
            index = store.shortened(index, np.where(goals.own, config.manager_n_step_own, config.manager_n_step))
        returns = manager_returns(self.space.task, config, store, index, goals, self._task)
        states, next_states = store.states[index.slots, index.starts], store.states[index.slots, index.ends]
        whole = TransitionBatch(
            inputs=seen(states, goals.goals),
            actions=torch.from_numpy(store.subgoals[index.slots, index.starts // store.period]),
            rewards=torch.from_numpy(returns.rewards),
            discounts=torch.from_numpy(returns.discounts),
            next_inputs=seen(next_states, goals.goals),
            meant=torch.from_numpy(goals.meant.astype(np.float32)),
        )
        if not config.candidates:
            return lambda: self._learn("manager", whole, updates, {"relabelled": 0.0})
        windows = store.windows(index)

        def correct_and_learn() -> list[Update]:
            choice = self._corrected(index, windows, whole.actions, worker)
            share = float((choice.candidate > 0).float().mean())
            return self._learn("manager", whole._replace(actions=choice.subgoals), updates, {"relabelled": share})

        return correct_and_learn

    def level_weights(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps; the manager explores as in training."""
        actors = {"manager": self.config.exploring(self.manager.actor_config), "worker": self.worker.actor_config}
        kept = {name: LevelWeights(actors[name], td3.actor_arrays(), td3.updates) for name, td3 in self.levels.items()}
        return kept if self.embedding is None else {**kept, EMBEDDING: self.embedding.level_weights()}

    def _corrected(
        self, index: SegmentIndex, windows: Windows, subgoals: torch.Tensor, worker: Policy
    ) -> RelabelChoice:
        """Off-policy correction (paper 3.3): of candidates, the subgoal that best explains what the worker did."""
        noise = (
            drawn_noise(subgoals, self.config.candidates, self._generator)
            if self._candidate_noise is None
            else self._candidate_noise(index)
        )
        if not self.config.scores_candidates:
            return gaussian_subgoals(self.space, windows, subgoals, noise)
        return best_candidates(self.space, windows, candidates_from_noise(self.space, windows, subgoals, noise), worker)

    def _learn_embedded(
        self,
        embedding: Embedding,
        whole: TransitionBatch,
        drawn: WorkerBatch,
        chosen: tuple[Float32, Float32],
        updates: int,
    ) -> list[Update]:
        """Gradient steps of the worker, then one of the embedding by what they passed back to the carried subgoals."""
        carried = embedding.carried(*chosen, drawn.states)
        inputs = torch.cat((torch.from_numpy(drawn.states), carried.detach()), 1).requires_grad_()
        made = self._learn("worker", whole._replace(inputs=inputs), updates)
        if inputs.grad is not None:
            embedding.learn(carried, inputs.grad[:, -self.space.size :])
        return made

    def _parts(self) -> dict[str, LevelLearner | AdjacencyPenalty | Embedding]:
        extras = {"adjacency": self.adjacency, "embedding": self.embedding}
        return self.levels | {name: part for name, part in extras.items() if part is not None}

    def _learn(
        self, level: str, whole: TransitionBatch, updates: int, figures: Mapping[str, float] = MappingProxyType({})
    ) -> list[Update]:
        batch = whole._asdict()
        return [
            Update(level, {**metrics, **figures}, batch) for metrics in self.levels[level].update_many(whole, updates)
        ]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Both levels, and the adjacency network where there is one."""
        return {f"{name}.{k}": v for name, part in self._parts().items() for k, v in part.state_dict().items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, part in self._parts().items():
            part.load_state_dict(below(f"{name}.", state))
