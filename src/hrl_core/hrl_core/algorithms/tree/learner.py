"""Training a tree from the leaves up: every node by PPO over children that stay as they are.

A composite's decision stands until the leaf that it led to gives up control, tau steps later. Its rows are those of a
semi-Markov decision process: reward sum_k gamma^k r_k, discount gamma^tau.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hrl_core.algorithms.protocols import LevelWeights, Metrics, Stateful, Update, as_tensors
from hrl_core.algorithms.skill_shapes import values_of
from hrl_core.algorithms.tree.batch import BatchTree, make_network
from hrl_core.algorithms.tree.cars import LessonCars
from hrl_core.algorithms.tree.config import TreeConfig
from hrl_core.algorithms.tree.lessons import LESSONS
from hrl_core.algorithms.tree.nodes import kept_nodes, trained_nodes, tree_of
from hrl_core.checkpoints.tree_files import NODES
from hrl_core.environments import Environments, Step
from hrl_core.errors import TaskError
from hrl_core.hierarchy.spec import HierarchySpec, hierarchy_of_tree
from hrl_core.hierarchy.subgoals import to_float32
from hrl_core.hierarchy.tree_policies import untrained_node
from hrl_core.learners.on_policy import OnPolicy, Rollout
from hrl_core.learners.on_policy_config import OnPolicyConfig
from hrl_core.networks.actor_config import ActorConfig
from hrl_core.task.spec import TaskSpec

Float32 = npt.NDArray[np.float32]


class _Rows(NamedTuple):
    """Decisions that are over, leading axis (rows,)."""

    cars: npt.NDArray[np.int64]
    inputs: Float32
    actions: npt.NDArray
    rewards: npt.NDArray
    discounts: npt.NDArray
    next_inputs: Float32
    terminal: npt.NDArray[np.bool_]


_SEEDS = 2**63
"""Torch takes those below."""
_LIVED = ("inputs", "choice", "earned", "discount", "outdated")
"""What is known of the decisions under way, one row a car."""


def _joined(pieces: list[_Rows]) -> _Rows:
    return _Rows._make(np.concatenate(column) for column in zip(*pieces, strict=True))


class TreeLearner:
    """One node learns at a time; those below it act for it, those above wait."""

    def __init__(self, spec: TaskSpec, config: TreeConfig, envs: LessonCars, seed: int) -> None:
        """Begin with the first node.

        Raises:
            HrlError: there is no such node, or no such tree.
        """
        self.spec, self.config, self._envs = spec, config, envs
        self.tree = tree_of(spec, config)
        self.nodes = kept_nodes(spec, config, self.tree)
        self._order = trained_nodes(self.tree, config)
        self._seed, self._rng = seed, np.random.default_rng(seed)
        self._number, self._steps = 0, 0
        self._begin()

    @property
    def name(self) -> str:
        """The node that learns."""
        return self._order[self._number]

    @property
    def lesson_steps(self) -> int:
        """Environment steps of its training, after which it is the next one's turn, if there is one."""
        return round(LESSONS[self.name].steps * self.config.share)

    @property
    def _composite(self) -> bool:
        """Whether it has children, so that its decisions stand for several steps."""
        return bool(self.tree[self.name].children)

    def _begin(self) -> None:
        """Begin the lesson of the present node, whose network is new."""
        name, generator = self.name, torch.Generator().manual_seed((self._seed * 100 + self._number) % _SEEDS)
        self.nodes[name] = dataclasses.replace(self.nodes[name], seed=self._seed, env_steps=0, git_commit="")
        self._earlier = self.nodes[name].updates
        """Of the node that was there: versions rise, also where another takes its place."""
        self._enough = self.config.composite_rollout if self.tree[name].children else self.config.leaf_rollout
        own, shape = self._learning(name), self._shape(name)
        values = values_of(shape)
        network = make_network(self.spec, self.tree, name)
        self.level = OnPolicy(own, shape, values, generator, network)
        self._keep()
        self._below = self._acting()
        self._steps, self._rows = 0, []
        self._envs.assign(name)
        cars = self._envs.num_envs
        self._inputs = np.zeros((cars, len(self.spec.observation)), np.float32)
        self._choice = np.zeros(cars, np.int64)
        self._earned, self._discount = np.zeros(cars), np.ones(cars)
        self._outdated = np.zeros(cars, np.bool_)
        """Whose decision under way was made by the policy of before the last update."""

    def _learning(self, name: str) -> OnPolicyConfig:
        return self.config.composite if self.tree[name].children else self.config.leaf

    def _shape(self, name: str) -> ActorConfig:
        """The network of a node that is trained."""
        own = self._learning(name)
        return dataclasses.replace(untrained_node(self.spec, self.tree[name], own.hidden), activation=own.activation)

    def _acting(self) -> BatchTree:
        networks = {name: (node.actor, node.weights) for name, node in self.nodes.items()}
        return BatchTree(self.spec, self.tree, networks, self._envs.num_envs, self.name)

    def act(self) -> npt.NDArray[np.float64]:
        """Actions (num_envs, 1) of all cars: drawn where a leaf learns, by the leaves of the paths drawn otherwise."""
        states = self._envs.states
        due = self._below.due.copy() if self._composite else np.ones(len(states), np.bool_)
        self._inputs[due] = to_float32(states[due])
        self._earned[due], self._discount[due], self._outdated[due] = 0.0, 1.0, False
        if not self._composite:
            self._choice = self._draw(self._inputs)
            return self._choice[:, None].astype(np.float64)

        def drawn(inputs: Float32) -> npt.NDArray[np.int64]:
            self._choice[due] = self._draw(inputs)
            return self._choice[due]

        self._below.choose(states, drawn)
        return self._below.act(states)[:, None].astype(np.float64)

    def _draw(self, inputs: Float32) -> npt.NDArray[np.int64]:
        """With the probabilities softmax(logits): argmax_k logits_k + g_k, g_k of Gumbel's distribution."""
        logits = self.level.act(torch.from_numpy(inputs)).numpy()
        return (logits + self._rng.gumbel(size=logits.shape)).argmax(1)

    def observe(self, step: Step) -> Mapping[str, Metrics]:
        """Keep what the actions led to; a decision is over where its leaf gives up control, or the episode ends."""
        self._earned += self._discount * step.rewards
        self._discount *= self.level.config.discount
        over = np.ones(len(step.rewards), np.bool_)
        if self._composite:
            self._below.observe(step.states, step.ended)
            over = self._below.due
        cars = np.flatnonzero(over & ~self._outdated)
        if cars.size:
            self._rows.append(
                _Rows(
                    cars,
                    self._inputs[cars],
                    self._choice[cars],
                    self._earned[cars],
                    self._discount[cars],
                    to_float32(step.states[cars]),
                    step.terminated[cars],
                )
            )
        self._steps += self._envs.num_envs
        return {self.name: {"success": float(step.successes[step.ended].mean())}} if step.ended.any() else {}

    def update(self) -> Iterator[Update]:
        """One, when enough decisions are over; then perhaps the next node's turn."""
        if sum(len(rows.cars) for rows in self._rows) >= self._enough:
            rollout, discounts = self._rollout()
            left = 1 - self._steps / self.lesson_steps
            rate = max(0.1, left) if self.config.decay and not self.config.node else 1.0
            figures = self.level.update(rollout, discounts, rate)
            self._keep()
            self._outdated = ~self._below.due if self._composite else self._outdated
            batch = as_tensors(rollout)
            yield Update(self.name, figures, batch)
        if self._steps >= self.lesson_steps and self._number + 1 < len(self._order):
            self._number += 1
            self._begin()

    def _rollout(self) -> tuple[Rollout, Float32]:
        """All rows, car by car, each in order of time, and their discounts."""
        rows = _joined(self._rows)
        order = np.argsort(rows.cars, kind="stable")
        rows, self._rows = _Rows._make(column[order] for column in rows), []
        boundary = np.diff(rows.cars, append=-1) != 0
        actions, rewards = rows.actions[:, None].astype(np.float32), rows.rewards.astype(np.float32)
        lived = Rollout(rows.inputs, actions, rewards, rows.next_inputs, rows.terminal, boundary)
        return lived, rows.discounts.astype(np.float32)

    def _keep(self) -> None:
        """Put the network that learns among the nodes."""
        own, updates = self.nodes[self.name], self.level.updates
        self.nodes[self.name] = dataclasses.replace(
            own,
            actor=self.level.actor_config,
            weights=self.level.actor_arrays(),
            updates=self._earlier + updates,
            env_steps=self._steps if updates else 0,
        )

    def levels(self) -> Mapping[str, LevelWeights]:
        """All nodes."""
        return {name: LevelWeights(node.actor, node.weights, node.updates) for name, node in self.nodes.items()}

    def provenance(self) -> dict[str, Any]:
        """Where each node comes from."""
        return {NODES: {name: node.origin for name, node in self.nodes.items()}}

    def parts(self) -> Mapping[str, Stateful]:
        """How far it is with all nodes' networks, then the one that learns."""
        return {"learner": self, "level": _Late(self)}

    def state_dict(self) -> dict[str, Any]:
        """Everything but the network that learns."""
        self._rows = [_joined(self._rows)] if self._rows else []
        rows = self._rows[0]._asdict() if self._rows else {}
        weights = {f"node.{n}.{k}": w for n, node in self.nodes.items() for k, w in node.weights.items()}
        below = {"leaf": self._below.leaf, "age": self._below.age, "due": self._below.due}
        lived = {name: getattr(self, f"_{name}") for name in _LIVED}
        origins = {name: node.origin for name, node in self.nodes.items()}
        return {
            **{f"rows.{name}": column for name, column in rows.items()},
            **weights,
            **{f"below.{name}": part.copy() for name, part in below.items()},
            **{name: part.copy() for name, part in lived.items()},
            "plain": {"number": self._number, "steps": self._steps, "origins": origins},
            "rng": self._rng.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        cars = self._envs.state_dict()
        self._number = state["plain"]["number"]
        self._begin()
        self._envs.load_state_dict(cars)
        for name, node in self.nodes.items():
            origin = state["plain"]["origins"][name]
            actor = self._shape(name) if name in self._order[: self._number + 1] else node.actor
            own = {key: state[f"node.{name}.{key}"] for key in actor.parameter_shapes()}
            said = {"env_steps": origin["env_steps"], "seed": origin["seed"], "git_commit": origin["git_commit"]}
            self.nodes[name] = dataclasses.replace(node, actor=actor, weights=own, updates=origin["version"], **said)
        self._below = self._acting()
        self._below.leaf, self._below.age, self._below.due = (
            state[f"below.{n}"].copy() for n in ("leaf", "age", "due")
        )
        for name in _LIVED:
            setattr(self, f"_{name}", state[name].copy())
        self._steps, self._rng.bit_generator.state = state["plain"]["steps"], state["rng"]
        self._rows = [_Rows(*(state[f"rows.{name}"] for name in _Rows._fields))] if "rows.cars" in state else []


class _Late:
    """The network that learns, whichever that is."""

    def __init__(self, learner: TreeLearner) -> None:
        self._learner = learner

    def state_dict(self) -> dict[str, Any]:
        return self._learner.level.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._learner.level.load_state_dict(state)


def hierarchy(spec: TaskSpec, config: TreeConfig) -> HierarchySpec:
    """The levels of the tree."""
    return hierarchy_of_tree(tree_of(spec, config))


def environments(spec: TaskSpec, config: TreeConfig, num_envs: int, seed: int) -> LessonCars:
    """Cars that learn; raises ``HrlError`` where there is no such node."""
    return LessonCars(num_envs, seed, trained_nodes(tree_of(spec, config), config)[0])


def learner(spec: TaskSpec, config: TreeConfig, envs: Environments, seed: int) -> TreeLearner:
    """A learner at the beginning of a run.

    Raises:
        HrlError: the environments teach no lessons, or there is no such node.
    """
    if not isinstance(envs, LessonCars):
        raise TaskError("a tree learns in environments of its own: learner.environments makes them")
    return TreeLearner(spec, config, envs, seed)
