"""A flat off-policy learner in training environments: act, remember, update."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.flat.agent import FlatAgent, OffPolicyConfig
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, Work
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.replay.hindsight import Hindsight
from hrl_core.task.spec import TaskSpec


class FlatLearner:
    """A worker alone that pursues the task goal and earns the task's reward."""

    def __init__(self, spec: TaskSpec, config: OffPolicyConfig, envs: Environments, seed: int) -> None:
        """Initialise network and store from ``seed`` and begin every environment's first episode.

        Raises:
            TaskError: goals are to be relabelled, and those of the task cannot be.
        """
        self._spec, self._config, self._envs = spec, config, envs
        self._rng = np.random.default_rng(seed)
        hindsight = Hindsight(spec, config.hindsight_goals, envs.compute_reward) if config.her else None
        self.agent = FlatAgent(spec, config, torch.Generator().manual_seed(seed), hindsight)
        self.store = EpisodeStore(spec, None, config.replay, envs.num_envs)
        self._actions = np.zeros((envs.num_envs, len(spec.action)))
        self._env_steps, self._credit = 0, 0.0
        for env in range(envs.num_envs):
            self._begin(env)

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments, as the head of the actor explores; uniformly random ones as configured."""
        outputs = self.agent.outputs(to_float32(self._envs.states), to_float32(self._envs.goals))
        chance = self._config.random_chance(self._env_steps)
        for env, output in enumerate(outputs):
            if chance > 0 and self._rng.random() < chance:
                self._actions[env] = self._random_action()
            else:
                self._actions[env], _ = self.agent.head.draw(output, self._rng)
        return self._actions

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Store what the actions led to."""
        self._env_steps += self._envs.num_envs
        self.store.append(self._actions, step.rewards, step.states, step.terminated, step.truncated)
        for env in np.flatnonzero(step.ended):
            self._begin(int(env))
        return {}

    def update(self) -> Iterator[Update]:
        """Without overlap, all that is due."""
        if not self._config.overlap:
            yield from self._due()()

    def meanwhile(self) -> Sequence[Work]:
        """With overlap, all that is due."""
        return [self._due()] if self._config.overlap and self._env_steps else ()

    def _due(self) -> Work:
        """``worker_updates`` per environment step."""
        if self._env_steps < self._config.learning_starts:
            return list
        self._credit += self._envs.num_envs * self._config.worker_updates
        due, self._credit = divmod(self._credit, 1)
        return self.agent.prepare_worker(self.store, self._rng, int(due))

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker."""
        return self.agent.level_weights()

    def parts(self) -> Mapping[str, Stateful]:
        """Network, store; and how far it is."""
        return {"agent": self.agent, "store": self.store, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Counters and generator."""
        return {"env_steps": self._env_steps, "credit": self._credit, "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken; environments and store have been restored before.

        Where the environments begin new episodes instead, the store keeps what there is of the old ones.
        """
        self._env_steps, self._credit = state["env_steps"], state["credit"]
        self._rng.bit_generator.state = state["rng"]
        if not self._envs.exact_resume:
            for env in range(self._envs.num_envs):
                self._begin(env)

    def _random_action(self) -> npt.NDArray[np.float64]:
        if self._spec.choices:
            return self._rng.integers(len(self._spec.choices), size=1).astype(np.float64)
        return self._rng.uniform(self._spec.action_low, self._spec.action_high)

    def _begin(self, env: int) -> None:
        """Start the episode that environment ``env`` has been reset to."""
        self.store.begin(env, self._envs.states[env], self._envs.goals[env])
