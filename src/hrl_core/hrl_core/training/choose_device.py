"""Where the updates of a run are made, chosen when it begins; its configuration holds the choice."""

import dataclasses
from typing import Any

from hrl_core.errors import HrlError
from hrl_core.learners.device_names import CPU
from hrl_core.learners.devices import usable_device
from hrl_core.training.config import TrainConfig


def with_device(config: TrainConfig[Any], device: str) -> TrainConfig[Any]:
    """The configuration with the device of every level that can learn on one filled in.

    Args:
        config: of the run.
        device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        HrlError: there is no such device here, or nothing of this algorithm can learn on it.
    """
    usable_device(device)
    agent = config.agent
    used = [field.name for field in dataclasses.fields(agent) if field.name not in getattr(agent, "idle", ())]
    levels = [name for name in used if hasattr(getattr(agent, name), "device")]
    if not levels and device != CPU:
        raise HrlError(
            f"--device {device}: td3, sac, ppo, a2c and trpo learn there, of which '{config.algorithm}' has none as it"
            " is set up"
        )
    return config.changed({name: {"device": device} for name in levels})
