"""An actor network for one observation at a time: what nodes act with, without torch, which takes long to load."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hrl_core.errors import CheckpointError
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.symmetry import sector, turn_tables

Layer = tuple[Float32, Float32]
"""Weight, shape (outputs, inputs), and bias."""


class _Pass(NamedTuple):
    """Weights of one heading, everything linear folded in."""

    layers: list[Layer]
    centre: Float32
    half_range: Float32


class FastActor:
    """The same actor for one observation at a time, in NumPy.

    With warm caches it takes 12 us (modules: 41, bare tensor functions: 18); between two messages, when the caches are
    cold, 43 us against 99 for tensor functions. Its bits depend on the number of threads: see ``hrl_core.threads``.
    """

    def __init__(self, config: ActorConfig, weights: Mapping[str, Float32]) -> None:
        """Check the weights against the configuration.

        Raises:
            CheckpointError: it remembers; an array is missing, has another shape or is not finite.
        """
        if config.memory is not None:
            raise CheckpointError("actor: it remembers, so that what it sees alone does not say what it does")
        require_weights(config, weights)
        self._heading = None if config.turn is None else config.turn.heading
        self._linear, self._tanh = config.head != "tanh", config.activation == "tanh"
        self._passes = _folded(config, weights)

    def __call__(self, inputs: Float32) -> Float32:
        """Map (input_dim,) to what the head takes, (last_dim,): under tanh in raw units already."""
        heading = self._heading
        chosen = self._passes[0 if heading is None else sector(inputs[heading[0]], inputs[heading[1]])]
        hidden = inputs
        for weight, bias in chosen.layers[:-1]:
            hidden = weight.dot(hidden)
            hidden += bias
            np.tanh(hidden, out=hidden) if self._tanh else np.maximum(hidden, 0.0, out=hidden)
        weight, bias = chosen.layers[-1]
        last = weight.dot(hidden) + bias
        return last if self._linear else chosen.centre + chosen.half_range * np.tanh(last)


def require_weights(config: ActorConfig, weights: Mapping[str, Float32]) -> None:
    """Raise ``CheckpointError`` where an array of a network is missing, has another shape or is not finite."""
    for name, shape in config.parameter_shapes().items():
        array = weights.get(name)
        if array is None or array.shape != shape:
            got = "nothing" if array is None else array.shape
            raise CheckpointError(f"tensor '{name}': expected shape {shape}, got {got}")
        if not np.isfinite(array).all():
            raise CheckpointError(f"tensor '{name}' holds non-finite numbers")


def _folded(config: ActorConfig, weights: Mapping[str, Float32]) -> list[_Pass]:
    """Fold features and turns into the first and last layer, one set of weights per sector."""
    layers = [(weights[f"layers.{i}.weight"], weights[f"layers.{i}.bias"]) for i in range(len(config.hidden) + 1)]
    centre, half_range = config.output_range()
    weight, bias = layers[0]
    if config.input_centre:
        bias = np.asarray(bias + weight @ config.feature_offset(), np.float32)
    layers[0] = (weight @ config.feature_matrix(), bias)
    if config.turn is None:
        return [_Pass(_owned(layers), centre, half_range)]
    passes = []
    inputs, outputs = turn_tables(config.turn.inputs), turn_tables(config.turn.outputs)
    for k in range(4):
        source, sign = (table[-k % 4] for table in inputs)
        first = np.zeros_like(layers[0][0])
        first[:, source] = layers[0][0] * sign
        source, sign = (table[k] for table in outputs)
        last = (sign[:, None] * layers[-1][0][source], sign * layers[-1][1][source])
        turned = [(first, layers[0][1]), *layers[1:-1], last]
        passes.append(_Pass(_owned(turned), sign * centre[source], half_range[source]))
    return passes


def _owned(layers: Sequence[Layer]) -> list[Layer]:
    return [(np.array(weight, np.float32, order="C"), np.array(bias, np.float32)) for weight, bias in layers]
