"""What is learned: the shipped tree drives as its page says, a controller in moments, a leaf in seconds."""

from pathlib import Path

import numpy as np
import pytest

from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.exams import examine, networks_of
from hrl_core.algorithms.tree.learner import TreeLearner, environments
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.task.text import load_task

TASK = load_task("lane_drive")
SHIPPED = Path(__file__).parents[4] / "hrl" / "policies" / "tree_lane_drive"


def trained(config, steps, seed=0):
    """A learner after so many environment steps."""
    cars = environments(TASK, config, 64, seed)
    learner = TreeLearner(TASK, config, cars, seed)
    for _ in range(steps // 64):
        learner.observe(cars.step(learner.act()))
        list(learner.update())
    return learner


def success(learner, node, **how):
    nodes = {name: (own.actor, own.weights) for name, own in learner.nodes.items()}
    return examine(TASK, learner.tree, nodes, node, roads=200, **how)


def test_the_shipped_tree_drives_as_its_page_says():
    policy = load_checkpoint(SHIPPED)
    assert policy.hierarchy.tree is not None
    nodes = networks_of(policy)
    with_obstacles, without = (
        examine(TASK, policy.hierarchy.tree, nodes, obstacles=where, roads=200) for where in ("clear", "none")
    )
    assert with_obstacles >= 0.82
    assert without >= 0.9
    # A node that is exchanged for one that always keeps its lane is missed where there are obstacles, and only there.
    idle = {name: np.zeros_like(w) for name, w in nodes["Avoid"][1].items()}
    last = max(name for name in idle if name.endswith("bias"))
    idle[last][0] = 1.0
    worse = {**nodes, "Avoid": (nodes["Avoid"][0], idle)}
    assert examine(TASK, policy.hierarchy.tree, worse, obstacles="clear", roads=200) <= 0.35
    assert examine(TASK, policy.hierarchy.tree, worse, obstacles="none", roads=200) == without


@pytest.mark.learning
def test_a_controller_over_ready_children_is_learned_in_moments():
    learner = trained(TreeConfig(node="Nav", tree=str(SHIPPED)), 16_000)
    assert success(learner, "Nav", obstacles="none") >= 0.85


@pytest.mark.learning
def test_a_lane_change_is_learned_in_seconds():
    learner = trained(TreeConfig(node="ChangeLeft"), 200_000)
    assert success(learner, "ChangeLeft") >= 0.9
