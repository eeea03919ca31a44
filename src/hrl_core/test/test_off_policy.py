"""SAC, DDPG and DQN: targets worked out by hand, directions of their updates, and exact continuation."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from hrl_core.errors import HrlError
from hrl_core.learners.ddpg import DDPG
from hrl_core.learners.ddpg_config import DDPGConfig
from hrl_core.learners.distributions import draw_squashed
from hrl_core.learners.dqn import DQN
from hrl_core.learners.dqn_config import DQNConfig
from hrl_core.learners.sac import SAC
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig

VECTORS = ActorConfig(4, (16, 16), (-2.0, 0.0), (2.0, 10.0))
SQUASHED = dataclasses.replace(VECTORS, head="squashed")
CHOICES = ActorConfig(4, (16, 16), (0.0,) * 3, (1.0,) * 3, head="values")
SMALL = (16, 16)


def sac(seed=0, **change):
    return SAC(SACConfig(hidden=SMALL, batch_size=32, **change), SQUASHED, torch.Generator().manual_seed(seed))


def ddpg(seed=0, **change):
    return DDPG(DDPGConfig(hidden=SMALL, batch_size=32, **change), VECTORS, torch.Generator().manual_seed(seed))


def dqn(seed=0, **change):
    return DQN(DQNConfig(hidden=SMALL, batch_size=32, **change), CHOICES, torch.Generator().manual_seed(seed))


MAKERS = {"sac": sac, "ddpg": ddpg, "dqn": dqn}


def lived(seed=0, size=32, choices=False):
    rng = np.random.default_rng(seed)
    actions = rng.integers(3, size=(size, 1)) if choices else rng.uniform([-2, 0], [2, 10], (size, 2))
    parts = (
        rng.normal(size=(size, 4)),
        actions,
        rng.normal(size=size),
        rng.choice([0, 0.9], size),
        rng.normal(size=(size, 4)),
    )
    return TransitionBatch(*(torch.from_numpy(part.astype(np.float32)) for part in parts))


def test_soft_targets_by_hand():
    learner, batch = sac(temperature=0.3), lived()
    generator = learner._generator.get_state()
    told = learner.targets(batch)
    twin = torch.Generator()
    twin.set_state(generator)
    actions, log_probabilities = draw_squashed(learner.actor.pre_tanh(batch.next_inputs), twin)
    for i in range(len(told)):
        least = min(c(batch.next_inputs[i : i + 1], actions[i : i + 1]).item() for c in learner.target_critics)
        soft = least - 0.3 * log_probabilities[i].item()
        assert told[i].item() == pytest.approx(batch.rewards[i].item() + batch.discounts[i].item() * soft, abs=1e-5)


def test_the_temperature_steers_the_entropy():
    """Above the wanted entropy it falls, below it rises; without a rate it stays."""
    for target, sign in ((-50.0, -1), (50.0, 1)):
        learner = sac(target_entropy=target)
        learner.update(lived())
        assert sign * (learner.alpha.item() - 1.0) > 0
    fixed = sac(temperature_lr=0.0, temperature=0.2)
    fixed.update(lived())
    assert fixed.alpha.item() == pytest.approx(0.2)
    assert sac()._target_entropy == -2


def test_deterministic_targets_by_hand():
    learner, batch = ddpg(), lived()
    squashed = torch.tanh(learner.target_actor.pre_tanh(batch.next_inputs))
    expected = batch.rewards + batch.discounts * learner.target_critic(batch.next_inputs, squashed)
    torch.testing.assert_close(learner.targets(batch), expected.detach())


@pytest.mark.parametrize("double", [True, False])
def test_targets_of_choices_by_hand(double):
    learner, batch = dqn(double=double), lived(choices=True)
    with torch.no_grad():
        for parameter in learner.target.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(9)))
        online, target = learner.actor(batch.next_inputs), learner.target(batch.next_inputs)
    for i, told in enumerate(learner.targets(batch).tolist()):
        best = int(online[i].argmax()) if double else int(target[i].argmax())
        expected = batch.rewards[i].item() + batch.discounts[i].item() * target[i, best].item()
        assert told == pytest.approx(expected, abs=1e-6)


def test_the_target_network_is_copied_at_its_interval():
    learner = dqn(target_interval=3)

    def same():
        return all(
            torch.equal(a, b) for a, b in zip(learner.actor.parameters(), learner.target.parameters(), strict=True)
        )

    told = []
    for seed in range(6):
        learner.update(lived(seed, choices=True))
        told.append(same())
    assert told == [False, False, True, False, False, True]


@pytest.mark.parametrize("make", [sac, ddpg])
def test_soft_targets_follow_by_their_share(make):
    learner = make(tau=0.25)
    name, target = ("critics", "target_critics") if make is sac else ("critic", "target_critic")
    before = [p.clone() for p in getattr(learner, target).parameters()]
    learner.update(lived())
    for old, new, online in zip(
        before, getattr(learner, target).parameters(), getattr(learner, name).parameters(), strict=True
    ):
        torch.testing.assert_close(new, 0.75 * old + 0.25 * online)


@pytest.mark.parametrize("name", MAKERS)
def test_it_learns_which_action_pays(name):
    """One state, reward greatest at one action, nothing follows."""
    rates = {"lr": 3e-3} if name == "dqn" else {"actor_lr": 3e-3, "critic_lr": 3e-3}
    learner = MAKERS[name](**rates, **({"temperature": 0.02, "temperature_lr": 0.0} if name == "sac" else {}))
    rng = np.random.default_rng(0)
    for _ in range(400):
        batch = lived(int(rng.integers(1 << 30)), choices=name == "dqn")
        zeros = torch.zeros(32, 4)
        best = torch.tensor([1.0, 2.0])
        rewards = (batch.actions[:, 0] == 1).float() if name == "dqn" else -(batch.actions - best).abs().sum(1) / 4
        learner.update(TransitionBatch(zeros, batch.actions, rewards, torch.zeros(32), zeros))
    output = learner.act(torch.zeros(1, 4)).numpy()[0]
    if name == "dqn":
        assert output.argmax() == 1
    else:
        action = output if name == "ddpg" else np.array([0.0, 5.0]) + np.array([2.0, 5.0]) * np.tanh(output[:2])
        np.testing.assert_allclose(action, [1.0, 2.0], atol=0.6)


@pytest.mark.parametrize("name", MAKERS)
def test_it_goes_on_to_the_bit_where_its_state_was_taken(name):
    one, other = MAKERS[name](), MAKERS[name](seed=5)
    one.update(lived(choices=name == "dqn"))
    other.load_state_dict({key: tensor.clone() for key, tensor in one.state_dict().items()})
    for learner in (one, other):
        learner.update_many(lived(3, 64, choices=name == "dqn"), 2)
    assert one.updates == other.updates == 3
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key]), key


@pytest.mark.parametrize(
    ("make", "change"),
    [(sac, {"tau": 0.0}), (sac, {"temperature": 0.0}), (ddpg, {"discount": 1.0}), (dqn, {"target_interval": 0})],
)
def test_impossible_switches_are_refused(make, change):
    with pytest.raises(HrlError, match=f"{make.__name__.upper()} configuration: {next(iter(change))}"):
        make(**change)


def test_log_alpha_begins_at_the_temperature_given():
    assert sac(temperature=0.5).temperature.log_alpha.item() == pytest.approx(math.log(0.5))
