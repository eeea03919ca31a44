"""Which tree is trained, and what its nodes are before."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.lessons import LESSONS
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.checkpoints.manifest import read_tree
from hrl_core.checkpoints.tree_files import NODES
from hrl_core.errors import HrlError, TaskError, did_you_mean
from hrl_core.hierarchy.tree import Tree, parse_tree
from hrl_core.hierarchy.tree_policies import untrained_node
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec
from hrl_core.training.run_names import POLICY

TASK = "lane_drive"
"""The task whose nodes have lessons."""


@dataclass(frozen=True)
class Node:
    """The network of a node, and its training."""

    actor: ActorConfig
    weights: dict[str, npt.NDArray[np.float32]]
    updates: int = 0
    env_steps: int = 0
    seed: int = 0
    git_commit: str = ""

    @property
    def origin(self) -> dict[str, Any]:
        """As the files of a tree tell it."""
        told = {"env_steps": self.env_steps, "seed": self.seed, "git_commit": self.git_commit}
        return {"version": self.updates, **told}


def tree_of(spec: TaskSpec, config: TreeConfig) -> Tree:
    """The tree of the configuration.

    Raises:
        TaskError: the nodes of another task have no lessons.
        CheckpointError: ``config.tree`` is no policy that is a tree.
    """
    if spec.name != TASK:
        raise TaskError(f"algorithm 'tree' has lessons for the nodes of task {TASK}; task '{spec.name}' has none")
    if config.tree:
        return read_tree(_policy(config))
    text = (resources.files("hrl_core.algorithms.tree") / "tree.yaml").read_text()
    return parse_tree(text, "tree of lane_drive")


def trained_nodes(tree: Tree, config: TreeConfig) -> tuple[str, ...]:
    """Names of the nodes that learn, in order; raises ``HrlError`` where there is no such node or lesson."""
    for name in (config.node, *config.leave_out):
        if name and name not in LESSONS:
            raise HrlError(f"'{name}' is no node{did_you_mean(name, LESSONS)}: {', '.join(LESSONS)}")
    strange = [node.name for node in tree.nodes if node.name not in LESSONS]
    if strange:
        raise HrlError(f"the tree has a node '{strange[0]}' without a lesson; nodes with one: {', '.join(LESSONS)}")
    if config.node:
        return (config.node,)
    order = tuple(name for name in tree.bottom_up() if name not in config.leave_out)
    if not order:
        raise HrlError("leave_out: no node is left to train")
    return order


def kept_nodes(spec: TaskSpec, config: TreeConfig, tree: Tree) -> dict[str, Node]:
    """All nodes before training: those of ``config.tree``, else untrained; those always choose their first."""
    if not config.tree:
        return {node.name: _untrained(untrained_node(spec, node)) for node in tree.nodes}
    checkpoint = load_checkpoint(_policy(config))
    checkpoint.require_task(spec)
    origins = checkpoint.provenance[NODES]
    nodes = {}
    for node in tree.nodes:
        told = dict(origins[node.name])
        own = Node(checkpoint.actor(node.name), checkpoint.level(node.name), told.pop("version"), **told)
        nodes[node.name] = own
    return nodes


def _policy(config: TreeConfig) -> Path:
    """Folder of the tree that is there: a policy, or of a training run its newest."""
    folder = Path(config.tree)
    return folder / POLICY if (folder / POLICY).is_dir() else folder


def _untrained(actor: ActorConfig) -> Node:
    weights = {name: np.zeros(shape, np.float32) for name, shape in actor.parameter_shapes().items()}
    weights[f"layers.{len(actor.hidden)}.bias"][0] = 1.0
    return Node(actor, weights)
