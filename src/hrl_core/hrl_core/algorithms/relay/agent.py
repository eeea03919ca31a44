"""A manager and a worker that clone what was done, from stores of episodes; the worker may value it as well."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import LevelWeights, Update
from hrl_core.algorithms.relay.config import OFFPOLICY, ON_POLICY, RelayConfig, hierarchy
from hrl_core.algorithms.relay.on_policy_worker import OnPolicyWorker
from hrl_core.algorithms.relay.windows import (
    Goals,
    Rows,
    flat_rows,
    manager_rows,
    side_by_side,
    worker_rows,
    worker_transitions,
)
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.learners.cloning import Cloning
from hrl_core.learners.making import make_level
from hrl_core.learners.on_policy import Rollout
from hrl_core.learners.transitions import LevelLearner, OffPolicyLearner, TransitionBatch, seen
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.prefixed import below
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]
HEADROOM = 1.05
"""By which an actor's range is wider than that of actions: at its very end a tanh never arrives."""


class RelayAgent:
    """Both levels, or a flat worker."""

    def __init__(self, task: TaskSpec, config: RelayConfig, generator: torch.Generator, shown: bool = True) -> None:
        """Initialise networks.

        Args:
            task: the task.
            config: switches.
            generator: draws weights, and noise of learning.
            shown: whether there is anything to imitate before what was lived is learned from.

        Raises:
            HrlError: task and switches do not fit together.
        """
        self._shown = shown
        levels = hierarchy(task, config).levels
        self._task, self.config = task, config
        self.space = GoalSpace(task, levels[0]) if levels else None
        shape = _worker_shape(task, config, self.space)
        self._valuing: LevelLearner | None = None
        self.on_policy: OnPolicyWorker | None = None
        """The worker, where it learns on-policy."""
        if config.finetuning == OFFPOLICY:
            self._valuing = make_level(config.td3, shape, generator)
        elif config.finetuning in ON_POLICY:
            self.on_policy = OnPolicyWorker(config, shape, generator)
        self.worker: OffPolicyLearner = self._valuing or self.on_policy or Cloning(config.worker, shape, generator)
        self.levels = {"worker": self.worker}
        if self.space is not None:
            self.levels["manager"] = Cloning(config.manager, _manager_shape(self.space, config), generator)

    def select(self, states: Float32, goals: Float32) -> Float32:
        """Subgoals (batch, subgoal_dim) for task goals."""
        return self.levels["manager"].act(seen(states, goals)).numpy()

    def act(self, states: Float32, pursued: Float32) -> Float32:
        """Actions (batch, action_dim) under carried subgoals, or task goals."""
        return self.worker.act(seen(states, pursued)).numpy()

    @property
    def near(self) -> Float32:
        """How near its target every element of a subgoal is to be, (subgoal_dim,)."""
        if self.space is None:
            return np.zeros(0, np.float32)
        return to_float32(self.config.tolerance * (self.space.high - self.space.low) / 2)

    @property
    def imitating(self) -> bool:
        """Whether nothing but what was shown is learned from yet."""
        return self._shown and self.worker.updates < self.config.imitation_updates

    def update_worker(
        self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1, shown: EpisodeStore | None = None
    ) -> list[Update]:
        """Steps of the worker on rows drawn together.

        Args:
            store: what was lived, or all there is.
            rng: draws rows.
            updates: how many.
            shown: demonstrations, of which each batch has its share.
        """
        if self._valuing is not None:
            return self._update_valuing(self._valuing, store, rng, updates, shown)
        parts = self._portions(store, shown, self.config.worker.batch_size)
        rows = [self._worker_rows(source, count * updates, rng) for source, count in parts]
        return self._learn("worker", rows, updates)

    def update_on_policy(self, rollout: Rollout, shown: EpisodeStore | None, rng: np.random.Generator) -> Update:
        """Have the worker learn from what it lived; demonstrations are cloned beside it."""
        assert self.on_policy is not None
        if shown is None:
            return self.on_policy.learn(rollout, None)
        size = self.config.on_policy.batch_size or self.config.worker.batch_size
        return self.on_policy.learn(rollout, lambda: _cloned(self._worker_rows(shown, size, rng)))

    def update_manager(
        self, store: EpisodeStore, rng: np.random.Generator, updates: int = 1, shown: EpisodeStore | None = None
    ) -> list[Update]:
        """Steps of the manager, if there is one; arguments as of ``update_worker``."""
        config = self.config
        if self.space is None:
            return []

        def rows(source: EpisodeStore, count: int) -> Rows:
            slots, steps = source.draw_steps(count, rng)
            return manager_rows(source, slots, steps, config, self._goals(rng))

        parts = self._portions(store, shown, config.manager.batch_size)
        return self._learn("manager", [rows(source, count * updates) for source, count in parts], updates)

    def level_weights(self) -> dict[str, LevelWeights]:
        """What a checkpoint keeps."""
        return {name: LevelWeights.of(level) for name, level in self.levels.items()}

    def state_dict(self) -> dict[str, torch.Tensor]:
        """All levels."""
        return {f"{name}.{k}": v for name, level in self.levels.items() for k, v in level.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for name, level in self.levels.items():
            level.load_state_dict(below(f"{name}.", state))

    def _update_valuing(
        self,
        worker: LevelLearner,
        store: EpisodeStore,
        rng: np.random.Generator,
        updates: int,
        shown: EpisodeStore | None,
    ) -> list[Update]:
        """TD3 with cloning (TD3+BC, arXiv 2106.06860) of what led to its goal; next to nothing but cloning at first."""
        config = self.config
        alpha = config.imitation_alpha if self.imitating else config.td3.bc_alpha
        worker.config = dataclasses.replace(config.td3, bc_alpha=alpha)
        parts = []
        for source, count in self._portions(store, shown, config.td3.batch_size):
            slots, steps = source.draw_steps(count * updates, rng)
            own = 0.0 if source is shown or self.imitating else config.own_subgoals
            parts.append(worker_transitions(source, slots, steps, config, self.near, own, rng))
        rows = side_by_side(parts, updates)
        batch = TransitionBatch(
            inputs=seen(rows.states, rows.pursued),
            actions=torch.from_numpy(rows.done),
            rewards=torch.from_numpy(rows.rewards),
            discounts=torch.from_numpy(to_float32(config.td3.discount * ~rows.terminated)),
            next_inputs=seen(rows.next_states, rows.next_pursued),
            meant=torch.from_numpy(rows.meant),
        )
        return [Update("worker", metrics, batch._asdict()) for metrics in worker.update_many(batch, updates)]

    def _portions(self, store: EpisodeStore, shown: EpisodeStore | None, size: int) -> list[tuple[EpisodeStore, int]]:
        """Sources of a batch, and how many rows of it come from each."""
        of_shown = 0 if shown is None else round(self.config.demos_share * size)
        portions = [(store, size - of_shown)] + ([] if shown is None else [(shown, of_shown)])
        return [(source, count) for source, count in portions if count]

    def _worker_rows(self, source: EpisodeStore, count: int, rng: np.random.Generator) -> Rows:
        slots, steps = source.draw_steps(count, rng)
        if self.space is None:
            return flat_rows(source, slots, steps, self.config, self._goals(rng))
        return worker_rows(source, slots, steps, self.config.horizon, rng)

    def _goals(self, rng: np.random.Generator) -> Goals:
        return Goals(self._task, self.config.pursued_goals, rng)

    def _learn(self, level: str, parts: list[Rows], updates: int) -> list[Update]:
        batch = _cloned(side_by_side(parts, updates))
        return [Update(level, metrics, batch._asdict()) for metrics in self.levels[level].update_many(batch, updates)]


def _worker_shape(task: TaskSpec, config: RelayConfig, space: GoalSpace | None) -> ActorConfig:
    """Observation, and a carried subgoal or the task goal with the way left to it, to actions."""
    low, high = _wider(task.action_low, task.action_high)
    noise = tuple(map(float, config.noise * (task.action_high - task.action_low) / 2))
    hidden = config.td3.hidden if config.finetuning == OFFPOLICY else config.worker.hidden
    if space is None:
        return dataclasses.replace(_goal_shape(task, config, hidden, low, high), exploration_noise=noise)
    centre, scale = _centre(config, space.size), (*_scale(task, config), *(2 / (space.high - space.low)).tolist())
    dim = len(task.observation) + space.size
    return ActorConfig(dim, hidden, low, high, exploration_noise=noise, input_scale=scale, input_centre=centre)


def _manager_shape(space: GoalSpace, config: RelayConfig) -> ActorConfig:
    """Observation, task goal and the way left to it to subgoals."""
    low, high = tuple(space.low.tolist()), tuple(space.high.tolist())
    return _goal_shape(space.task, config, config.manager.hidden, low, high)


def _goal_shape(
    task: TaskSpec, config: RelayConfig, hidden: tuple[int, ...], low: tuple[float, ...], high: tuple[float, ...]
) -> ActorConfig:
    seen = len(task.observation)
    ways = tuple((seen + k, index, config.way_scale) for k, index in enumerate(task.observed_goal.values()))
    centre, scale = _centre(config, len(task.goal)), (*_scale(task, config), *(1.0,) * len(task.goal))
    return ActorConfig(
        seen + len(task.goal), hidden, low, high, input_scale=scale, input_centre=centre, differences=ways
    )


def _scale(task: TaskSpec, config: RelayConfig) -> tuple[float, ...]:
    return config.input_scale or (1.0,) * len(task.observation)


def _centre(config: RelayConfig, others: int) -> tuple[float, ...]:
    """Of observation and what else comes in; empty: all 0."""
    return config.input_centre and (*config.input_centre, *(0.0,) * others)


def _wider(low: npt.NDArray, high: npt.NDArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    centre, half = (low + high) / 2, HEADROOM * (high - low) / 2
    return tuple((centre - half).tolist()), tuple((centre + half).tolist())


def _cloned(rows: Rows) -> TransitionBatch:
    """Rows as a batch of which inputs and actions alone count."""
    nothing, inputs = torch.zeros(len(rows.states)), seen(rows.states, rows.pursued)
    return TransitionBatch(inputs, torch.from_numpy(rows.done), nothing, nothing, inputs)
