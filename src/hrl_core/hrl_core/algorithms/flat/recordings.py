"""Flat TD3 from recordings, whoever acted in them."""

import torch

from hrl_core.algorithms.flat.agent import FlatAgent
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig, agent_config
from hrl_core.training.recordings.learner import RecordedLearner


def learner(spec: TaskSpec, config: BagTrainConfig, seed: int) -> RecordedLearner[FlatAgent]:
    """A learner at the beginning of a run.

    Raises:
        HrlError: switches contradict each other.
    """
    agent, generator = agent_config(config), torch.Generator().manual_seed(seed)
    return RecordedLearner(
        spec, None, FlatAgent(spec, agent, generator), agent.replay, seed, generator, agent.worker_updates
    )
