"""Which learner a level has."""

import torch

from hrl_core.learners.device_names import CPU
from hrl_core.learners.td3 import TD3
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import LevelLearner
from hrl_core.networks.actor_config import ActorConfig


def make_level(config: TD3Config, actor_config: ActorConfig, generator: torch.Generator) -> LevelLearner:
    """TD3 for one level, initialised from ``generator``: the fast one or the plain one, from the same weights.

    The fast one does not centre inputs, and is of the CPU alone.

    Raises:
        HrlError: there is no such device here.
    """
    fast = config.fast and config.device == CPU and not actor_config.input_centre
    return (FastTD3 if fast else TD3)(config, actor_config, generator)
