"""A network that remembers, one observation at a time, without torch: what recurrent policies act with (FuN)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hrl_core.errors import CheckpointError, InvalidDataError
from hrl_core.networks.actor_config import DIRECTION, ActorConfig, Float32
from hrl_core.networks.fast_actor import require_weights


class Memory(NamedTuple):
    """What is remembered after a step; nothing is ever changed in place."""

    hidden: Float32
    """h, shape (dilation, units)."""
    cell: Float32
    """c, shape (dilation, units)."""
    directions: Float32
    """The last directions that were followed, the newest last, shape (pooled, directions); zeros before the first."""


class Output(NamedTuple):
    """What a network says."""

    said: Float32
    """Logits of choices, or a direction."""
    value: float
    """What the state is worth."""


class MemoryActor:
    """Hidden layers, an LSTM, and what is made of its output."""

    def __init__(self, config: ActorConfig, weights: Mapping[str, Float32]) -> None:
        """Check the weights against the configuration.

        Raises:
            CheckpointError: it has no memory; an array is missing, has another shape or is not finite.
        """
        if config.memory is None:
            raise CheckpointError("actor: has no memory")
        require_weights(config, weights)
        self.config, self._memory = config, config.memory
        owned = {name: np.array(array, np.float32, order="C") for name, array in weights.items()}
        seen = config.input_dim - config.memory.directions
        features = config.feature_matrix()[:seen, :seen]
        owned["layers.0.weight"] = np.ascontiguousarray(owned["layers.0.weight"] @ features)
        self._weights, self._seen = owned, seen
        self._tanh, self._direction = config.activation == "tanh", config.head == DIRECTION

    def initial(self) -> Memory:
        """Nothing is remembered at the beginning of an episode."""
        memory = self._memory
        state = np.zeros((memory.dilation, memory.units), np.float32)
        return Memory(state, state, np.zeros((memory.pooled, memory.directions), np.float32))

    def advance(self, memory: Memory, inputs: Float32, step: int, since: int = 1) -> tuple[Memory, Output]:
        """Take a step.

        Args:
            memory: what is remembered of the steps before.
            inputs: of the network, (input_dim,); of a worker that follows directions the last ones are the direction.
            step: of the episode, from 0: the clock of the dilation.
            since: steps since the memory; the last direction stood for those that were missed.
        """
        hidden, cell = self._cell(memory, self._layers(inputs[: self._seen]), step)
        output = hidden.sum(0)
        after = Memory(hidden, cell, self._followed(memory.directions, inputs[self._seen :], since))
        w = self._weights
        if self._direction:
            return after, Output(output, float(_linear(w, "value", output)[0]))
        said, seen = _linear(w, "output", output), output
        if self._memory.embedding:
            # w = phi(sum of the last c directions), logits = U w (section 3).
            pooled = w["embedding.weight"].dot(after.directions.sum(0))
            said = said.reshape(-1, len(pooled)).dot(pooled)
            seen = np.concatenate((output, pooled))
        return after, Output(said, float(_linear(w, "value", seen)[0]))

    def pack(self, memory: Memory) -> bytes:
        """A memory as bytes, for a file."""
        return b"".join(np.ascontiguousarray(array, np.float32).tobytes() for array in memory)

    def unpack(self, data: bytes) -> Memory:
        """A memory of ``pack``; raises ``InvalidDataError`` where it is not one of this network."""
        numbers, arrays = np.frombuffer(data[: len(data) // 4 * 4], np.float32), []
        shapes = [array.shape for array in self.initial()]
        wanted = sum(rows * columns for rows, columns in shapes)
        if len(data) != 4 * wanted:
            raise InvalidDataError(f"memory of a policy: {len(data)} bytes, this one's has {4 * wanted}")
        for rows, columns in shapes:
            arrays.append(numbers[: rows * columns].reshape(rows, columns))
            numbers = numbers[rows * columns :]
        return Memory(*arrays)

    def _layers(self, inputs: Float32) -> Float32:
        hidden = inputs
        for i in range(len(self.config.hidden)):
            hidden = _linear(self._weights, f"layers.{i}", hidden)
            np.tanh(hidden, out=hidden) if self._tanh else np.maximum(hidden, 0.0, out=hidden)
        return hidden

    def _cell(self, memory: Memory, inputs: Float32, step: int) -> tuple[Float32, Float32]:
        """An LSTM of which group t mod r is advanced: c = f c + i g, h = o tanh c."""
        w, group = self._weights, step % self._memory.dilation
        gates = _linear(w, "lstm", inputs, "_ih")
        gates += _linear(w, "lstm", memory.hidden[group], "_hh")
        i, f, g, o = gates.reshape(4, -1)
        hidden, cell = memory.hidden.copy(), memory.cell.copy()
        cell[group] = _sigmoid(f) * memory.cell[group] + _sigmoid(i) * np.tanh(g)
        hidden[group] = _sigmoid(o) * np.tanh(cell[group])
        return hidden, cell

    @staticmethod
    def _followed(before: Float32, direction: Float32, since: int) -> Float32:
        """The last directions, those of missed steps filled in."""
        kept = len(before)
        if not kept:
            return before
        missed = np.repeat(before[-1:], min(since - 1, kept), axis=0)
        return np.concatenate((before, missed, direction[None]))[-kept:]


def _linear(weights: Mapping[str, Float32], name: str, inputs: Float32, ending: str = "") -> Float32:
    return weights[f"{name}.weight{ending}"].dot(inputs) + weights[f"{name}.bias{ending}"]


def _sigmoid(x: Float32) -> Float32:
    # 1 / (1 + exp(-x)) without an overflow at either end.
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1.0))
