"""Flat TD3 from recordings, whoever acted in them."""

import torch

from hrl_core.algorithms.flat.agent import FlatAgent
from hrl_core.algorithms.flat.config import FlatConfig
from hrl_core.algorithms.flat.learner import hierarchy
from hrl_core.checkpoints.checkpoint import Checkpoint, random_checkpoint
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


def untrained(spec: TaskSpec, config: FlatConfig, seed: int) -> Checkpoint:
    """A policy that explores until there is one that has learned."""
    return random_checkpoint(spec, seed, hierarchy=hierarchy(spec, config))
