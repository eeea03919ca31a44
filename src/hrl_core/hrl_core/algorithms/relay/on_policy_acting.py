"""Acts under a manager's subgoals by drawing from the worker's policy, for learning on-policy.

A subgoal stands for H steps; a step is paid 0 where it ends near the target, else -1. A stretch ends with its subgoal;
what would follow under the same target is valued and not cut off.
"""

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.relay.acting import Acting
from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.algorithms.relay.on_policy_worker import OnPolicyWorker
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.networks.actor_config import Float32
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.replay.rollouts import RolloutBuffer
from hrl_core.task.spec import TaskSpec


class OnPolicyActing(Acting):
    """Acts by drawing from the worker's policy, and keeps what it lived through until there is enough."""

    def __init__(
        self, task: TaskSpec, agent: RelayAgent, worker: OnPolicyWorker, envs: Environments, store: EpisodeStore
    ) -> None:
        """Begin every environment's first episode; ``worker`` is the agent's."""
        super().__init__(task, agent, envs, store)
        self._worker, self._head = worker, worker.head()
        steps = -(-agent.config.rollout_steps // envs.num_envs)
        self.rollout = RolloutBuffer(envs.num_envs, steps, worker.actor_config.input_dim, len(task.action))
        self._inputs = np.zeros((envs.num_envs, worker.actor_config.input_dim), np.float32)

    def renew(self) -> None:
        """Draw from the policy as it is now."""
        self._head = self._worker.head()

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """As ``Acting``; what was lived goes on nowhere where environments begin new episodes."""
        super().load_state_dict(state)
        self.renew()
        if not self._envs.exact_resume:
            self.rollout.cut()

    def act(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Actions (num_envs, action_dim) of all environments, drawn, not clipped: environments do that."""
        states = to_float32(self._envs.states)
        self._decide_where_due()
        self._inputs = self._seen(states)
        for env, output in enumerate(self._worker.outputs(self._inputs)):
            self._actions[env], _ = self._head.draw(output, rng)
        return self._actions

    def observe(self, step: Step) -> None:
        """Store what the actions led to, and what that was worth under the subgoal in force."""
        states = to_float32(step.states)
        left = self._targets - self._store.positions(states)
        rewards = (np.abs(left) <= self._agent.near).all(1).astype(np.float32) - 1
        last = self._envs.episode_steps % self._period == 0
        self.rollout.add(self._inputs, self._actions, rewards, self._seen(states), step.terminated, step.ended | last)
        self._actions = np.clip(self._actions, self._task.action_low, self._task.action_high)
        super().observe(step)

    def _seen(self, states: Float32) -> Float32:
        return np.concatenate((states, self._targets - self._store.positions(states)), axis=1)
