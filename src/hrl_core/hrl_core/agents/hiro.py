"""HIRO (arXiv 1805.08296) as composition: a manager TD3 and a worker TD3 over one episode store."""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.agents.td3 import TD3, TD3Config, TransitionBatch
from hrl_core.errors import HrlError
from hrl_core.networks import ActorConfig
from hrl_core.relabelling import relabel_subgoals
from hrl_core.replay.episode_store import EpisodeStore, SegmentIndex, WorkerBatch
from hrl_core.symmetry import worker_quarter_turn
from hrl_core.task import TaskSpec

Float32 = npt.NDArray[np.float32]
WORKER_REWARDS = ("distance", "progress")
_SCALE_BY_UNIT = {"rad/s": 0.5}
_POSITION_SCALE = 0.1
"""Factor that brings positions in a maze [m] to the order of one."""


@dataclass(frozen=True)
class HiroConfig:
    """The switches of the algorithm; defaults are the paper's (row A of spec/hiro.md)."""

    worker: TD3Config = field(default_factory=TD3Config)
    manager: TD3Config = field(default_factory=TD3Config)
    candidates: int = 10
    """Subgoals scored per manager transition in off-policy correction (paper 3.3); 0: no correction (paper
    figure 4)."""
    manager_n_step: int = 1
    """Manager transitions summed before bootstrapping (3 in arXiv 1909.10618)."""
    manager_reward_scale: float = 0.1
    """Factor on the task reward summed over a segment (paper C.2)."""
    manager_reward_offset: float = 0.0
    """Added per whole segment to centre the reward (row B)."""
    relabel_goals_uniform: float = 0.0
    """Share of manager transitions whose task goal is redrawn from the training box (row B, after arXiv
    1707.01495)."""
    relabel_goals_future: float = 0.0
    """Share whose task goal becomes a goal achieved later in the episode (row B, after arXiv 1707.01495)."""
    worker_reward: str = "distance"
    """``distance``: minus the distance left (paper equation 3); ``progress``: metres gained /
    ``progress_unit``."""
    progress_unit: float = 0.2
    """Progress that earns a worker reward of 1 [units of the goal space]."""
    hide_position: bool = True
    """Whether x, y are zeroed for the worker's actor and critics (released code of HIRO)."""
    scale_inputs: bool = False
    """Whether inputs are brought to the order of one and the manager sees the way left to the goal (row
    B)."""
    four_fold_symmetry: bool = False
    """Whether the worker sees every situation turned until the subgoal points to +x (row B)."""
    next_goal_at_switch: bool = False
    """Whether the last transition of a segment leads to the next segment's subgoal (released code of
    HIRO)."""
    worker_replay: int = 200_000
    """Newest environment steps that the worker learns from (paper C.2); 0: all stored."""

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        shares = self.relabel_goals_uniform, self.relabel_goals_future
        if min(shares) < 0 or sum(shares) > 1:
            raise HrlError(f"relabel_goals_uniform + relabel_goals_future must lie in [0, 1], got {shares}")
        if self.worker_reward not in WORKER_REWARDS:
            raise HrlError(f"worker_reward: '{self.worker_reward}' is none of {', '.join(WORKER_REWARDS)}")
        if self.candidates < 0 or self.candidates == 1 or self.manager_n_step < 1:
            raise HrlError("candidates: 0 or at least 2; manager_n_step: at least 1")
        if self.candidates and self.manager_n_step > 1:
            raise HrlError(
                "off-policy correction holds for one-step returns: set candidates=0 or manager_n_step=1"
            )


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


class HierarchicalAgent:
    """Learns both levels from an episode store; acts in batches."""

    def __init__(
        self, spec: TaskSpec, config: HiroConfig, task: GoalTask, generator: torch.Generator
    ) -> None:
        """Initialise both levels from ``generator``."""
        self.spec, self.config, self._task = spec, config, task
        self._generator = generator
        self.manager = TD3(config.manager, manager_actor_config(spec, config), generator)
        self.worker = TD3(config.worker, worker_actor_config(spec, config), generator)
        self.last_batch: dict[str, TransitionBatch] = {}
        """Last batch of each level, for a post-mortem."""

    def select(self, states: Float32, task_goals: Float32) -> Float32:
        """Noise-free subgoals (batch, subgoal_dim)."""
        return self.manager.act(_joined(states, task_goals)).numpy()

    def act(self, states: Float32, subgoals: Float32) -> Float32:
        """Noise-free actions (batch, action_dim) under carried subgoals."""
        return self.worker.act(_joined(states, subgoals)).numpy()

    def update_worker(self, store: EpisodeStore, rng: np.random.Generator) -> dict[str, float]:
        """One gradient step of the worker."""
        config = self.config
        batch = store.sample_steps(
            config.worker.batch_size, rng, config.worker_replay, config.next_goal_at_switch
        )
        self.last_batch["worker"] = TransitionBatch(
            inputs=_joined(batch.states, batch.subgoals),
            actions=torch.from_numpy(batch.actions),
            rewards=torch.from_numpy(worker_rewards(config, batch)),
            discounts=torch.from_numpy(
                np.where(batch.terminated, 0, config.worker.discount).astype(np.float32)
            ),
            next_inputs=_joined(batch.next_states, batch.next_subgoals),
        )
        return self.worker.update(self.last_batch["worker"])

    def update_manager(self, store: EpisodeStore, rng: np.random.Generator) -> dict[str, float]:
        """One gradient step of the manager, its subgoals and task goals relabelled as configured."""
        config = self.config
        index = store.sample_segments(config.manager.batch_size, rng, config.manager_n_step)
        goals = self._task_goals(store, index, rng)
        returns = manager_returns(config, store, index, goals, self._task)
        states, next_states = store.states[index.slots, index.starts], store.states[index.slots, index.ends]
        subgoals = torch.from_numpy(store.subgoals[index.slots, index.starts // store.period])
        metrics = {}
        if config.candidates:
            choice = relabel_subgoals(
                self.spec, store.windows(index), subgoals, self.worker.act, config.candidates, self._generator
            )
            metrics["relabelled"] = float((choice.candidate > 0).float().mean())
            subgoals = choice.subgoals
        self.last_batch["manager"] = TransitionBatch(
            inputs=_joined(states, goals),
            actions=subgoals,
            rewards=torch.from_numpy(returns.rewards),
            discounts=torch.from_numpy(returns.discounts),
            next_inputs=_joined(next_states, goals),
        )
        return metrics | self.manager.update(self.last_batch["manager"])

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Both levels."""
        levels = {"manager": self.manager, "worker": self.worker}
        return {f"{level}.{k}": v for level, agent in levels.items() for k, v in agent.state_dict().items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        for level, agent in (("manager", self.manager), ("worker", self.worker)):
            prefix = f"{level}."
            agent.load_state_dict(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )

    def _task_goals(self, store: EpisodeStore, index: SegmentIndex, rng: np.random.Generator) -> Float32:
        config = self.config
        goals = store.task_goals[index.slots]
        if config.relabel_goals_uniform + config.relabel_goals_future == 0:
            return goals
        low, high = self._task.goal_box
        share = rng.random(len(goals))
        later = rng.integers(index.starts + 1, store.lengths[index.slots] + 1)
        uniform = rng.uniform(low, high, goals.shape).astype(np.float32)
        future = store.achieved_goals(index.slots, later)
        is_uniform = share < config.relabel_goals_uniform
        is_future = ~is_uniform & (share < config.relabel_goals_uniform + config.relabel_goals_future)
        return np.where(is_uniform[:, None], uniform, np.where(is_future[:, None], future, goals))


def worker_rewards(config: HiroConfig, batch: WorkerBatch) -> Float32:
    """Intrinsic rewards (batch,) from what is left of the subgoal, s + g - s' (paper equation 3)."""
    left = np.sqrt(np.sum(np.square(batch.remaining), axis=1))
    if config.worker_reward == "distance":
        return -left
    before = np.sqrt(np.sum(np.square(batch.subgoals), axis=1))
    return (before - left) / np.float32(config.progress_unit)


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
    if config.relabel_goals_uniform + config.relabel_goals_future == 0:
        rewards = store.rewards[index.slots[:, None], steps]
    else:
        rewards = task.compute_reward(store.achieved_goals(index.slots, steps + 1), goals[:, None])
    per_step = np.where(
        counts, config.manager_reward_scale * rewards + config.manager_reward_offset / period, 0
    )
    segments = per_step.reshape(len(goals), most, period).sum(axis=2)
    total = segments @ discount ** np.arange(most)
    discounts = np.where(index.terminated, 0.0, discount**index.segments)
    return ManagerReturns(total.astype(np.float32), discounts.astype(np.float32))


def manager_actor_config(spec: TaskSpec, config: HiroConfig) -> ActorConfig:
    """The manager's network: observation and task goal in, subgoal out."""
    observation = len(spec.observation)
    names = [element.name for element in spec.observation]
    scale: tuple[float, ...] = ()
    differences: tuple[tuple[int, int, float], ...] = ()
    if config.scale_inputs:
        scale = _scales(spec) + (_POSITION_SCALE,) * len(spec.goal)
        pairs = [(observation + k, names.index(e.name)) for k, e in enumerate(spec.goal) if e.name in names]
        differences = tuple((goal, position, _POSITION_SCALE) for goal, position in pairs)
    return ActorConfig(
        input_dim=observation + len(spec.goal),
        hidden=config.manager.hidden,
        low=tuple(map(float, spec.subgoal_low)),
        high=tuple(map(float, spec.subgoal_high)),
        exploration_noise=_noise(config.manager, spec.subgoal_low, spec.subgoal_high),
        input_scale=scale,
        differences=differences,
    )


def worker_actor_config(spec: TaskSpec, config: HiroConfig) -> ActorConfig:
    """The worker's network: observation and carried subgoal in, action out."""
    positions = tuple(i for i, e in enumerate(spec.observation) if e.name in ("x", "y"))
    subgoal_scale = tuple(float(2 / (high - low)) for low, high in spec.subgoal.elements.values())
    return ActorConfig(
        input_dim=len(spec.observation) + len(spec.subgoal.elements),
        hidden=config.worker.hidden,
        low=tuple(map(float, spec.action_low)),
        high=tuple(map(float, spec.action_high)),
        masked=positions if config.hide_position else (),
        exploration_noise=_noise(config.worker, spec.action_low, spec.action_high),
        input_scale=_scales(spec) + subgoal_scale if config.scale_inputs else (),
        turn=worker_quarter_turn(spec) if config.four_fold_symmetry else None,
    )


def _scales(spec: TaskSpec) -> tuple[float, ...]:
    return tuple(
        _POSITION_SCALE if e.name in ("x", "y") else _SCALE_BY_UNIT.get(e.unit, 1.0) for e in spec.observation
    )


def _noise(config: TD3Config, low: npt.NDArray, high: npt.NDArray) -> tuple[float, ...]:
    half_range = (high - low) / 2
    unit = half_range if config.noise_in_range else np.ones_like(half_range)
    return tuple(map(float, config.exploration_noise * unit))


def _joined(states: Float32, goals: Float32) -> torch.Tensor:
    return torch.from_numpy(np.concatenate((states, goals), axis=1))
