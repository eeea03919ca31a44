"""A batch is paid for what the model has yet to learn from it, and then learned; the run goes on as it was."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from hrl_core.algorithms.flat.bonus import BonusWeight
from hrl_core.algorithms.flat.config import OnPolicyFlatConfig
from hrl_core.algorithms.flat.vime.bonus import Vime
from hrl_core.algorithms.flat.vime.config import VimeConfig
from hrl_core.algorithms.protocols import acting_weights
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.learners.on_policy import Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.task.text import load_task
from hrl_core.training.config import TrainConfig, switches
from hrl_core.training.trainer import Trainer

CAR, ROOM = load_task("mountain_car_sparse"), load_task("grid_world")
CONFIG = VimeConfig(hidden=8, samples=2, updates=20, batch_size=16)
OTHER = {"clip": 0.5, "pool": 30, "medians": 1}


def lived(seed, rows=40, task=CAR, scale=1.0):
    """A batch of transitions that have nothing in common but a linear law."""
    rng, seen = np.random.default_rng(seed), len(task.observation)
    inputs = rng.normal(size=(rows, seen + len(task.goal))).astype(np.float32)
    actions = rng.integers(len(task.choices), size=(rows, 1)) if task.choices else rng.normal(size=(rows, 1))
    after = inputs + scale * np.float32(0.1) * (inputs + actions.astype(np.float32))
    flags = np.zeros(rows, np.bool_)
    return Rollout(inputs, actions.astype(np.float32), np.zeros(rows, np.float32), after, flags, flags)


def paid(config=CONFIG, task=CAR, batches=3):
    vime = Vime(task, config, 0)
    return [vime.bonus(lived(seed, task=task)) for seed in range(batches)]


def test_the_first_batch_is_worth_nothing_and_later_ones_their_gain_in_medians():
    first, second, third = paid()
    assert first.tolist() == [0] * 40
    assert np.median(second) == pytest.approx(1, rel=1e-5)
    assert min(second.min(), third.min()) >= 0
    assert second.dtype == np.float32


def test_a_batch_is_paid_by_the_model_that_has_not_seen_it():
    unclipped = dataclasses.replace(CONFIG, clip=1e9)
    vime, before = Vime(CAR, unclipped, 0), Vime(CAR, unclipped, 0)
    for each in (vime, before):
        each.bonus(lived(0))
    told, inputs = vime.bonus(lived(1)), vime._inputs[-40:]
    gain = before.gain(inputs, vime._targets[-40:]).numpy()
    np.testing.assert_allclose(told, gain / np.median(gain), rtol=1e-4)


def test_the_units_of_the_first_batch_stay():
    vime = Vime(CAR, CONFIG, 0)
    vime.bonus(lived(0))
    units = [part.copy() for unit in vime._units or () for part in unit]
    vime.bonus(lived(1, scale=50.0))
    for kept, part in zip(units, (part for unit in vime._units or () for part in unit), strict=True):
        np.testing.assert_array_equal(kept, part)
    np.testing.assert_allclose(vime._targets[:40].std(dim=0, correction=0), 1, rtol=1e-4)
    assert (vime._targets[40:].std(dim=0) > 20).all()


def test_what_never_changes_has_a_unit_all_the_same():
    vime, still = Vime(CAR, CONFIG, 0), lived(0)
    still.next_inputs[:, 1] = still.inputs[:, 1] + np.float32(1e-3)
    vime.bonus(still)
    assert abs(vime._targets[:, 1]).max() < 1e-3


def test_the_world_sees_clipped_actions_and_choices_one_by_one():
    vime, batch = Vime(CAR, CONFIG, 0), lived(0)
    batch.actions[:3, 0] = 0.5, 7.0, -7.0
    vime.bonus(batch)
    assert vime._inputs[:3, 2].tolist() == [0.5, 1.0, -1.0]
    rooms, batch = Vime(ROOM, CONFIG, 0), lived(0, task=ROOM)
    batch.actions[:2, 0] = 2, 0
    rooms.bonus(batch)
    one_hot = np.eye(len(ROOM.choices))
    assert rooms._inputs[:2, len(ROOM.observation) :].tolist() == [one_hot[2].tolist(), one_hot[0].tolist()]


def test_goals_are_no_part_of_the_world():
    one, other = Vime(CAR, CONFIG, 0), Vime(CAR, CONFIG, 0)
    for seed in range(2):
        batch = lived(seed)
        elsewhere = batch.inputs.copy(), batch.next_inputs.copy()
        for part in elsewhere:
            part[:, len(CAR.observation) :] = 9.0
        changed = batch._replace(inputs=elsewhere[0], next_inputs=elsewhere[1])
        np.testing.assert_array_equal(one.bonus(batch), other.bonus(changed))


def test_what_is_seen_again_and_again_tells_a_tenth_and_less():
    vime = Vime(CAR, dataclasses.replace(CONFIG, updates=2_000), 0)
    again = torch.tensor([[1.0, -1.0, 0.5]]).repeat(500, 1), torch.tensor([[2.0, -2.0]]).repeat(500, 1)
    before = vime.gain(*again)
    vime._learn(*again)
    assert (vime.gain(*again) * 10 < before).all()


@pytest.mark.parametrize("name", sorted(switches(CONFIG)))
def test_every_switch_has_an_effect(name):
    changed = dataclasses.replace(CONFIG, **{name: OTHER.get(name, switches(CONFIG)[name] * 2)})
    assert any((one != other).any() for one, other in zip(paid(), paid(changed), strict=True))


def test_a_restored_bonus_goes_on_to_the_bit():
    one, other = Vime(CAR, CONFIG, 0), Vime(CAR, CONFIG, 1)
    other.load_state_dict(one.state_dict())
    for seed in range(3):
        np.testing.assert_array_equal(one.bonus(lived(seed)), other.bonus(lived(seed)))
        other = Vime(CAR, CONFIG, 1)
        kept = {
            name: part.clone() if isinstance(part, torch.Tensor) else part for name, part in one.state_dict().items()
        }
        other.load_state_dict(kept)


def test_the_weight_falls_in_a_line_from_the_first_reward_on():
    weight, nothing, something = BonusWeight(0.5, 4), np.zeros(3), np.array([0.0, -1.0, 1.0])
    rewards = [nothing, nothing - 1, something, nothing, nothing, something, nothing, nothing]
    assert [weight.of(each) for each in rewards] == [0.5, 0.5, 0.5, 0.375, 0.25, 0.125, 0.0, 0.0]
    assert [BonusWeight(0.5, 0).of(something) for _ in range(3)] == [0.5] * 3
    with pytest.raises(HrlError, match="bonus_weight, bonus_decay: at least 0"):
        OnPolicyFlatConfig(bonus_decay=-1)


def trained(**switches_):
    agent = OnPolicyFlatConfig(
        worker=OnPolicyConfig(hidden=(8, 8), epochs=2, batch_size=20), rollout_steps=60, vime=CONFIG, **switches_
    )
    config = TrainConfig(algorithm="flat", agent=agent, steps=300, num_envs=3)
    made = Trainer(CAR, config, VectorEnv(CAR, 3, 0), VectorEnv(CAR, 1, 1), Path("unused"), 0)
    while made.env_steps < 300:
        made.iterate()
    return np.concatenate([array.ravel() for array in acting_weights(made.learner.levels()).values()])


def test_without_weight_it_is_plain_ppo_to_the_bit():
    plain = trained()
    np.testing.assert_array_equal(trained(bonus="vime", bonus_weight=0.0), plain)
    assert (trained(bonus="vime", bonus_weight=0.1) != plain).any()
