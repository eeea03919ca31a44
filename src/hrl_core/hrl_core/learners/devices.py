"""Where updates are made."""

import torch

from hrl_core.errors import HrlError
from hrl_core.learners.device_names import CPU


def usable_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        HrlError: this machine, or this torch, has none of that name.
    """
    there = [CPU, *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if name not in there and not (name == "cuda" and len(there) > 1):
        raise HrlError(
            f"device '{name}': torch {torch.__version__} sees {', '.join(there)} here; choose one of these, or install"
            " a torch for your GPU (https://pytorch.org/get-started)"
        )
    return torch.device(name)
