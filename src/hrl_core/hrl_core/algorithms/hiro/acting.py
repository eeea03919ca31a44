"""Acts in the training environments: subgoals every c steps, exploration, everything into the store."""

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.waypoints import Waypoints
from hrl_core.algorithms.protocols import Metrics
from hrl_core.environments import Environments, Step
from hrl_core.hierarchy.spec import GoalSpace
from hrl_core.hierarchy.subgoals import targets_of, to_float32
from hrl_core.replay.episode_store import EpisodeStore

Array = npt.NDArray[np.float64]


class Acting:
    """Chooses subgoals and actions with exploration, and fills the store with what comes of them."""

    def __init__(
        self,
        space: GoalSpace,
        config: HiroConfig,
        envs: Environments,
        store: EpisodeStore,
        rng: np.random.Generator,
    ) -> None:
        """Begin every environment's first episode."""
        self._space, self._config, self._envs, self._store, self._rng = space, config, envs, store, rng
        spec, self._low, self._high = space.task, space.low, space.high
        self._relative = space.level.kind == "relative"
        count, size = envs.num_envs, space.size
        self._targets = np.zeros((count, size), np.float32)
        self._carried = np.zeros((count, size), np.float32)
        self._actions = np.zeros((count, len(spec.action)))
        self._held = np.zeros((count, size))
        self._hold = np.zeros(count, np.int64)
        self._states, self._goals = envs.states, envs.goals
        if config.relabels_goals:
            # Asked now, not after minutes of training.
            envs.compute_reward(envs.achieved, envs.goals)
        # Looking for the box may take a while: not where nothing is drawn from it.
        nowhere = np.zeros(self._goals.shape[1])
        box = envs.goal_box if config.waypoint_probability else (nowhere, nowhere)
        self._waypoints = Waypoints(config, box, count)
        for i in range(count):
            self._begin(i)

    def act(self, agent: HiroAgent, warm_start: bool) -> Array:
        """Actions (num_envs, action_dim) of all environments; ``warm_start``: random subgoals are held throughout."""
        deciding = np.flatnonzero(self._envs.episode_steps % self._space.level.horizon == 0)
        if deciding.size:
            self._decide(agent, deciding, warm_start)
        states = to_float32(self._states)
        self._carried = self._targets - self._store.positions(states)
        actions = agent.act(states, self._carried).astype(np.float64)
        noise = self._rng.standard_normal(actions.shape)
        sigma = np.asarray(agent.worker.actor_config.exploration_noise)
        self._actions = np.clip(actions + sigma * noise, self._space.task.action_low, self._space.task.action_high)
        return self._actions

    def observe(self, step: Step) -> Metrics:
        """Store what the actions led to; progress towards the subgoals, mean over environments.

        Returns:
            ``towards``: progress along the subgoal [units of the goal space per step]; ``closer``: share of
            environments that got closer to the target.
        """
        self._store.append(self._actions, step.rewards, step.states, step.terminated, step.truncated)
        left = np.linalg.norm(self._targets - self._store.positions(step.states), axis=1)
        gained = np.linalg.norm(self._carried, axis=1) - left
        self._states = self._envs.states
        for i in np.flatnonzero(step.ended):
            self._goals = self._envs.goals
            self._begin(int(i))
        return {"towards": float(gained.mean()), "closer": float((gained > 0).mean())}

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

    def _decide(self, agent: HiroAgent, envs: npt.NDArray[np.int64], warm_start: bool) -> None:
        """Choose the next subgoals of ``envs``."""
        states = self._states[envs]
        goals = self._waypoints.pursued(envs, self._envs.achieved[envs])
        values = agent.select(to_float32(states), to_float32(goals)).astype(np.float64)
        sigma = np.asarray(agent.manager.actor_config.exploration_noise)
        values += sigma * self._rng.standard_normal(values.shape)
        held = self._hold_some(envs, warm_start)
        values = np.where(held[:, None], self._held[envs], values)
        values = np.clip(values, self._low, self._high)
        self._targets[envs] = targets_of(self._store.positions(states), values, self._relative)
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
