"""A network that remembers: an LSTM as torch has it, groups of a dilation, directions that are summed up."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrl_core.errors import CheckpointError, InvalidDataError
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.fast_actor import FastActor
from hrl_core.networks.memory_actor import MemoryActor
from hrl_core.networks.memory_config import MemoryConfig

SEEN, UNITS, SIZE, CHOICES = 5, 6, 4, 3
LSTM = ActorConfig(SEEN, (7,), (0.0,) * CHOICES, (1.0,) * CHOICES, head="categorical", memory=MemoryConfig(UNITS))
WORKER = dataclasses.replace(
    LSTM, input_dim=SEEN + SIZE, memory=MemoryConfig(UNITS, directions=SIZE, pooled=3, embedding=2)
)
MANAGER = ActorConfig(SEEN, (7, 7), (-1.0,) * SIZE, (1.0,) * SIZE, head="direction", memory=MemoryConfig(SIZE, 3))


def weights_of(config: ActorConfig, seed: int = 0) -> dict[str, Float32]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in config.parameter_shapes().items()}


def inputs_of(config: ActorConfig, steps: int, seed: int = 1) -> Float32:
    return np.random.default_rng(seed).normal(size=(steps, config.input_dim)).astype(np.float32)


def test_without_dilation_it_is_the_lstm_of_torch() -> None:
    weights = weights_of(LSTM)
    cell = torch.nn.LSTMCell(7, UNITS)
    cell.load_state_dict({name.removeprefix("lstm."): torch.tensor(w) for name, w in weights.items() if "lstm" in name})
    actor = MemoryActor(LSTM, weights)
    memory, state = actor.initial(), None
    for step, row in enumerate(inputs_of(LSTM, 8)):
        memory, output = actor.advance(memory, row, step)
        z = torch.relu(torch.tensor(weights["layers.0.weight"] @ row + weights["layers.0.bias"]))
        state = cell(z[None], state)
        np.testing.assert_allclose(memory.hidden[0], state[0][0].detach(), atol=1e-6)
        logits = weights["output.weight"] @ memory.hidden[0] + weights["output.bias"]
        np.testing.assert_allclose(output.said, logits, atol=1e-5)
        value = weights["value.weight"][0] @ memory.hidden[0] + weights["value.bias"][0]
        assert output.value == pytest.approx(value, 1e-5)


@given(st.integers(0, 40))
def test_only_the_group_of_the_step_changes(step: int) -> None:
    """Law 4-1 of FuN: group i changes only at t mod r = i, and the output is the sum of all."""
    actor = MemoryActor(MANAGER, weights_of(MANAGER))
    before = actor.initial()
    for t, row in enumerate(inputs_of(MANAGER, 4, seed=step)):
        before, _ = actor.advance(before, row, t)
    after, output = actor.advance(before, inputs_of(MANAGER, 1, seed=100)[0], step)
    changed = [not np.array_equal(a, b) for a, b in zip(before.hidden, after.hidden, strict=True)]
    assert changed == [i == step % 3 for i in range(3)]
    np.testing.assert_allclose(output.said, after.hidden.sum(0), rtol=1e-6)


def test_a_worker_follows_the_sum_of_the_last_directions() -> None:
    weights = weights_of(WORKER)
    actor, rows = MemoryActor(WORKER, weights), inputs_of(WORKER, 6)
    memory = actor.initial()
    for step, row in enumerate(rows):
        memory, output = actor.advance(memory, row, step)
        pooled = weights["embedding.weight"] @ rows[max(0, step - 2) : step + 1, SEEN:].sum(0)
        u = (weights["output.weight"] @ memory.hidden[0] + weights["output.bias"]).reshape(CHOICES, 2)
        np.testing.assert_allclose(output.said, u @ pooled, rtol=1e-4, atol=1e-5)


def test_where_no_direction_is_given_all_choices_are_alike() -> None:
    """Law 4-4: phi has no bias."""
    actor, row = MemoryActor(WORKER, weights_of(WORKER)), inputs_of(WORKER, 1)[0].copy()
    row[SEEN:] = 0
    assert actor.advance(actor.initial(), row, 0)[1].said.tolist() == [0.0] * CHOICES


def test_in_steps_that_were_missed_the_last_direction_stood() -> None:
    actor, rows = MemoryActor(WORKER, weights_of(WORKER)), inputs_of(WORKER, 2)
    memory, _ = actor.advance(actor.initial(), rows[0], 0)
    after, _ = actor.advance(memory, rows[1], 2, since=2)
    np.testing.assert_array_equal(after.directions, rows[[0, 0, 1], SEEN:])
    long_after, _ = actor.advance(memory, rows[1], 50, since=50)
    np.testing.assert_array_equal(long_after.directions, after.directions)


@pytest.mark.parametrize("config", [LSTM, WORKER, MANAGER])
def test_a_memory_survives_a_file_bit_for_bit(config: ActorConfig) -> None:
    actor = MemoryActor(config, weights_of(config))
    memory = actor.initial()
    for step, row in enumerate(inputs_of(config, 5)):
        memory, _ = actor.advance(memory, row, step)
    again = actor.unpack(actor.pack(memory))
    assert all(np.array_equal(a, b) for a, b in zip(memory, again, strict=True))
    with pytest.raises(InvalidDataError, match="bytes"):
        actor.unpack(actor.pack(memory)[:-4])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"head": "tanh"}, "has the head"),
        ({"hidden": ()}, "a hidden layer"),
        ({"memory": MemoryConfig(UNITS, directions=9, pooled=2, embedding=2)}, "need others beside"),
    ],
)
def test_what_a_network_that_remembers_cannot_be(change: dict, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        dataclasses.replace(LSTM, **change)


def test_half_of_what_directions_need_is_refused() -> None:
    with pytest.raises(CheckpointError, match="or none of them is"):
        MemoryConfig(UNITS, directions=4)


def test_who_does_not_remember_cannot_act_by_it() -> None:
    with pytest.raises(CheckpointError, match="it remembers"):
        FastActor(LSTM, weights_of(LSTM))
    plain = dataclasses.replace(LSTM, memory=None)
    with pytest.raises(CheckpointError, match="no memory"):
        MemoryActor(plain, weights_of(plain))
    with pytest.raises(CheckpointError, match="needs a memory"):
        dataclasses.replace(MANAGER, memory=None)
