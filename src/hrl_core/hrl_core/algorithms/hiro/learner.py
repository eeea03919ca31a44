"""HIRO (arXiv 1805.08296) in training environments: act, remember, and update both levels at their own rates."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.actor_shapes import require_vector_actions
from hrl_core.algorithms.hiro.acting import Acting
from hrl_core.algorithms.hiro.agent import HiroAgent
from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.extras.adjacency import AdjacencyPenalty
from hrl_core.algorithms.hiro.relabelling import Policy
from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, Work, done_in_turn
from hrl_core.environments import Environments, Step
from hrl_core.errors import TaskError
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, LevelSpec, hierarchy_of
from hrl_core.learners.portions import portions
from hrl_core.randomness import Purpose, step_seed
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

_MANAGER = 0
"""Level of its subgoals."""


class HiroLearner:
    """A manager and a worker that learn from one store of episodes."""

    def __init__(self, spec: TaskSpec, config: HiroConfig, envs: Environments, seed: int) -> None:
        """Initialise networks, store and exploration from ``seed``.

        Raises:
            TaskError: the task lacks what a switch needs.
        """
        level = hierarchy(spec, config).levels[0]
        space = GoalSpace(spec, level)
        self._config, self._num_envs, self._period = config, envs.num_envs, level.horizon
        self._rng = np.random.default_rng(seed)
        generator, own = torch.Generator().manual_seed(seed), None
        if config.overlap:
            own = torch.Generator().manual_seed(step_seed(seed, Purpose.UPDATE, _MANAGER, 0, 0))
        self.agent = HiroAgent(space, config, envs, generator, manager_generator=own)
        embedding = None if self.agent.embedding is None else self.agent.embedding.positions
        self.store = EpisodeStore(spec, level, config.replay, envs.num_envs, embedding=embedding)
        self._acting = Acting(space, config, envs, self.store, self._rng)
        self._env_steps, self._worker_credit, self._manager_credit = 0, 0.0, 0.0

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments under subgoals, exploring."""
        return self._acting.act(self.agent, self._env_steps < self._config.warm_start_steps)

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Store what the actions led to; the worker's progress."""
        self._env_steps += self._num_envs
        return {"worker": self._acting.observe(step)}

    def update(self) -> Iterator[Update]:
        """Without overlap, all that is due: first the worker learns, then the manager."""
        if not self._config.overlap:
            yield from done_in_turn(self._worker_work())
            yield from done_in_turn(self._manager_work(self.agent.worker.act))

    def meanwhile(self) -> Sequence[Work]:
        """With overlap, all that is due; the manager corrects subgoals by the worker as it is before it learns."""
        if not self._config.overlap or not self._env_steps:
            return ()
        worker = self._worker_work()
        manager = self._manager_work(
            self.agent.worker.snapshot() if self._config.scores_candidates else self.agent.worker.act
        )
        return [partial(done_in_turn, work) for work in (worker, manager) if work]

    def _worker_work(self) -> list[Work]:
        """``worker_updates`` per environment step."""
        config = self._config
        over = 0 < config.worker_learning_ends <= self._env_steps
        if self._env_steps < config.learning_starts or over:
            return []
        self._worker_credit += self._num_envs * config.worker_updates
        due, self._worker_credit = divmod(self._worker_credit, 1)
        return [self.agent.prepare_worker(self.store, self._rng, updates) for updates in portions(int(due))]

    def _manager_work(self, worker: Policy) -> list[Work]:
        """``manager_updates`` per subgoal period of the environment steps; ``worker`` says what subgoals led to."""
        config, steps = self._config, self._env_steps
        if steps < max(config.learning_starts, config.manager_learning_starts):
            return []
        self._manager_credit += self._num_envs / self._period * config.manager_updates
        if not self.store.segments:
            return []
        due, self._manager_credit = divmod(self._manager_credit, 1)
        work = [self.agent.prepare_manager(self.store, self._rng, updates, worker) for updates in portions(int(due))]
        interval = config.adjacency_interval
        if self.agent.adjacency is not None and (steps - self._num_envs) // interval != steps // interval:
            work.append(partial(self._fit_adjacency, self.agent.adjacency))
        return work

    def _fit_adjacency(self, adjacency: AdjacencyPenalty) -> list[Update]:
        return [Update("manager", {"adjacency_loss": adjacency.fit(self.store, self._rng)}, {})]

    def levels(self) -> Mapping[str, LevelWeights]:
        """Manager and worker; the manager explores as in training."""
        return self.agent.level_weights()

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, store, exploration; and how far it is."""
        return {"agent": self.agent, "store": self.store, "acting": self._acting, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Counters and generator."""
        credits = [self._worker_credit, self._manager_credit]
        return {"env_steps": self._env_steps, "credits": credits, "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._env_steps, (self._worker_credit, self._manager_credit) = state["env_steps"], state["credits"]
        self._rng.bit_generator.state = state["rng"]


def hierarchy(spec: TaskSpec, config: HiroConfig) -> HierarchySpec:
    """A manager's goals above the worker; raises ``TaskError`` where the task offers no such goal space."""
    require_vector_actions(spec, "hiro")
    if not spec.goal_spaces:
        raise TaskError(
            f"task '{spec.name}' offers no goal_spaces: name in its file what a manager may choose "
            "(docs/your_environment.md)"
        )
    if config.embedding:
        return HierarchySpec((LevelSpec("latent", size=config.embedding, horizon=config.horizon),))
    return hierarchy_of(spec, config.goal_space, config.horizon, config.subgoal_range)


learner = HiroLearner
"""As ``protocols.Training`` asks for it."""
