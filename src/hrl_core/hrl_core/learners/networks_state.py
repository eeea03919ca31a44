"""Networks and optimisers as named tensors, for a resume to the bit."""

from collections.abc import Mapping

import torch
from torch import nn

from hrl_core.networks.actor_config import Float32
from hrl_core.prefixed import below


def arrays_of(parameters: Mapping[str, torch.Tensor]) -> dict[str, Float32]:
    """Parameters, as ``state_dict`` gives them, as arrays of their own: updates do not change them."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in parameters.items()}


def networks_state(
    networks: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]
) -> dict[str, torch.Tensor]:
    """``<network>.<parameter>`` and ``<optimiser>.<number of the parameter>.<moment>`` -> tensor, on the CPU.

    What is there already is not copied.
    """
    state = {
        f"{name}.{k}": tensor.cpu() for name, module in networks.items() for k, tensor in module.state_dict().items()
    }
    for name, optimiser in optimisers.items():
        for i, moments in optimiser.state_dict()["state"].items():
            state |= {f"{name}.{i}.{moment}": tensor.cpu() for moment, tensor in moments.items()}
    return state


def load_networks(
    state: Mapping[str, torch.Tensor],
    networks: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> None:
    """Go on exactly where ``networks_state`` was taken."""
    for name, module in networks.items():
        module.load_state_dict(below(f"{name}.", state))
    for name, optimiser in optimisers.items():
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for key, tensor in below(f"{name}.", state).items():
            number, _, moment = key.partition(".")
            moments.setdefault(int(number), {})[moment] = tensor.clone()
        optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
