"""How often a node, or a whole tree, succeeds: many roads at once, nothing drawn but these."""

from collections.abc import Mapping

import numpy as np

from hrl_core.algorithms.tree.batch import BatchTree
from hrl_core.algorithms.tree.cars import LessonCars
from hrl_core.algorithms.tree.lessons import DRIVE
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.hierarchy.tree import Tree
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.task.spec import TaskSpec

SEED, ROADS = 1_000_003, 500
"""Of examinations: other roads than those of training."""
Networks = Mapping[str, tuple[ActorConfig, Mapping[str, Float32]]]


def networks_of(checkpoint: Checkpoint) -> Networks:
    """Architecture and weights of every node."""
    return {name: (actor, checkpoint.level(name)) for name, actor in checkpoint.actors.items()}


def examine(
    spec: TaskSpec,
    tree: Tree,
    networks: Networks,
    node: str = "",
    obstacles: str | None = None,
    roads: int = ROADS,
) -> float:
    """Share of the roads on which a node succeeds in its lesson.

    Args:
        spec: the task.
        tree: which has the node.
        networks: of all nodes.
        node: its name; none: the whole tree drives the whole way, from the beginning of the road.
        obstacles: where they stand, one of ``lane_drive.OBSTACLES``; None: as in the lesson.
        roads: how many.
    """
    cars = LessonCars(roads, SEED, node or DRIVE)
    if obstacles is not None:
        cars.assign(node or DRIVE, obstacles)
    acting = BatchTree(spec, tree, networks, roads, node)
    running, succeeded = np.ones(roads, np.bool_), np.zeros(roads, np.bool_)
    while running.any():
        acting.choose(cars.states)
        step = cars.step(acting.act(cars.states)[:, None].astype(np.float64))
        acting.observe(step.states, step.ended)
        succeeded |= running & step.successes
        running &= ~step.ended
    return float(succeeded.mean())
