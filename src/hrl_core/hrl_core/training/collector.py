"""Acts in the training environments: subgoals every c steps, exploration, everything into the store."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.flat.learner import FlatAgent
from hrl_core.algorithms.hiro.learner import HierarchicalAgent
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec
from hrl_core.training.config import TrainConfig
from hrl_core.training.waypoints import Waypoints

Array = npt.NDArray[np.float64]
Agent = HierarchicalAgent | FlatAgent


class Step(Protocol):
    """What one step of a vector environment tells (``hrl_core.envs.vector.VectorStep``)."""

    @property
    def states(self) -> Array:
        """States after the step, before any reset."""
        ...

    @property
    def achieved(self) -> Array:
        """Achieved goals there."""
        ...

    @property
    def successes(self) -> npt.NDArray[np.bool_]:
        """Where the task's success rule holds."""
        ...

    @property
    def rewards(self) -> Array:
        """Task rewards."""
        ...

    @property
    def terminated(self) -> npt.NDArray[np.bool_]:
        """Where the task ended."""
        ...

    @property
    def truncated(self) -> npt.NDArray[np.bool_]:
        """Where the time limit cut the episode."""
        ...

    @property
    def ended(self) -> npt.NDArray[np.bool_]:
        """Either."""
        ...


class Environments(Protocol):
    """What the trainer asks of a vector environment (``hrl_core.envs.vector.VectorEnv``)."""

    num_envs: int
    states: Array
    achieved: Array

    @property
    def exact_resume(self) -> bool:
        """Whether ``load_state_dict`` goes on within the episodes; otherwise it begins new ones."""
        ...

    @property
    def missing(self) -> list[str]:
        """What training does without here, each in one line."""
        ...

    @property
    def goals(self) -> Array:
        """Task goals (num_envs, goal_dim)."""
        ...

    @property
    def goals_given(self) -> bool:
        """Whether they were given; otherwise the environments chose them."""
        ...

    @property
    def goal_box(self) -> tuple[Array, Array]:
        """Corners of the box of training goals."""
        ...

    @property
    def episode_steps(self) -> npt.NDArray[np.int64]:
        """Steps since the last reset."""
        ...

    def compute_reward(self, achieved_goal: npt.NDArray, desired_goal: npt.NDArray) -> npt.NDArray:
        """Task reward of achieved goals."""
        ...

    def step(self, actions: Array) -> Step:
        """Step all; reset what ended."""
        ...

    def restart(self) -> None:
        """Begin again with the first episodes."""
        ...

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Everything that later steps depend on."""
        ...

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly there."""
        ...


class Progress(NamedTuple):
    """What the worker made of its subgoals in one step, mean over environments."""

    towards: float
    """Progress along the subgoal [units of the goal space per step]."""
    closer: float
    """Share of environments that got closer to the target."""


class Collector:
    """Steps the training environments and fills the store."""

    def __init__(
        self,
        spec: TaskSpec,
        config: TrainConfig,
        envs: Environments,
        store: EpisodeStore,
        rng: np.random.Generator,
    ) -> None:
        """Begin every environment's first episode."""
        self._spec, self._config, self._envs, self._store, self._rng = spec, config, envs, store, rng
        self._low, self._high = spec.subgoal_low, spec.subgoal_high
        self._relative = spec.subgoal.kind == "relative"
        count, size = envs.num_envs, len(spec.subgoal.elements)
        self._targets = np.zeros((count, size), np.float32)
        self._held = np.zeros((count, size))
        self._hold = np.zeros(count, np.int64)
        self._states, self._goals = envs.states, envs.goals
        if config.agent.relabels_goals:
            # Asked now, not after minutes of training.
            envs.compute_reward(envs.achieved, envs.goals)
        # Looking for the box may take a while: not where nothing is drawn from it.
        nowhere = np.zeros(self._goals.shape[1])
        box = envs.goal_box if config.waypoint_probability else (nowhere, nowhere)
        self._waypoints = Waypoints(config, box, count)
        for i in range(count):
            self._begin(i)

    def step(self, agent: Agent, env_steps: int) -> Progress:
        """Take one step in every environment; ``env_steps`` is the count before it."""
        deciding = np.flatnonzero(self._envs.episode_steps % self._spec.subgoal.period == 0)
        if deciding.size and isinstance(agent, HierarchicalAgent):
            self._decide(agent, deciding, env_steps < self._config.warm_start_steps)
        positions = self._spec.subgoal_indices
        states = to_float32(self._states)
        carried = self._targets - states[:, positions]
        pursued = to_float32(self._goals) if isinstance(agent, FlatAgent) else carried
        actions = agent.act(states, pursued).astype(np.float64)
        noise = self._rng.standard_normal(actions.shape)
        sigma = np.asarray(agent.worker.actor_config.exploration_noise)
        actions = np.clip(actions + sigma * noise, self._spec.action_low, self._spec.action_high)
        step = self._envs.step(actions)
        self._store.append(actions, step.rewards, step.states, step.terminated, step.truncated)
        gained = np.linalg.norm(carried, axis=1) - np.linalg.norm(self._targets - step.states[:, positions], axis=1)
        self._states = self._envs.states
        for i in np.flatnonzero(step.ended):
            self._goals = self._envs.goals
            self._begin(int(i))
        return Progress(float(gained.mean()), float((gained > 0).mean()))

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Subgoals in force and held exploration."""
        own = {"targets": self._targets, "held": self._held, "hold": self._hold}
        return own | self._waypoints.state_dict()

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken; environments and store have been restored before.

        Where the environments begin new episodes instead, the store keeps what there is of the old ones.
        """
        self._targets, self._held, self._hold = (state[name].copy() for name in ("targets", "held", "hold"))
        self._waypoints.load_state_dict(state)
        self._states, self._goals = self._envs.states, self._envs.goals
        if not self._envs.exact_resume:
            for i in range(self._envs.num_envs):
                self._begin(i)

    def _begin(self, env: int) -> None:
        """Start the episode that environment ``env`` has been reset to."""
        self._hold[env] = 0
        self._store.begin(env, self._states[env], self._goals[env])
        self._waypoints.plan(env, self._goals[env], self._rng)

    def _decide(self, agent: HierarchicalAgent, envs: npt.NDArray[np.int64], warm_start: bool) -> None:
        """Choose the next subgoals of ``envs``."""
        states = self._states[envs]
        goals = self._waypoints.pursued(envs, self._envs.achieved[envs])
        values = agent.select(to_float32(states), to_float32(goals)).astype(np.float64)
        sigma = np.asarray(agent.manager.actor_config.exploration_noise)
        values += sigma * self._rng.standard_normal(values.shape)
        held = self._hold_some(envs, warm_start)
        values = np.where(held[:, None], self._held[envs], values)
        values = np.clip(values, self._low, self._high)
        anchors = states[:, self._spec.subgoal_indices] if self._relative else 0.0
        self._targets[envs] = to_float32(anchors + values)
        self._store.set_subgoals(envs, values, self._targets[envs])

    def _hold_some(self, envs: npt.NDArray[np.int64], warm_start: bool) -> npt.NDArray[np.bool_]:
        """Begin and count down random held subgoals; returns which of ``envs`` hold one now."""
        exploration = self._config.warm_start if warm_start else self._config.held_exploration
        for env in envs[self._hold[envs] == 0]:
            begun = exploration.begin(self._low, self._high, self._rng)
            if begun is not None:
                self._held[env], self._hold[env] = begun
        held = self._hold[envs] > 0
        self._hold[envs[held]] -= 1
        return held
