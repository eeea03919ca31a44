"""Flat TD3 from recordings."""

from collections.abc import Iterator, Mapping, Sequence

import torch

from hrl_core.algorithms.flat.agent import FlatAgent
from hrl_core.algorithms.protocols import BatchPolicy, LevelWeights, Stateful, Update
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.groups import GROUP, group_draws
from hrl_core.training.recordings.store import Piece, RecordedStore, Refusal


class RecordedFlatLearner:
    """A worker alone that learns from recorded episodes, whoever acted in them, to earn the task's reward."""

    relabelled = 0
    """It has no subgoals."""
    warm_start_steps = 0

    def __init__(self, spec: TaskSpec, config: BagTrainConfig, seed: int) -> None:
        """Initialise network and store from ``seed``.

        Raises:
            HrlError: switches contradict each other.
        """
        agent = agent_config(config)
        self._seed, self._generator = seed, torch.Generator().manual_seed(seed)
        self.agent = FlatAgent(spec, agent, self._generator)
        self.store = RecordedStore(spec, agent.replay)

    @property
    def updates(self) -> int:
        """Worker updates so far."""
        return self.agent.worker.updates

    def take(self, pieces: Sequence[Piece], version: int) -> list[Refusal]:
        """Fill the store."""
        return self.store.take(pieces)

    def update(self, env_steps: int) -> Iterator[Update]:
        """A group of updates."""
        rng = group_draws(self._seed, self.updates // GROUP, self._generator)
        yield from self.agent.update_worker(self.store, rng, GROUP)

    def levels(self) -> Mapping[str, LevelWeights]:
        """The worker."""
        return self.agent.level_weights()

    def policies(self) -> tuple[None, BatchPolicy]:
        """No manager; the worker without noise, averaged where an average is kept."""
        return self.agent.policies()

    def parts(self) -> Mapping[str, Stateful]:
        """The network; the store is filled from the recordings again."""
        return {"agent": self.agent}


learner = RecordedFlatLearner
"""As ``protocols.RecordedTraining`` asks for it."""
