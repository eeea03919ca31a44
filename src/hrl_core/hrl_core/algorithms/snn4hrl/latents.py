"""A latent variable in a policy (paper, section 5.1, figure 1), while it learns and as a checkpoint keeps it.

Of an observation o and a latent z, one of K as a one-hot vector, the network sees

    [o, z, o (x) z]     outer product: o has weights of its own under each z, beside those under all
    [o, z]              without

Since z is one-hot, that is a network for each z whose first layer is its own and whose other layers all have alike.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from hrl_core.networks.actor_config import ActorConfig

Float32 = npt.NDArray[np.float32]
_FIRST = "layers.0."


def integrated(features: Float32, latents: npt.NDArray[np.int64], count: int, outer_product: bool) -> Float32:
    """What the network sees of features (rows, n) under latents (rows,) of ``count``, (rows, n + K [+ n K])."""
    one_hot = np.eye(count, dtype=np.float32)[latents]
    parts = [features, one_hot]
    if outer_product:
        parts.append((features[:, :, None] * one_hot[:, None, :]).reshape(len(features), -1))
    return np.concatenate(parts, axis=1)


def learning_shape(skill: ActorConfig, count: int, outer_product: bool) -> ActorConfig:
    """The network that learns, of the shape that each skill will have."""
    n = skill.feature_dim
    inputs = n + count + (n * count if outer_product else 0)
    return dataclasses.replace(skill, input_dim=inputs, masked=(), input_scale=())


def by_skill(weights: dict[str, Float32], features: int, count: int, outer_product: bool) -> dict[str, Float32]:
    """The network that learns as one for each latent, stacked: (K, ...) of each parameter.

    W_z = W_o + W_oz[z],   b_z = b + W_z[:, z]
    """
    stacked = {name: np.stack([array] * count) for name, array in weights.items()}
    first = weights[_FIRST + "weight"]
    alone, latent = first[:, :features], first[:, features : features + count]
    stacked[_FIRST + "bias"] = weights[_FIRST + "bias"] + latent.T
    stacked[_FIRST + "weight"] = np.stack([alone] * count)
    if outer_product:
        joint = first[:, features + count :].reshape(len(first), features, count)
        stacked[_FIRST + "weight"] += joint.transpose(2, 0, 1)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in stacked.items()}
