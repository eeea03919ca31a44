"""Advantages of what was done, from rewards and values (generalised advantage estimation, arXiv 1506.02438)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def gae(
    rewards: Floats,
    values: Floats,
    next_values: Floats,
    terminal: Flags,
    boundary: Flags,
    discount: float | Floats,
    gae_lambda: float,
) -> Floats:
    """Advantages (rows,) of rows in order of time, of several stretches one after the other.

    delta_t = r_t + gamma V(s_t+1) - V(s_t)
    A_t     = delta_t + gamma lambda A_t+1

    Further axes, which all have alike, are stretches side by side.

    Args:
        rewards: shape (rows,).
        values: V(s_t).
        next_values: V(s_t+1), of the real next state also where an episode was cut off.
        terminal: where nothing follows: V(s_t+1) counts as 0.
        boundary: last row of a stretch: no A_t+1.
        discount: gamma; one for each row where decisions stand for different times.
        gae_lambda: lambda; 1: returns to the end of the stretch, 0: one step.
    """
    deltas = rewards + discount * np.where(terminal, 0, next_values) - values
    weights = np.where(terminal | boundary, 0, discount * gae_lambda)
    advantages = np.empty_like(deltas)
    later = 0.0
    for t in reversed(range(len(deltas))):
        later = deltas[t] + weights[t] * later
        advantages[t] = later
    return advantages.astype(np.float32)
