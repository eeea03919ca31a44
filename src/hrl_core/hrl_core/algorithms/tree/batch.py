"""A tree that acts for many cars at once, without drawing: the same rules as the sessions', equal to them by test."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.hierarchy.tree import Regions, Tree
from hrl_core.hierarchy.tree_policies import FORBIDDEN
from hrl_core.networks.actor import Actor
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.task.spec import TaskSpec

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


class ChildActor(Actor):
    """The network of a composite; children that may not start have no chance."""

    def __init__(self, config: ActorConfig, generator: torch.Generator | None, starts: list[Regions | None]) -> None:
        """Initialise; ``starts`` are the initiation sets of its children, None where they may start anywhere."""
        super().__init__(config, generator)
        self._starts = starts

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map observations (batch, observation_dim) to logits (batch, children)."""
        logits = super().forward(inputs)
        states, columns = inputs.cpu().numpy(), []
        for k, start in enumerate(self._starts):
            own = logits[:, k]
            if start is not None:
                own = own.masked_fill(torch.from_numpy(~start.hold(states)).to(own.device), FORBIDDEN)
            columns.append(own)
        return torch.stack(columns, dim=1)


class BatchTree:
    """The nodes below one of a tree, and that one itself."""

    def __init__(
        self,
        spec: TaskSpec,
        tree: Tree,
        actors: Mapping[str, tuple[ActorConfig, Mapping[str, Float32]]],
        cars: int,
        top: str = "",
    ) -> None:
        """Act nowhere yet.

        Args:
            spec: the task.
            tree: whose nodes these are.
            actors: architecture and weights of every node.
            cars: how many.
            top: the node that paths begin with; none: the root.
        """
        self._tree, self.top = tree, top or tree.root
        self._done = [Regions(tree[name].done, spec) for name in tree.leaves]
        self._commits = np.array([tree[name].commit for name in tree.leaves])
        self._networks: dict[str, Actor] = {}
        for name in tree.bottom_up(self.top):
            config, weights = actors[name]
            network = make_network(spec, tree, name)(config, None)
            network.load_state_dict({key: torch.tensor(array) for key, array in weights.items()})
            self._networks[name] = network.requires_grad_(False)
        self.leaf, self.age = np.zeros(cars, np.int64), np.zeros(cars, np.int64)
        """Number of the leaf in control, and for how many steps."""
        self.due = np.ones(cars, np.bool_)
        """Where a new path is to be chosen."""

    def choose(self, states: npt.NDArray, choose_top: Callable[[Float32], Numbers] | None = None) -> None:
        """Choose paths where they are due.

        Args:
            states: observations, (cars, observation_dim).
            choose_top: makes the choice of the topmost node, inputs (batch, observation_dim) to numbers of children;
                None: its likeliest.
        """
        cars = np.flatnonzero(self.due)
        if cars.size:
            self.leaf[cars] = self._descend(self.top, to_float32(states[cars]), choose_top)
            self.age[cars], self.due[cars] = 0, False

    def act(self, states: npt.NDArray) -> Numbers:
        """Actions (cars,) of the leaves in control."""
        actions, inputs = np.zeros(len(self.leaf), np.int64), to_float32(states)
        for number in np.unique(self.leaf):
            cars = np.flatnonzero(self.leaf == number)
            actions[cars] = self._greedy(self._tree.leaves[number], inputs[cars])
        return actions

    def observe(self, states: npt.NDArray, ended: Flags) -> None:
        """Look, at the observations that actions led to, which leaves are done; ``ended``: where episodes are."""
        self.age += 1
        self.due = ended | (self.age >= self._commits[self.leaf])
        for number in np.unique(self.leaf):
            own = self.leaf == number
            self.due |= own & self._done[number].hold(states)

    def _descend(self, name: str, inputs: Float32, choose: Callable[[Float32], Numbers] | None = None) -> Numbers:
        """Numbers of the leaves that a node's choice ends with, (batch,)."""
        children = self._tree[name].children
        if not children:
            return np.full(len(inputs), self._tree.leaves.index(name))
        chosen = self._greedy(name, inputs) if choose is None else choose(inputs)
        leaves = np.zeros(len(inputs), np.int64)
        for k in np.unique(chosen):
            own = chosen == k
            leaves[own] = self._descend(children[k], inputs[own])
        return leaves

    def _greedy(self, name: str, inputs: Float32) -> Numbers:
        with torch.inference_mode():
            return self._networks[name](torch.from_numpy(inputs)).argmax(1).numpy()


def make_network(spec: TaskSpec, tree: Tree, name: str) -> Callable[[ActorConfig, torch.Generator | None], Actor]:
    """What makes the network of a node."""
    children = [tree[child].start for child in tree[name].children]
    if not any(children):
        return Actor
    starts = [Regions(start, spec) if start else None for start in children]
    return lambda config, generator: ChildActor(config, generator, starts)
