"""Matrix products: whichever library makes them, the same within rounding; the quicker one is found."""

import dataclasses
import time

import pytest
import torch

from hrl_core.algorithms.hiro.config import HiroConfig
from hrl_core.algorithms.hiro.learner import HiroLearner
from hrl_core.envs.vector import VectorEnv
from hrl_core.errors import HrlError
from hrl_core.learners.product_names import KINDS, is_product
from hrl_core.learners.products import Product, Products, quicker_by_torch
from hrl_core.learners.td3_config import TD3Config
from hrl_core.learners.td3_fast import FastTD3
from hrl_core.learners.transitions import TransitionBatch
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.text import load_task
from hrl_core.training import choose_products
from hrl_core.training.choose_products import require_products, with_products
from hrl_core.training.config import TrainConfig
from hrl_core.training.presets import preset, with_products_of

LEVEL = TD3Config(hidden=(64, 48), batch_size=32)
ACTOR = ActorConfig(12, (64, 48), (-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))


def after_one_update(products):
    learner = FastTD3(dataclasses.replace(LEVEL, products=products, policy_delay=1), ACTOR, torch.Generator())
    g = torch.Generator().manual_seed(7)
    inputs, next_inputs = torch.randn(2, 32, 12, generator=g)
    actions, rewards = torch.randn(32, 3, generator=g), torch.randn(32, generator=g)
    learner.update(TransitionBatch(inputs, actions, rewards, torch.full((32,), 0.9), next_inputs))
    return torch.cat([part.flat for part in (learner.actor, learner.critics)])


def test_the_library_changes_an_update_by_rounding_only():
    by_numpy, by_torch = after_one_update(()), after_one_update(KINDS)
    torch.testing.assert_close(by_numpy, by_torch, atol=1e-5, rtol=0)
    torch.testing.assert_close(by_numpy, after_one_update(("weights", "inputs")), atol=1e-5, rtol=0)


@pytest.mark.parametrize("named", ["forward", "forward 3x4x5"])
def test_torch_makes_what_is_named_and_numpy_the_rest(named):
    a, b, out = torch.ones(3, 4), torch.ones(4, 5), torch.empty(3, 5)
    ours, other = (Products((named,)).make(kind, a, b, out) for kind in ("forward", "weights"))
    assert (ours.run, other.run) == (ours.by_torch, other.by_numpy)
    for product in (ours, other):
        product.run()
        assert (out == 4).all()
        out.zero_()


def test_names_of_products():
    assert all(map(is_product, ["forward", "weights", "inputs", "inputs 256x128x272"]))
    assert not any(map(is_product, ["", "backward", "weights 256x128", "weights  1x2x3", "forward 1x2x3 "]))
    with pytest.raises(HrlError, match="products: forward, weights or inputs"):
        TD3Config(products=("backward",))


def test_the_clearly_quicker_library_is_found():
    def busy(seconds):
        def wait():
            end = time.thread_time() + seconds
            while time.thread_time() < end:
                pass

        return wait

    quick, slow = busy(1e-4), busy(1e-3)
    products = [Product("forward 1x1x1", quick, quick, slow), Product("weights 1x1x1", slow, slow, quick)]
    assert quicker_by_torch([*products, products[1]]) == ["weights 1x1x1"]


def test_a_run_names_the_products_of_its_own_shapes(monkeypatch):
    task = load_task("point_maze")
    envs = VectorEnv(task, 2, 0)
    plain = dataclasses.replace(LEVEL, fast=False)
    config = TrainConfig(agent=HiroConfig(worker=LEVEL, manager=plain), num_envs=2)

    def learner():
        return HiroLearner(task, config.agent, envs, 0)

    for choice, products in (("numpy", ()), ("torch", KINDS)):
        chosen = with_products(config, choice, learner).agent
        assert (chosen.worker.products, chosen.manager) == (products, plain)
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda products: [product.name for product in products])
    chosen = with_products(config, "auto", learner).agent.worker.products
    assert all(map(is_product, chosen))
    # The second layer of 64 inputs with its bias, padded, on a batch and on those of two updates.
    assert {"forward 48x72x32", "forward 48x72x64", "weights 48x32x72", "inputs 64x48x32"} <= set(chosen)
    pinned = dataclasses.replace(config, agent=HiroConfig(worker=dataclasses.replace(LEVEL, products=("forward",))))
    assert with_products(pinned, "auto", learner).agent.worker.products == ("forward",)


def no_learner():
    raise AssertionError("nothing is to be measured")


@pytest.mark.parametrize(
    ("config", "algorithm"),
    [
        (preset(algorithm="flat", learner="sac"), "flat"),
        (preset(algorithm="flat", learner="ppo"), "flat"),
        (preset(algorithm="hac"), "hac"),
        (preset("paper").changed({"worker": {"fast": False}, "manager": {"fast": False}}), "hiro"),
        (preset("paper").changed({"worker": {"device": "cuda"}, "manager": {"device": "cuda"}}), "hiro"),
        (preset(algorithm="relay").changed({"finetuning": "npg"}), "relay"),
    ],
    ids=["sac", "ppo", "hac", "by autograd", "cuda", "an idle level"],
)
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_library_that_nothing_takes_is_refused_and_auto_is_silent(library, config, algorithm):
    assert with_products(config, "auto", no_learner) == config
    with pytest.raises(HrlError, match=f"--products {library}: the fast updates of td3 .*'{algorithm}' has none"):
        with_products(config, library, no_learner)
    with pytest.raises(HrlError, match=f"--products {library}: .*'{algorithm}' has none"):
        require_products(config, library)


def test_a_run_that_goes_on_refuses_other_products_than_it_began_with():
    config = preset("paper").changed({"worker": {"products": []}, "manager": {"products": []}})
    for choice in ("auto", "given", "numpy"):
        require_products(config, choice)
    with pytest.raises(HrlError, match=r"--products torch: .*worker\.products: .* != .*leave --products out"):
        require_products(config, "torch")


def test_who_goes_on_takes_the_products_of_the_run_where_it_names_none():
    begun = preset("paper").changed({"worker": {"products": ["forward"]}, "manager": {"products": []}})
    asked = preset("paper").changed({"manager": {"products": ["inputs"]}})
    agent = with_products_of(asked, begun).agent
    assert (agent.worker.products, agent.manager.products) == (("forward",), ("inputs",))
    sac = preset(algorithm="flat", learner="sac")
    assert with_products_of(sac, begun) == sac
