"""Where updates are made: nothing of a learner is left behind when it goes to a device, and nothing else goes there."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.skill_shapes import values_of
from hrl_core.algorithms.tree.batch import make_network
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.nodes import tree_of
from hrl_core.errors import HrlError
from hrl_core.hierarchy.tree_policies import untrained_node
from hrl_core.learners import on_policy, sac, td3
from hrl_core.learners.devices import usable_device
from hrl_core.learners.making import make_level
from hrl_core.learners.on_policy import Lessons, OnPolicy, Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.learners.sac import SAC
from hrl_core.learners.sac_config import SACConfig
from hrl_core.learners.td3 import TD3
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.networks.symmetry import QuarterTurn
from hrl_core.task.text import load_task
from hrl_core.training.choose_device import with_device
from hrl_core.training.presets import preset

INPUTS, ACTIONS = 6, 2
CONFIG = TD3Config(
    hidden=(8,),
    noise_in_range=True,
    normalise_actions=True,
    clip_target_actions=True,
    average_tau=0.1,
    reward_bounds=(-1.0, 1.0),
    bc_alpha=1.0,
    pre_tanh_penalty=1e-3,
    action_twice=False,
)
TURN = QuarterTurn(inputs=((1, -1), (0, 1), (2, 1), (3, 1), (4, 1), (5, 1)), outputs=((1, -1), (0, 1)), heading=(0, 1))


def shape(head="tanh", **given) -> ActorConfig:
    return ActorConfig(INPUTS, (8,), (-2.0,) * ACTIONS, (2.0,) * ACTIONS, head=head, **given)


def batch(seed: int, size: int = 16) -> TransitionBatch:
    g = torch.Generator().manual_seed(seed)
    inputs, following = torch.randn(2, size, INPUTS, generator=g)
    actions, rewards = torch.randn(size, ACTIONS, generator=g), torch.randn(size, generator=g)
    return TransitionBatch(inputs, actions, rewards, torch.full((size,), 0.9), following, torch.ones(size))


@pytest.fixture
def elsewhere(monkeypatch):
    """A device that has shapes alone: it refuses whatever comes from the CPU, as a GPU would."""
    for module in (td3, sac, on_policy):
        monkeypatch.setattr(module, "usable_device", lambda name: torch.device("meta"))
    monkeypatch.setattr(torch.Tensor, "item", lambda tensor: 1.0)
    monkeypatch.setattr(torch.Tensor, "cpu", lambda tensor: torch.zeros(tensor.shape))
    monkeypatch.setattr(td3, "CPU", "meta")
    # Fused kernels are of real devices alone.
    adam = torch.optim.Adam
    monkeypatch.setattr(
        torch.optim, "Adam", lambda parameters, lr, eps=1e-8, fused=False: adam(parameters, lr, eps=eps)
    )


@pytest.mark.parametrize(
    "actor",
    [shape(), shape(turn=TURN), shape(input_centre=(1.0,) * INPUTS, differences=((0, 1, 0.5),))],
    ids=["plain", "turned", "differences"],
)
def test_all_that_td3_needs_is_on_its_device_and_nothing_else_is(elsewhere, actor):
    learner = make_level(dataclasses.replace(CONFIG, device="cuda"), actor, torch.Generator().manual_seed(0))
    assert isinstance(learner, TD3)
    with pytest.raises(RuntimeError, match="not on the expected device"):
        learner.actor(batch(0).inputs)
    seen = []

    def penalty(inputs: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        seen.extend((inputs.device.type, actions.device.type))
        return torch.zeros(actions.shape)

    learner.action_penalty = penalty
    assert len(learner.update_many(batch(0), 2)) == 2
    assert seen == ["cpu", "cpu"]
    assert {learner.act(batch(0).inputs).device.type, learner.snapshot()(batch(0).inputs).device.type} == {"cpu"}
    assert {tensor.device.type for tensor in learner.state_dict().values()} == {"cpu"}


def test_all_that_sac_needs_is_on_its_device_and_nothing_else_is(elsewhere):
    learner = SAC(SACConfig(hidden=(8,), device="cuda"), shape("squashed"), torch.Generator().manual_seed(0))
    with pytest.raises(RuntimeError, match="not on the expected device"):
        learner.actor(batch(0).inputs)
    assert len(learner.update_many(batch(0), 2)) == 2
    assert learner.act(batch(0).inputs).device.type == "cpu"
    assert {tensor.device.type for tensor in learner.state_dict().values()} == {"cpu"}


def lived(seed: int, rows: int = 24) -> Rollout:
    rng = np.random.default_rng(seed)
    inputs, following = rng.normal(size=(2, rows, INPUTS)).astype(np.float32)
    actions, rewards = rng.normal(size=(rows, ACTIONS)).astype(np.float32), rng.normal(size=rows).astype(np.float32)
    ends = np.arange(rows) % 8 == 7
    return Rollout(inputs, actions, rewards, following, ends, ends)


def on_policy_learner(**given) -> OnPolicy:
    actor = shape("gaussian", activation="tanh")
    config = OnPolicyConfig(hidden=(8,), batch_size=10, epochs=2, **given)
    return OnPolicy(config, actor, values_of(actor), torch.Generator().manual_seed(0))


@pytest.mark.parametrize("given", [{}, {"step": "plain", "optimiser": "rmsprop"}], ids=["ppo", "a2c"])
def test_all_that_learns_on_policy_is_on_its_device_and_nothing_else_is(elsewhere, given):
    learner, rows = on_policy_learner(device="cuda", **given), lived(0)
    with pytest.raises(RuntimeError, match="not on the expected device"):
        learner.actor(torch.from_numpy(rows.inputs))
    learner.update(rows)
    learner.learn(Lessons(rows.inputs, rows.actions, rows.rewards, rows.rewards))
    assert learner.act(torch.from_numpy(rows.inputs)).device.type == "cpu"
    assert learner.worth(rows.inputs).shape == rows.rewards.shape
    assert {tensor.device.type for tensor in learner.state_dict().values()} == {"cpu"}


def test_what_a_node_of_a_tree_may_start_is_asked_on_the_host(elsewhere):
    task = load_task("lane_drive")
    tree = tree_of(task, TreeConfig())
    own = untrained_node(task, tree["Avoid"], (8,))
    network = make_network(task, tree, "Avoid")
    learner = OnPolicy(OnPolicyConfig(device="cuda"), own, values_of(own), torch.Generator().manual_seed(0), network)
    rows = np.zeros((4, len(task.observation)), np.float32)
    assert learner.act(torch.from_numpy(rows)).shape == (4, len(tree["Avoid"].children))


@pytest.mark.needs("gpu")
@pytest.mark.parametrize("step", ["clipped", "plain", "natural"])
def test_a_gpu_learns_on_policy_what_a_core_learns(step):
    here, there = on_policy_learner(step=step), on_policy_learner(step=step, device="cuda")
    for seed in range(4):
        here.update(lived(seed))
        there.update(lived(seed))
    for name, array in here.actor_arrays().items():
        np.testing.assert_allclose(there.actor_arrays()[name], array, atol=1e-5)


@pytest.mark.needs("gpu")
def test_a_gpu_learns_what_the_fast_updates_learn():
    fast = make_level(CONFIG, shape(), torch.Generator().manual_seed(0))
    there = make_level(dataclasses.replace(CONFIG, device="cuda"), shape(), torch.Generator().manual_seed(0))
    for seed in range(4):
        fast.update_many(batch(seed), 2)
        there.update_many(batch(seed), 2)
    for name, array in fast.actor_arrays().items():
        np.testing.assert_allclose(there.actor_arrays()[name], array, atol=1e-5)


def test_a_device_that_is_not_there_is_refused_with_those_that_are(monkeypatch):
    assert usable_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert (usable_device("cuda"), usable_device("cuda:0")) == (torch.device("cuda"), torch.device("cuda:0"))
    with pytest.raises(HrlError, match=r"device 'cuda:1': .* sees cpu, cuda:0 here"):
        usable_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(HrlError, match=r"device 'cuda': .* sees cpu here.*pytorch\.org"):
        usable_device("cuda")
    with pytest.raises(HrlError, match="cpu, cuda or cuda:N"):
        TD3Config(device="gpu")


def test_a_run_has_one_device_for_all_its_levels(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    agent = with_device(preset("fast"), "cuda").agent
    assert (agent.worker.device, agent.manager.device) == ("cuda", "cuda")
    assert with_device(preset(algorithm="hac"), "cpu") == preset(algorithm="hac")
    agent = with_device(preset(algorithm="mlsh"), "cuda").agent
    assert (agent.worker.device, agent.manager.device) == ("cuda", "cuda")
    for algorithm in ("hac", "relay"):
        with pytest.raises(HrlError, match=f"--device cuda: td3, .* learn there, of which '{algorithm}' has none"):
            with_device(preset(algorithm=algorithm), "cuda")
    relay = preset(algorithm="relay").changed({"finetuning": "npg"})
    agent = with_device(relay, "cuda").agent
    assert (agent.td3.device, agent.on_policy.device) == ("cpu", "cuda")
