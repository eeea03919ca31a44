"""Flat TD3: the same trainer without a manager; the worker sees the task goal and earns the task's reward."""

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.actor_shapes import goal_actor_config
from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.protocols import BatchPolicy, LevelWeights, Update
from hrl_core.learners.making import make_level
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]


class FlatAgent:
    """One TD3 on observation and task goal."""

    def __init__(self, spec: TaskSpec, config: FlatConfig, generator: torch.Generator) -> None:
        """Initialise from ``generator``."""
        self.spec, self.config = spec, config
        actor = goal_actor_config(spec, config.worker, spec.action_low, spec.action_high, config.scale_inputs)
        self.worker = make_level(config.worker, actor, generator)
        self.levels = {"worker": self.worker}

    def act(self, states: Float32, task_goals: Float32, averaged: bool = False) -> Float32:
        """Noise-free actions (batch, action_dim)."""
        inputs = torch.from_numpy(np.concatenate((states, task_goals), axis=1))
        return self.worker.act(inputs, averaged).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Gradient steps, each on a fresh batch."""
        return [self._update(store, rng) for _ in range(updates)]

    def level_weights(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps."""
        return {"worker": LevelWeights(self.worker.actor_config, self.worker.actor_arrays(), self.worker.updates)}

    def policies(self) -> tuple[None, BatchPolicy]:
        """No manager; the worker without noise, averaged where an average is kept."""
        return None, partial(self.act, averaged=True)

    def _update(self, store: EpisodeStore, rng: np.random.Generator) -> Update:
        config = self.config.worker
        batch = store.sample_steps(config.batch_size, rng, self.config.worker_replay)
        discounts = np.where(batch.terminated, 0, config.discount).astype(np.float32)
        learned_from = TransitionBatch(
            inputs=torch.from_numpy(np.concatenate((batch.states, batch.task_goals), axis=1)),
            actions=torch.from_numpy(batch.actions),
            rewards=torch.from_numpy(batch.rewards),
            discounts=torch.from_numpy(discounts),
            next_inputs=torch.from_numpy(np.concatenate((batch.next_states, batch.task_goals), axis=1)),
        )
        return Update("worker", self.worker.update_many(learned_from, 1)[0], learned_from._asdict())

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The agent's tensors."""
        return self.worker.state_dict()

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.worker.load_state_dict(state)
