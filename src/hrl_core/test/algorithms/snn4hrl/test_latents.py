"""One network with a latent is a network for each latent."""

import dataclasses

import numpy as np
import pytest
import torch

from hrl_core.algorithms.skill_shapes import skill_shapes, stacked
from hrl_core.algorithms.snn4hrl.config import Snn4hrlConfig
from hrl_core.algorithms.snn4hrl.latents import by_skill, integrated, learning_shape
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.networks.actor import Actor
from hrl_core.task.text import load_task

FIELD = load_task("point_field")
CONFIG = Snn4hrlConfig(
    skills=4,
    input_scale=(0.5, 0.5, 2.0, 1.0, 1.0, 1.0, 1.0),
    skills_ignore=("x", "y", "time"),
    worker=OnPolicyConfig(hidden=(8, 5)),
)


def test_the_outer_product_holds_every_feature_under_its_latent():
    seen = integrated(np.array([[2.0, 3.0], [4.0, 5.0]], np.float32), np.array([0, 1]), 2, outer_product=True)
    assert seen.tolist() == [[2, 3, 1, 0, 2, 0, 3, 0], [4, 5, 0, 1, 0, 4, 0, 5]]
    alone = integrated(np.array([[2.0, 3.0]], np.float32), np.array([1]), 2, outer_product=False)
    assert alone.tolist() == [[2, 3, 0, 1]]


@pytest.mark.parametrize("outer_product", [True, False])
def test_each_skill_of_a_policy_says_what_the_network_says_under_its_latent(outer_product):
    config = dataclasses.replace(CONFIG, outer_product=outer_product)
    shape = skill_shapes(FIELD, config).actor
    network = Actor(learning_shape(shape, 4, outer_product), torch.Generator().manual_seed(1))
    torch.nn.init.normal_(network.linears[-1].weight)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    own = by_skill(weights, shape.feature_dim, 4, outer_product)
    assert {name: array.shape for name, array in own.items()} == stacked(shape, 4).parameter_shapes()
    states = np.random.default_rng(0).normal(size=(20, 7)).astype(np.float32)
    features = states @ shape.feature_matrix().T
    for k in range(4):
        skill = Actor.of_arrays(shape, {name: stack[k] for name, stack in own.items()})
        said = network(torch.from_numpy(integrated(features, np.full(20, k), 4, outer_product))).detach()
        np.testing.assert_allclose(skill(torch.from_numpy(states)), said, atol=1e-5)
    assert np.ptp(own["layers.0.bias"], axis=0).max() > 0
    assert (np.ptp(own["layers.0.weight"], axis=0).max() > 0) == outer_product
