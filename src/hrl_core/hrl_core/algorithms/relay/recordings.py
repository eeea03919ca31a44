"""Relay Policy Learning from recordings: both levels clone what was done in them, whoever did it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from hrl_core.algorithms.protocols import Stateful, Update, untrained_checkpoint
from hrl_core.algorithms.relay.agent import RelayAgent
from hrl_core.algorithms.relay.config import OFFPOLICY, RelayConfig, hierarchy
from hrl_core.algorithms.relay.demonstrations import as_intended
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.hierarchy.text import meaning_difference
from hrl_core.messages import Mode
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.learner import GROUP, RecordedLearner


class RecordedRelayLearner(RecordedLearner[RelayAgent]):
    """A manager and a worker that learn from one store of recorded episodes."""

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise networks from ``seed``.

        Raises:
            HrlError: switches contradict each other, or do not fit the task.
        """
        self._config: RelayConfig = agent_config(config)
        noise = torch.Generator().manual_seed(seed)
        agent = RelayAgent(spec, self._config, noise)
        level = None if agent.space is None else agent.space.level
        super().__init__(spec, level, agent, self._config.replay, seed, noise, self._config.worker_updates)
        self._manager_credit = 0.0
        if self._config.intended:
            # As ``demonstrated`` has them in process.
            self.store.seen_as = lambda episode: as_intended(episode) if episode.mode == Mode.DEMO else episode

    def foreign(self, hierarchy: HierarchySpec) -> str:
        """In what subgoals that values are learned of mean something else than these; who clones chooses its own."""
        if self._config.finetuning != OFFPOLICY or self.agent.space is None or not hierarchy.levels:
            return ""
        return meaning_difference(self.agent.space.level, hierarchy.levels[0])

    def parts(self) -> Mapping[str, Stateful]:
        """Networks, and how far it is; the recordings fill the store again."""
        return {**super().parts(), "learner": self}

    def state_dict(self) -> dict[str, Any]:
        """Manager updates that are paid for and not yet made."""
        return {"manager_credit": self._manager_credit}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self._manager_credit = state["manager_credit"]

    def _update_others(self, env_steps: int, rng: np.random.Generator) -> Iterator[Update]:
        del env_steps
        if self._config.finetuning == OFFPOLICY:
            # As in process: as many as the worker's while both imitate, then the manager stays as it is.
            if self.updates - GROUP < self._config.imitation_updates:
                yield from self.agent.update_manager(self.store, rng, GROUP)
            return
        self._manager_credit += GROUP * self._config.manager_updates / self._config.worker_updates
        due, self._manager_credit = divmod(self._manager_credit, 1)
        if due:
            yield from self.agent.update_manager(self.store, rng, int(due))


learner = RecordedRelayLearner
"""As ``hrl_core.algorithms.recordings_module`` says."""


def untrained(spec: TaskSpec, config: RelayConfig, seed: int) -> Checkpoint:
    """The policy that training begins with, for robots until there is one that has learned."""
    agent = RelayAgent(spec, config, torch.Generator().manual_seed(seed))
    return untrained_checkpoint("relay", spec, hierarchy(spec, config), agent.level_weights(), seed)
