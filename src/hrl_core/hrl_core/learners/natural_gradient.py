"""TRPO's step (arXiv 1502.05477, appendix C): the natural gradient, as long as the trust region allows."""

from collections.abc import Callable

import torch
from torch.distributions import kl_divergence
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from hrl_core.learners.distributions import distribution
from hrl_core.networks.actor import Actor

_ITERATIONS, _RESIDUAL = 10, 1e-10
"""Of conjugate gradients: most of them, and the squared residual that is small enough."""
_SHORTER, _TRIES = 0.5, 10
"""Of the line search: factor and number of steps that are tried."""


def natural_step(
    actor: Actor, inputs: torch.Tensor, gain: Callable[[], torch.Tensor], trust_region: float, damping: float
) -> dict[str, float]:
    """Move a policy: theta <- theta + sqrt(2 delta / x^T F x) x,  F x = g; shorter until it gains within the region.

    Args:
        actor: with a stochastic head.
        inputs: at which the mean KL divergence is taken, (rows, input_dim).
        gain: what is climbed, of the policy as it stands; g is its gradient.
        trust_region: delta, most mean KL divergence from the policy before [nat].
        damping: added to the diagonal of Fisher's matrix F.

    Returns:
        KL divergence of the step taken and the gain; both 0 where no step was good enough.
    """
    parameters = list(actor.parameters())
    with torch.no_grad():
        before = distribution(actor, inputs)
    start = gain()
    gradient = _flat(torch.autograd.grad(start, parameters))
    slope = _flat(torch.autograd.grad(_kl(actor, inputs, before), parameters, create_graph=True))

    def fisher(vector: torch.Tensor) -> torch.Tensor:
        """F v, as the gradient of (gradient of the KL divergence) . v."""
        return _flat(torch.autograd.grad(slope @ vector, parameters, retain_graph=True)) + damping * vector

    direction = conjugate_gradient(fisher, gradient)
    curvature = direction @ fisher(direction)
    if not curvature > 0:
        return {"kl": 0.0, "gain": 0.0}
    step, old = (2 * trust_region / curvature).sqrt() * direction, parameters_to_vector(parameters).detach()
    with torch.no_grad():
        for shorter in range(_TRIES):
            vector_to_parameters(old + _SHORTER**shorter * step, parameters)
            kl, gained = _kl(actor, inputs, before), gain() - start
            if kl <= trust_region and gained > 0:
                return {"kl": kl.item(), "gain": gained.item()}
        vector_to_parameters(old, parameters)
    return {"kl": 0.0, "gain": 0.0}


def conjugate_gradient(product: Callable[[torch.Tensor], torch.Tensor], b: torch.Tensor) -> torch.Tensor:
    """Solve A x = b for a positive definite A, of which only ``product``, v -> A v, is known; all (n,)."""
    x, residual = torch.zeros_like(b), b.clone()
    direction, squared = residual.clone(), residual @ residual
    for _ in range(_ITERATIONS):
        if squared < _RESIDUAL:
            break
        image = product(direction)
        length = squared / (direction @ image)
        x, residual = x + length * direction, residual - length * image
        before, squared = squared, residual @ residual
        direction = residual + squared / before * direction
    return x


def _kl(actor: Actor, inputs: torch.Tensor, before: torch.distributions.Distribution) -> torch.Tensor:
    return kl_divergence(before, distribution(actor, inputs)).mean()


def _flat(parts: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([part.reshape(-1) for part in parts])
