"""A manager and a worker that clone what was done, from a store of episodes."""

import dataclasses
from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import BatchPolicy, LevelWeights, Update
from hrl_core.algorithms.relay.config import RelayConfig, hierarchy
from hrl_core.algorithms.relay.windows import Rows, flat_rows, manager_rows, worker_rows
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.learners.cloning import Cloning
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.prefixed import below
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
HEADROOM = 1.05
"""By which an actor's range is wider than that of actions: at its very end a tanh never arrives."""


class RelayAgent:
    """Both levels, or a flat worker."""

    def __init__(self, task: TaskSpec, config: RelayConfig, generator: torch.Generator) -> None:
        """Initialise networks from ``generator``; raises ``TaskError`` where task and switches do not fit together."""
        levels = hierarchy(task, config).levels
        self.config, self.space = config, GoalSpace(task, levels[0]) if levels else None
        self.worker = Cloning(config.worker, _worker_shape(task, config, self.space), generator)
        self.levels = {"worker": self.worker}
        if self.space is not None:
            self.levels["manager"] = Cloning(config.manager, _manager_shape(self.space, config), generator)

    def select(self, states: Float32, goals: Float32) -> Float32:
        """Subgoals (batch, subgoal_dim) for task goals."""
        return self.levels["manager"].act(_joined(states, goals)).numpy()

    def act(self, states: Float32, pursued: Float32) -> Float32:
        """Actions (batch, action_dim) under carried subgoals, or task goals."""
        return self.worker.act(_joined(states, pursued)).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Steps of the worker on rows drawn together."""
        config = self.config
        slots, steps = store.draw_steps(config.worker.batch_size * updates, rng)
        if self.space is None:
            rows = flat_rows(store, slots, steps, config.flat_goals == "last", rng)
        else:
            rows = worker_rows(store, slots, steps, config.horizon, rng)
        return self._learn("worker", rows, updates)

    def update_manager(self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1) -> list[Update]:
        """Steps of the manager, if there is one."""
        if self.space is None:
            return []
        config = self.config
        slots, steps = store.draw_steps(config.manager.batch_size * updates, rng)
        rows = manager_rows(store, slots, steps, config.manager_window, config.horizon, rng)
        return self._learn("manager", rows, updates)

    def level_weights(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps."""
        return {n: LevelWeights(k.actor_config, k.actor_arrays(), k.updates) for n, k in self.levels.items()}

    def policies(self) -> tuple[BatchPolicy | None, BatchPolicy]:
        """Manager (None: flat) and worker."""
        return None if self.space is None else self.select, partial(self.act)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """All levels."""
        return {f"{name}.{k}": v for name, level in self.levels.items() for k, v in level.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, level in self.levels.items():
            level.load_state_dict(below(f"{name}.", state))

    def _learn(self, level: str, rows: Rows, updates: int) -> list[Update]:
        nothing = torch.zeros(len(rows.states))
        inputs = _joined(rows.states, rows.pursued)
        batch = TransitionBatch(inputs, torch.from_numpy(rows.done), nothing, nothing, inputs)
        return [Update(level, metrics, batch._asdict()) for metrics in self.levels[level].update_many(batch, updates)]


def _worker_shape(task: TaskSpec, config: RelayConfig, space: GoalSpace | None) -> ActorConfig:
    """Observation, and a carried subgoal or the task goal with the way left to it, to actions."""
    low, high = _wider(task.action_low, task.action_high)
    noise = tuple(map(float, config.noise * (task.action_high - task.action_low) / 2))
    if space is None:
        return dataclasses.replace(_goal_shape(task, config, config.worker.hidden, low, high), exploration_noise=noise)
    scale = (*_scale(task, config), *(2 / (space.high - space.low)).tolist())
    dim = len(task.observation) + space.size
    return ActorConfig(dim, config.worker.hidden, low, high, exploration_noise=noise, input_scale=scale)


def _manager_shape(space: GoalSpace, config: RelayConfig) -> ActorConfig:
    """Observation, task goal and the way left to it to subgoals."""
    low, high = tuple(space.low.tolist()), tuple(space.high.tolist())
    return _goal_shape(space.task, config, config.manager.hidden, low, high)


def _goal_shape(
    task: TaskSpec, config: RelayConfig, hidden: tuple[int, ...], low: tuple[float, ...], high: tuple[float, ...]
) -> ActorConfig:
    seen, names = len(task.observation), [element.name for element in task.observation]
    ways = tuple((seen + k, names.index(element.name), config.way_scale) for k, element in enumerate(task.goal))
    scale = (*_scale(task, config), *(1.0,) * len(task.goal))
    return ActorConfig(seen + len(task.goal), hidden, low, high, input_scale=scale, differences=ways)


def _scale(task: TaskSpec, config: RelayConfig) -> tuple[float, ...]:
    return config.input_scale or (1.0,) * len(task.observation)


def _wider(low: npt.NDArray, high: npt.NDArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    centre, half = (low + high) / 2, HEADROOM * (high - low) / 2
    return tuple((centre - half).tolist()), tuple((centre + half).tolist())


def _joined(states: Float32, pursued: Float32) -> torch.Tensor:
    return torch.from_numpy(np.concatenate((states, pursued), axis=1))
