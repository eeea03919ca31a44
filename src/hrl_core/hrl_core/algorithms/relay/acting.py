"""Acts in training environments under subgoals that stand for a number of steps, and remembers it."""

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.subgoals import targets_of, to_float32
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

Array = npt.NDArray[np.float64]


class Acting:
    """One environment beside the other; exploration is noise on actions."""

    def __init__(self, task: TaskSpec, agent: RelayAgent, envs: Environments, store: EpisodeStore) -> None:
        """Begin every environment's first episode."""
        self._task, self._agent, self._envs, self._store = task, agent, envs, store
        self._noise = np.asarray(agent.worker.actor_config.exploration_noise)
        size = 0 if agent.space is None else agent.space.size
        self._period = task.max_episode_steps if agent.space is None else agent.space.level.horizon
        self._targets = np.zeros((envs.num_envs, size), np.float32)
        self._actions = np.zeros((envs.num_envs, len(task.action)))
        for env in range(envs.num_envs):
            self._begin(env)

    def act(self, rng: np.random.Generator) -> Array:
        """Actions (num_envs, action_dim) of all environments."""
        states, space = to_float32(self._envs.states), self._agent.space
        if space is None:
            actions = self._agent.act(states, to_float32(self._envs.goals))
        else:
            self._decide_where_due()
            actions = self._agent.act(states, self._targets - self._store.positions(states))
        noisy = actions + self._noise * rng.standard_normal(actions.shape)
        self._actions = np.clip(noisy, self._task.action_low, self._task.action_high)
        return self._actions

    def observe(self, step: Step) -> None:
        """Store what the actions led to."""
        self._store.append(self._actions, step.rewards, step.states, step.terminated, step.truncated)
        for env in np.flatnonzero(step.ended):
            self._begin(int(env))

    def state_dict(self) -> dict[str, npt.NDArray]:
        """Subgoals in force."""
        return {"targets": self._targets}

    def load_state_dict(self, state: dict[str, npt.NDArray]) -> None:
        """Go on exactly where ``state_dict`` was taken; environments and store have been restored before.

        Where the environments begin new episodes instead, the store keeps what there is of the old ones.
        """
        self._targets = state["targets"].copy()
        if not self._envs.exact_resume:
            for env in range(self._envs.num_envs):
                self._begin(env)

    def _decide_where_due(self) -> None:
        """Choose the next subgoals of environments whose last one has stood for its time."""
        envs = np.flatnonzero(self._envs.episode_steps % self._period == 0)
        if not envs.size:
            return
        states = self._envs.states[envs]
        subgoals = self._agent.select(to_float32(states), to_float32(self._envs.goals[envs])).astype(np.float64)
        self._targets[envs] = targets_of(self._store.positions(states), subgoals, relative=True)
        self._store.set_subgoals(envs, subgoals, self._targets[envs])

    def _begin(self, env: int) -> None:
        self._store.begin(env, self._envs.states[env], self._envs.goals[env])
