"""HIRO the way open implementations write it: the reference of ``hrl bench train``.

One environment, one observation at a time through modules, lists of arrays as replay, candidate after candidate,
separate modules under autograd. Whole segments only: the period must divide the episode.
"""

import numpy as np
import torch

from hrl.benchmarks.list_replay import ListReplay, Row
from hrl.benchmarks.relabel import one_by_one
from hrl_core.algorithms.hiro.actor_shapes import manager_actor_config, worker_actor_config
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.relabelling import candidate_subgoals
from hrl_core.envs.making import make_env
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.learners.td3 import TD3
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.randomness import episode_seed
from hrl_core.replay.episode_store import Windows


class PlainHiro:
    """The paper's algorithm at update ratio 1; learns from what it lives through."""

    def __init__(self, space: GoalSpace, config: HiroConfig, seed: int, rng: np.random.Generator) -> None:
        """Make environment, networks (as ``HiroAgent`` draws them from ``seed``) and lists."""
        spec, self._period = space.task, space.level.horizon
        self._space, self._spec, self._config, self._rng, self._seed = space, spec, config, rng, seed
        self._generator = torch.Generator().manual_seed(seed)
        self.manager = TD3(config.manager, manager_actor_config(space, config), self._generator)
        self.worker = TD3(config.worker, worker_actor_config(space, config), self._generator)
        self.worker_replay, self.manager_replay = ListReplay(rng), ListReplay(rng)
        self._env = make_env(spec)
        self._env_steps, self._episode = 0, 0
        self._begin()

    def step(self, learn: bool = True) -> None:
        """One environment step and its updates."""
        spec, state = self._spec, self._state
        if self._episode_step % self._period == 0:
            self._subgoal = self._decide()
            self._segment = _Segment(state, self._subgoal)
        subgoal = self._subgoal
        action = self._noisy(self.worker, np.concatenate((state, subgoal)), spec.action_low, spec.action_high)
        data, reward, terminated, truncated, _ = self._env.step(action)
        self._state = data["observation"]
        indices = self._space.indices
        self._subgoal = state[indices] + subgoal - self._state[indices]
        self._remember(state, subgoal, action, float(reward), float(terminated))
        self._env_steps += 1
        self._episode_step += 1
        if learn:
            self._update_worker()
            if self._env_steps % self._period == 0:
                self._update_manager()
        if terminated or truncated:
            self._episode += 1
            self._begin()

    def _begin(self) -> None:
        data, _ = self._env.reset(seed=episode_seed(self._seed, self._episode))
        self._state, self._goal, self._episode_step = data["observation"], data["desired_goal"], 0

    def _decide(self) -> np.ndarray:
        space = self._space
        return self._noisy(self.manager, np.concatenate((self._state, self._goal)), space.low, space.high)

    def _noisy(self, level: TD3, inputs: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """The action of a level with exploration noise in raw units."""
        action = level.actor(torch.FloatTensor(inputs.reshape(1, -1))).detach().numpy().flatten()
        noise = level.config.exploration_noise * self._rng.standard_normal(action.shape)
        return np.clip(action + noise, low, high)

    def _remember(self, state: np.ndarray, subgoal: np.ndarray, action: np.ndarray, reward: float, end: float) -> None:
        intrinsic = -np.linalg.norm(self._subgoal)
        row = (np.concatenate((state, subgoal)), np.concatenate((self._state, self._subgoal)), action)
        self.worker_replay.rows.append((*row, np.array(intrinsic), np.array(end)))
        self._segment.add(state, action, reward)
        if len(self._segment.states) == self._period:
            scale = self._config.manager_reward_scale
            self.manager_replay.rows.append(self._segment.row(self._state, self._goal, scale, end))

    def _update_worker(self) -> None:
        config = self._config.worker
        inputs, next_inputs, actions, rewards, ends = self.worker_replay.sample(config.batch_size)
        discounts = config.discount * (1 - torch.FloatTensor(ends))
        inputs, next_inputs, actions, rewards = map(torch.FloatTensor, (inputs, next_inputs, actions, rewards))
        self.worker.update(TransitionBatch(inputs, actions, rewards, discounts, next_inputs))

    def _update_manager(self) -> None:
        config, space = self._config.manager, self._space
        states, actions, last, subgoals, goals, rewards, ends = self.manager_replay.sample(config.batch_size)
        chosen = torch.FloatTensor(subgoals)
        if self._config.candidates:
            windows = Windows(
                states.astype(np.float32),
                actions.astype(np.float32),
                np.full(len(states), states.shape[1]),
                last[:, space.indices].astype(np.float32),
                states[:, :, space.indices].astype(np.float32),
            )
            proposals = candidate_subgoals(space, windows, chosen, self._config.candidates, self._generator)
            best = one_by_one(space, windows, proposals, self.worker.actor).argmin(1)
            chosen = proposals[torch.arange(len(proposals)), best]
        self.manager.update(
            TransitionBatch(
                torch.FloatTensor(np.concatenate((states[:, 0], goals), 1)),
                chosen,
                torch.FloatTensor(rewards),
                config.discount * (1 - torch.FloatTensor(ends)),
                torch.FloatTensor(np.concatenate((last, goals), 1)),
            )
        )


class _Segment:
    """What happens under one subgoal."""

    def __init__(self, state: np.ndarray, subgoal: np.ndarray) -> None:
        self.states: list[np.ndarray] = []
        self._actions: list[np.ndarray] = []
        self._subgoal, self._reward = subgoal, 0.0

    def add(self, state: np.ndarray, action: np.ndarray, reward: float) -> None:
        """Add a step."""
        self.states.append(state)
        self._actions.append(action)
        self._reward += reward

    def row(self, last: np.ndarray, goal: np.ndarray, scale: float, end: float) -> Row:
        """States, actions, last state, subgoal, task goal, scaled reward, end."""
        stacked = np.array(self.states), np.array(self._actions)
        return (*stacked, last, self._subgoal, goal, np.array(scale * self._reward), np.array(end))
