"""Relay Policy Learning in training environments: imitate, then learn from what is lived as well.

Section 3.3 of arXiv 1910.11956, IRIL-RPL: whatever an episode was for, it shows the way to where it led, so that it
joins the demonstrations. Or the worker values ways to subgoals, off-policy or on-policy, and goes on cloning. Without
demonstrations there is nothing but what is lived (goal-conditioned supervised learning, arXiv 1912.06088).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update
from hrl_core.algorithms.relay.acting import Acting
from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.algorithms.relay.config import IRIL, OFFPOLICY, RelayConfig, hierarchy
from hrl_core.algorithms.relay.demonstrations import demonstrated
from hrl_core.algorithms.relay.on_policy_acting import OnPolicyActing
from hrl_core.environments import Environments, Step
from hrl_core.errors import HrlError
from hrl_core.replay.episode_store import EpisodeStore
from hrl_core.task.spec import TaskSpec

__all__ = ["hierarchy", "learner"]


class RelayLearner:
    """Levels that clone demonstrations and what they have done themselves."""

    def __init__(self, task: TaskSpec, config: RelayConfig, envs: Environments, seed: int) -> None:
        """Initialise networks from ``seed``, and read the demonstrations.

        Raises:
            HrlError: task and switches do not fit together, or demonstrations cannot be read.
        """
        if config.finetuning != IRIL and not config.demos:
            raise HrlError(
                f"--finetuning {config.finetuning} leaves the manager as imitation has made it: give --demos FOLDER, "
                f"or --finetuning {IRIL}, which learns from what is lived alone as well"
            )
        self._config, self._num_envs = config, envs.num_envs
        self._rng = np.random.default_rng(seed)
        self.agent = RelayAgent(task, config, torch.Generator().manual_seed(seed), shown=bool(config.demos))
        level = None if self.agent.space is None else self.agent.space.level
        self._shown = demonstrated(task, level, config.demos, config.intended, config.demos_episodes)
        self.store = EpisodeStore(task, level, config.replay, envs.num_envs)
        worker = self.agent.on_policy
        self._drawing = None if worker is None else OnPolicyActing(task, self.agent, worker, envs, self.store)
        self._acting = self._drawing or Acting(task, self.agent, envs, self.store)
        self._env_steps, self._worker_credit, self._manager_credit = 0, 0.0, 0.0

    def act(self) -> npt.NDArray[np.float64]:
        """Actions of all environments under subgoals, exploring."""
        return self._acting.act(self._rng)

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Store what the actions led to."""
        self._acting.observe(step)
        self._env_steps += self._num_envs
        return {}

    def update(self) -> Iterator[Update]:
        """Imitation first; then, of each level, as many updates per environment step as configured."""
        if self._shown is not None and self.agent.imitating:
            yield from self._imitate(self._shown)
            if self._drawing is not None:
                # What was lived before is of a policy that had learned nothing.
                self._drawing.rollout.take()
                self._drawing.renew()
        if self._drawing is not None:
            if self._drawing.rollout.full:
                yield self.agent.update_on_policy(self._drawing.rollout.take(), self._shown, self._rng)
                self._drawing.renew()
            return
        if self._env_steps < self._config.learning_starts:
            return
        self._worker_credit += self._num_envs * self._config.worker_updates
        self._manager_credit += self._num_envs * self._config.manager_updates
        due, self._worker_credit = divmod(self._worker_credit, 1)
        for _ in range(int(due)):
            yield from self.agent.update_worker(self.store, self._rng, shown=self._shown)
        if self._config.finetuning == OFFPOLICY:
            return
        due, self._manager_credit = divmod(self._manager_credit, 1)
        for _ in range(int(due)):
            yield from self.agent.update_manager(self.store, self._rng, shown=self._shown)

    def _imitate(self, shown: EpisodeStore) -> Iterator[Update]:
        for _ in range(self._config.imitation_updates):
            yield from self.agent.update_worker(shown, self._rng)
            yield from self.agent.update_manager(shown, self._rng)

    def levels(self) -> Mapping[str, LevelWeights]:
        """Worker and manager."""
        return self.agent.level_weights()

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, store, acting; and how far it is."""
        lived = {} if self._drawing is None else {"rollout": self._drawing.rollout}
        return {"agent": self.agent, "store": self.store, **lived, "acting": self._acting, "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Counters and generator."""
        credits = [self._worker_credit, self._manager_credit]
        return {"env_steps": self._env_steps, "credits": credits, "rng": self._rng.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._env_steps, (self._worker_credit, self._manager_credit) = state["env_steps"], state["credits"]
        self._rng.bit_generator.state = state["rng"]


learner = RelayLearner
"""As ``protocols.Training`` asks for it, beside ``hierarchy``."""
