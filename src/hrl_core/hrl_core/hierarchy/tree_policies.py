"""A tree as the two who act by it: a manager that chooses a path of nodes, and a worker that has the leaves."""

from collections.abc import Mapping

from hrl_core.errors import CheckpointError
from hrl_core.hierarchy.exploration import HeldExploration
from hrl_core.hierarchy.policies import ActionChoice, SubgoalChoice, decided
from hrl_core.hierarchy.subgoals import Assignment, to_float32
from hrl_core.hierarchy.tree import NodeSpec, Regions, Tree
from hrl_core.messages import Vector
from hrl_core.networks.actor_config import OF_CHOICES, OF_VECTORS, ActorConfig, Float32
from hrl_core.networks.fast_actor import FastActor
from hrl_core.networks.heads import Categorical, make_head
from hrl_core.randomness import Draws
from hrl_core.task.spec import TaskSpec

FORBIDDEN = -1e9
"""Logit of a child outside its initiation set."""
Networks = Mapping[str, tuple[ActorConfig, Mapping[str, Float32]]]
"""Node -> architecture and weights."""


class TreeManager:
    """All composites of a tree: every choice goes from the root down to a leaf."""

    def __init__(self, spec: TaskSpec, tree: Tree, networks: Networks, version: int, sampled: bool) -> None:
        """Take over weights; raises ``CheckpointError``, naming the node, where they do not fit.

        Args:
            spec: the task.
            tree: whose composites these are.
            networks: of its nodes.
            version: of the policy.
            sampled: whether children are drawn also when not exploring.
        """
        self.version, self.held = version, HeldExploration()
        self._tree, self._sampled, self._head = tree, sampled, Categorical()
        self._actors = {name: _actor(spec, tree[name], networks) for name in (tree.root, *tree.composites)}
        self._starts = {n.name: Regions(n.start, spec) for n in tree.nodes if n.start}
        self._number = {name: k for names in (tree.leaves, tree.composites) for k, name in enumerate(names)}

    def select(self, state: Vector, task: Assignment, draws: Draws) -> SubgoalChoice:
        """Choose a path in state (observation_dim,): each composite on it one child, from the root on."""
        above: list[SubgoalChoice] = []
        node, inputs = self._tree[self._tree.root], to_float32(state)
        while node.children:
            output = self._actors[node.name](inputs)
            for k, child in enumerate(node.children):
                if child in self._starts and not self._starts[child].hold(state):
                    output[k] = FORBIDDEN
            number, log_probability = decided(self._head, output, draws, self._sampled)
            node = self._tree[node.children[int(number[0])]]
            above.append(SubgoalChoice(skill=self._number[node.name], log_probability=log_probability))
        return above[-1]._replace(above=tuple(above[:-1]))


class TreeWorker:
    """The leaves of a tree."""

    def __init__(self, spec: TaskSpec, tree: Tree, networks: Networks, version: int, sampled: bool) -> None:
        """Take over weights; raises ``CheckpointError``, naming the leaf, where they do not fit.

        Args:
            spec: the task.
            tree: whose leaves these are.
            networks: of its nodes.
            version: of the policy.
            sampled: whether what a stochastic head says is drawn also when not exploring.
        """
        self.version, self._sampled = version, sampled
        self._actors = [_actor(spec, tree[name], networks) for name in tree.leaves]
        self._heads = [make_head(*networks[name]) for name in tree.leaves]
        self._done = [Regions(tree[name].done, spec) for name in tree.leaves]

    def act(self, state: Vector, task: Assignment, draws: Draws) -> ActionChoice:
        """Choose an action in state (observation_dim,) by the leaf that is asked for."""
        output = self._actors[task.skill](to_float32(state))
        return ActionChoice(*decided(self._heads[task.skill], output, draws, self._sampled))

    def terminates(self, state: Vector, task: Assignment, draws: Draws) -> bool:
        """Whether the leaf is done."""
        return bool(self._done[task.skill].hold(state))


def masked(node: NodeSpec, spec: TaskSpec) -> tuple[int, ...]:
    """Inputs that the network of a node does not see."""
    return tuple(i for i, e in enumerate(spec.observation) if node.sees and e.name not in node.sees)


def require_node(node: NodeSpec, config: ActorConfig, spec: TaskSpec) -> None:
    """Raise ``CheckpointError``, naming the node, unless its network sees and says what its place asks for."""
    inputs = len(spec.observation)
    if node.children:
        config.check(inputs, len(node.children), node.name, "categorical")
    elif spec.choices:
        config.check(inputs, len(spec.choices), node.name, *OF_CHOICES)
    else:
        config.check(inputs, len(spec.action), node.name, *OF_VECTORS)
    if tuple(config.masked) != masked(node, spec):
        hidden = len(masked(node, spec))
        raise CheckpointError(
            f"{node.name}: its network is blind to {len(config.masked)} elements of the observation, by the tree it is "
            f"to be to {hidden}; train the node for this tree"
        )


def untrained_node(spec: TaskSpec, node: NodeSpec, hidden: tuple[int, ...] = (64, 64)) -> ActorConfig:
    """A network for a node's place."""
    inputs, hides, count = len(spec.observation), masked(node, spec), len(node.children or spec.choices)
    if not count:
        low, high = tuple(spec.action_low), tuple(spec.action_high)
        return ActorConfig(inputs, hidden, low, high, hides, head="gaussian")
    return ActorConfig(inputs, hidden, (0.0,) * count, (1.0,) * count, hides, head="categorical")


def _actor(spec: TaskSpec, node: NodeSpec, networks: Networks) -> FastActor:
    if node.name not in networks:
        raise CheckpointError(f"the tree has no network for its node '{node.name}'; it has: {', '.join(networks)}")
    require_node(node, networks[node.name][0], spec)
    return FastActor(*networks[node.name])
