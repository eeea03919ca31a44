"""DDPG with bounded values: targets by hand, both critics, and a level that learns what pays."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.errors import HrlError
from hrl_core.learners.bounded_ddpg import BoundedDDPG
from hrl_core.learners.bounded_ddpg_config import BoundedDDPGConfig
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.replay.rows import RowRing, Rows, joined

ACTOR = ActorConfig(3, (16, 16), (-1.0, 0.0), (1.0, 4.0))
SMALL = BoundedDDPGConfig(hidden=(16, 16), batch_size=32)
CRITICS = ("linear", "sigmoid")


def ddpg(critic="linear", bound=10.0, seed=0, **change):
    config = dataclasses.replace(SMALL, critic=critic, **change)
    return BoundedDDPG(config, ACTOR, bound, torch.Generator().manual_seed(seed))


def batch(size=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(size, 3, generator=generator)
    actions = torch.rand(size, 2, generator=generator) * torch.tensor([2.0, 4.0]) - torch.tensor([1.0, 0.0])
    return TransitionBatch(inputs, actions, -torch.ones(size), torch.full((size,), 0.9), inputs + 0.1)


def test_targets_by_hand(monkeypatch):
    level = ddpg()
    monkeypatch.setattr(level.critic, "forward", lambda features, actions: torch.tensor([-5.0, -20.0, -5.0, 7.0]))
    four = TransitionBatch(
        torch.zeros(4, 3), torch.zeros(4, 2), torch.tensor([-1.0, -1.0, 0.0, 0.0]), torch.tensor([0.9, 0.9, 0.0, 0.9]),
        torch.zeros(4, 3),
    )  # fmt: skip
    # -1 + 0.9 * -5; -19 and 6.3 are out of bounds; nothing follows the third.
    torch.testing.assert_close(level.targets(four), torch.tensor([-5.5, -10.0, 0.0, 0.0]))


@pytest.mark.parametrize("critic", CRITICS)
def test_targets_lie_within_the_bounds_whatever_the_critic_says(critic):
    level = ddpg(critic)
    for _ in range(50):
        level.update(batch())
    wild = batch()._replace(rewards=torch.linspace(-30, 30, 32))
    targets = level.targets(wild)
    assert -10 <= targets.min() <= targets.max() <= 0


def test_critics_begin_near_zero_and_a_sigmoid_one_cannot_leave_its_bounds():
    features, actions = torch.randn(8, 3) * 1e3, torch.ones(8, 2)
    assert ddpg("sigmoid").critic(torch.zeros(1, 3), torch.zeros(1, 2)).item() == pytest.approx(-0.067, abs=5e-3)
    assert ddpg("linear").critic(torch.zeros(1, 3), torch.zeros(1, 2)).abs().item() < 0.05
    values = ddpg("sigmoid").critic(features, actions)
    assert -10 <= values.min() <= values.max() <= 0


@pytest.mark.parametrize("critic", CRITICS)
def test_the_better_action_is_learned(critic):
    """What pays is a place within the range; nothing follows."""
    level = ddpg(critic, critic_lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(600):
        inputs = torch.randn(64, 3, generator=generator)
        actions = torch.rand(64, 2, generator=generator) * torch.tensor([2.0, 4.0]) - torch.tensor([1.0, 0.0])
        worth = -0.5 * ((actions[:, 0] - 0.5).square() + (actions[:, 1] - 1.0).square())
        level.update(TransitionBatch(inputs, actions, worth, torch.zeros(64), inputs))
    with torch.no_grad():
        first, second = level.actor(torch.randn(50, 3, generator=generator)).mean(0).tolist()
    # From the middle, (0, 2), towards (0.5, 1).
    assert first > 0.2
    assert second < 1.6


@pytest.mark.parametrize("critic", CRITICS)
def test_saving_and_loading_goes_on_with_the_same_bits(critic):
    one, other = ddpg(critic), ddpg(critic, seed=1)
    for k in range(3):
        one.update(batch(seed=k))
    other.load_state_dict({k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in one.state_dict().items()})
    for k in range(3):
        assert one.update(batch(seed=k)) == other.update(batch(seed=k))
    for name, array in one.actor_arrays().items():
        np.testing.assert_array_equal(array, other.actor_arrays()[name])
    assert one.updates == other.updates == 6


def test_impossible_switches_are_refused():
    for change in ({"critic": "cubic"}, {"batch_size": 0}, {"hidden": ()}, {"actor_lr": 0.0}):
        with pytest.raises(HrlError, match="DDPG configuration"):
            dataclasses.replace(BoundedDDPGConfig(), **change)


def rows(first, count):
    column = np.arange(first, first + count, dtype=np.float32)
    return Rows(np.stack((column, column)).T, column[:, None], -column, column, np.stack((column, column)).T + 1)


def test_a_ring_of_rows_keeps_the_newest_and_its_columns_together():
    ring = RowRing(10, 2, 1)
    for first in (0, 4, 8):
        ring.add(rows(first, 4))
    drawn = ring.sample(500, np.random.default_rng(0))
    assert set(drawn.discounts.tolist()) == set(map(float, range(2, 12)))
    for row in zip(*drawn, strict=True):
        number = row[3]
        assert (row[0].tolist(), row[1].tolist(), row[2], row[4].tolist()) == (
            [number] * 2, [number], -number, [number + 1] * 2,
        )  # fmt: skip
    ring.add(rows(100, 25))
    assert set(ring.sample(500, np.random.default_rng(0)).discounts.tolist()) == set(map(float, range(115, 125)))
    other = RowRing(10, 2, 1)
    other.load_state_dict(ring.state_dict())
    for one, same in zip(*(r.sample(20, np.random.default_rng(1)) for r in (ring, other)), strict=True):
        np.testing.assert_array_equal(one, same)
    assert len(joined((rows(0, 2), rows(2, 3))).rewards) == 5
