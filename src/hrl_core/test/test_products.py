"""Matrix products: whichever library makes them, the same within rounding; the quicker one is found."""

import dataclasses
import time

import pytest
import torch

from hrl_core.algorithms.hiro.config import HiroConfig
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
from hrl_core.training.choose_products import with_products
from hrl_core.training.config import TrainConfig

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
    for choice, products in (("numpy", ()), ("torch", KINDS)):
        chosen = with_products(config, choice, task, envs, 0).agent
        assert (chosen.worker.products, chosen.manager) == (products, plain)
    monkeypatch.setattr(choose_products, "quicker_by_torch", lambda products: [product.name for product in products])
    chosen = with_products(config, "auto", task, envs, 0).agent.worker.products
    assert all(map(is_product, chosen))
    # The second layer of 64 inputs with its bias, padded, on a batch and on those of two updates.
    assert {"forward 48x72x32", "forward 48x72x64", "weights 48x32x72", "inputs 64x48x32"} <= set(chosen)
    pinned = dataclasses.replace(config, agent=HiroConfig(worker=dataclasses.replace(LEVEL, products=("forward",))))
    assert with_products(pinned, "auto", task, envs, 0).agent.worker.products == ("forward",)
