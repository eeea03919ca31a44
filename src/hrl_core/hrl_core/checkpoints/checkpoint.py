"""A policy on disk: ``weights.safetensors`` + ``policy.json`` + ``task.yaml``, written whole or not at all."""

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hrl_core.checkpoints.manifest import FORMAT, GREEDY, MANIFEST, SAMPLED, Manifest, read_manifest, require_file
from hrl_core.checkpoints.tree_files import NODES, TreeFiles, read_nodes, write_nodes
from hrl_core.checkpoints.weights import WEIGHTS, read_weights, save_weights
from hrl_core.errors import CheckpointError, TaskError
from hrl_core.hierarchy.embedded_policies import EmbeddedManager, EmbeddedWorker
from hrl_core.hierarchy.path_sessions import manager_session, worker_session
from hrl_core.hierarchy.policies import (
    ActorManager,
    ActorWorker,
    Manager,
    SkillManager,
    SkillWorker,
    Termination,
    Worker,
)
from hrl_core.hierarchy.recurrent_policies import RecurrentManager, RecurrentWorker
from hrl_core.hierarchy.spec import EMBEDDING, TERMINATION, GoalSpace, HierarchySpec, hierarchy_of, manager_name
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.subgoals import Assignment
from hrl_core.hierarchy.text import hierarchy_difference
from hrl_core.hierarchy.tree_policies import TreeManager, TreeWorker, untrained_node
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.networks.fast_actor import FastActor
from hrl_core.prefixed import below
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task, read_task_file, task_difference
from hrl_core.whole_folders import partial_folder, put_in_place

TASK = "task.yaml"
RANDOM_OUTPUT = 0.3
"""Half-range of an untrained policy's output weights; with the usual 0.003 the ant would hardly move."""


@dataclass(frozen=True)
class Checkpoint:
    """A policy of any number of levels and where it comes from."""

    task: TaskSpec
    hierarchy: HierarchySpec
    """What its levels above the worker choose."""
    algorithm: str
    """``hiro``, ``td3``, ..., or ``random`` for untrained weights."""
    trained: bool
    version: int
    """Policy version, rising within a training run."""
    env_steps: int
    """Environment steps it was trained on, pre-training counted in."""
    seed: int
    git_commit: str
    actors: Mapping[str, ActorConfig]
    """Party (``worker``, ``manager``, ``manager_2``, ...) -> architecture; ``termination`` where a worker may end;
    ``embedding`` where subgoals lie in a learned space;
    ``<party>_value`` where what states are worth was learned beside."""
    weights: Mapping[str, Float32]
    """``<level>.<parameter>`` -> array."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained from, as plain data: consumed segments, update, generators; of runs in simulation how their
    episodes were randomised, otherwise empty."""
    weights_sha256: str = ""
    evaluation: str = GREEDY
    """Outside training: ``greedy``, or ``sampled`` where choices are meant to be drawn."""

    def copied(self) -> "Checkpoint":
        """The same with weights of its own."""
        return dataclasses.replace(self, weights={name: array.copy() for name, array in self.weights.items()})

    def goal_space(self, level: int = 0) -> GoalSpace:
        """Where the subgoals of a level lie; raises ``CheckpointError`` where there are none."""
        count = len(self.hierarchy.levels)
        if not count:
            raise CheckpointError("the policy is flat: it has no manager and no subgoals")
        if not 0 <= level < count:
            raise CheckpointError(f"the policy has no level {level}; its levels are 0 to {count - 1}")
        return GoalSpace(self.task, self.hierarchy.levels[level])

    def manager(self, level: int = 0) -> Manager:
        """Build the manager of a level; raises ``CheckpointError`` when the weights do not fit."""
        if self.hierarchy.tree is not None:
            return TreeManager(self.task, self.hierarchy.tree, self._networks, self.version, self._sampled)
        name, space = manager_name(level), self.goal_space(level)
        pursued = self.hierarchy.pursued(level, self.task)
        config, weights = self.actor(name), self.level(name)
        if space.level.kind == "skill":
            return SkillManager(self.task, space, pursued, config, weights, self.version, self._sampled)
        own = self.task, space, pursued, config, weights, self.version
        if space.level.embedded:
            return EmbeddedManager(*own, embedding=self._embedding())
        return (ActorManager if config.memory is None else RecurrentManager)(*own)

    def worker(self) -> Worker:
        """Build the worker; raises ``CheckpointError`` when the weights do not fit."""
        if self.hierarchy.tree is not None:
            return TreeWorker(self.task, self.hierarchy.tree, self._networks, self.version, self._sampled)
        pursued, termination = self.hierarchy.pursued(-1, self.task), None
        if self.hierarchy.worker_may_terminate:
            inputs = len(self.task.observation) + pursued
            termination = Termination(inputs, self.actor(TERMINATION), self.level(TERMINATION), self._sampled)
        own = self.actor("worker"), self.level("worker")
        if self.actor("worker").skills:
            return SkillWorker(self.task, *own, self.version, self._sampled)
        if self.actor("worker").memory is not None:
            return RecurrentWorker(self.task, pursued, *own, self.version, self._sampled)
        rest = self.version, termination, self._sampled
        if self.hierarchy.embedded:
            return EmbeddedWorker(self.task, pursued, *own, *rest, embedding=self._embedding())
        return ActorWorker(self.task, pursued, *own, *rest)

    def _embedding(self) -> FastActor:
        return FastActor(self.actor(EMBEDDING), self.level(EMBEDDING))

    @property
    def _networks(self) -> dict[str, tuple[ActorConfig, dict[str, Float32]]]:
        return {name: (config, self.level(name)) for name, config in self.actors.items()}

    @property
    def _sampled(self) -> bool:
        return self.evaluation == SAMPLED

    def assignment(self, level: int) -> Assignment:
        """Something that a level, or the worker (-1), might be asked for, to try it out with."""
        above = self.hierarchy.levels[level + 1 : level + 2]
        if above and above[0].kind == "skill" and self.hierarchy.sees_goal(level):
            return Assignment(skill=0)
        return Assignment(np.zeros(self.hierarchy.pursued(level, self.task), np.float32))

    def stack(self, seed: int) -> Hierarchy:
        """Everybody who acts in a run of this seed, in one process; raises ``CheckpointError`` where weights misfit."""
        spec = self.hierarchy
        managers = [
            manager_session(self.task, spec, self.manager(level), seed, level) for level in range(len(spec.parties) - 1)
        ]
        return Hierarchy(worker_session(self.task, spec, self.worker(), seed), managers)

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``TaskError`` naming the differing field unless this policy was made for ``task``."""
        if self.task.sha256 != task.sha256:
            raise TaskError(
                f"the policy was made for another task than '{task.name}': {task_difference(self.task, task)} "
                "(policy != task); choose a policy of this task or restore the task file"
            )

    def require_hierarchy(self, hierarchy: HierarchySpec) -> None:
        """Raise ``CheckpointError`` naming the differing field unless this policy is one of ``hierarchy``."""
        if self.hierarchy.sha256 != hierarchy.sha256:
            difference = hierarchy_difference(self.hierarchy, hierarchy)
            raise CheckpointError(
                f"the policy has another hierarchy: {difference} (policy != run); policies of one run choose the same"
            )

    def actor(self, level: str) -> ActorConfig:
        """Architecture of a level; raises ``CheckpointError`` where there is none."""
        if level not in self.actors:
            raise CheckpointError(f"the checkpoint has no {level}; it has: {', '.join(self.actors)}")
        return self.actors[level]

    def level(self, level: str) -> dict[str, Float32]:
        """Parameters of a level under the names of ``networks.Actor``."""
        return below(f"{level}.", self.weights)


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint to ``folder``, replacing one that is there; an interruption leaves the old one whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = partial_folder(folder)
    try:
        (part / TASK).write_text(checkpoint.task.to_yaml())
        (part / MANIFEST).write_text(json.dumps(_written(checkpoint, part), indent=2) + "\n")
        put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_checkpoint(folder: Path, follow_links: bool = True) -> Checkpoint:
    """Read and check a checkpoint; nothing is read that is larger than the actors of ``policy.json`` need.

    Args:
        folder: where it lies.
        follow_links: whether its files may be symbolic links.

    Raises:
        CheckpointError: it is missing, incomplete, damaged (SHA-256), of another format, or its actors do not fit the
            task or its weights; the message names file and level.
        TaskError: its task file is none.
    """
    manifest = read_manifest(folder, follow_links)
    require_file(folder, TASK)
    task = parse_task(read_task_file(folder / TASK, follow_links), str(folder / TASK))
    if manifest.task_hash not in task.hashes:
        raise CheckpointError(
            f"{folder / TASK} was changed after the policy was made: hash {task.sha256[:12]}..., {MANIFEST} says "
            f"{manifest.task_hash[:12]}..."
        )
    hierarchy = manifest.hierarchy_for(task, folder / MANIFEST, follow_links)
    if hierarchy.tree is not None:
        return _of_nodes(task, hierarchy, manifest, read_nodes(folder, manifest, task, hierarchy.tree, follow_links))
    require_file(folder, WEIGHTS)
    weights = read_weights(folder / WEIGHTS, manifest.actors, manifest.weights_sha256, follow_links)
    kept = {name: getattr(manifest, name) for name in _manifest_fields()}
    return Checkpoint(task=task, hierarchy=hierarchy, weights=weights, **kept)


def load_hierarchy(folder: Path) -> HierarchySpec:
    """The hierarchy of a checkpoint, without its weights; raises ``CheckpointError`` or ``TaskError``."""
    manifest = read_manifest(folder)
    require_file(folder, TASK)
    return manifest.hierarchy_for(parse_task(read_task_file(folder / TASK), str(folder / TASK)), folder / MANIFEST)


def random_checkpoint(
    task: TaskSpec, seed: int, git_commit: str = "", hierarchy: HierarchySpec | None = None
) -> Checkpoint:
    """Untrained policy whose actions and subgoals vary visibly: larger output weights than training starts from.

    Skills, and whether to end them, are drawn.

    Args:
        task: what it is for.
        seed: of the weights.
        git_commit: of the code.
        hierarchy: what its levels choose; None: ``hierarchy_of`` the task.
    """
    generator = np.random.default_rng(seed)
    hierarchy = hierarchy_of(task) if hierarchy is None else hierarchy
    actors = _untrained_actors(task, hierarchy)
    weights: dict[str, Float32] = {}
    for level, config in actors.items():
        last = f"layers.{len(config.hidden)}.weight"
        for name, shape in config.parameter_shapes().items():
            # As ``networks.Actor`` begins, but for the output.
            bound = 0.0 if len(shape) == 1 else RANDOM_OUTPUT if name == last else shape[1] ** -0.5
            weights[f"{level}.{name}"] = generator.uniform(-bound, bound, shape).astype(np.float32)
    checkpoint = Checkpoint(task, hierarchy, "random", False, 0, 0, seed, git_commit, actors, weights)
    drawn = any(level.kind == "skill" for level in hierarchy.levels)
    return dataclasses.replace(checkpoint, evaluation=SAMPLED) if drawn else checkpoint


def _untrained_actors(task: TaskSpec, hierarchy: HierarchySpec) -> dict[str, ActorConfig]:
    hidden, observed = (300, 300), len(task.observation)
    if hierarchy.tree is not None:
        return {node.name: untrained_node(task, node) for node in hierarchy.tree.nodes}
    actors: dict[str, ActorConfig] = {}
    for number, level in enumerate(hierarchy.levels):
        inputs = observed + hierarchy.pursued(number, task)
        if level.kind == "skill":
            low, high = (0.0,) * level.shown, (1.0,) * level.shown
            actors[manager_name(number)] = ActorConfig(inputs, hidden, low, high, head="categorical")
            continue
        space = GoalSpace(task, level)
        actors[manager_name(number)] = ActorConfig(
            inputs,
            hidden,
            tuple(space.low),
            tuple(space.high),
            exploration_noise=(1.0,) * space.size,
            held_exploration=1.0,
        )
    inputs = observed + hierarchy.pursued(-1, task)
    # Where it is means nothing to one that is told where to go from there.
    masked = tuple(i for i, e in enumerate(task.observation) if e.name in ("x", "y")) if hierarchy.levels else ()
    low, high, noise = tuple(task.action_low), tuple(task.action_high), (1.0,) * len(task.action)
    actors["worker"] = ActorConfig(inputs, hidden, low, high, masked, exploration_noise=noise)
    if task.choices:
        count = len(task.choices)
        actors["worker"] = ActorConfig(inputs, hidden, (0.0,) * count, (1.0,) * count, masked, head="categorical")
    if hierarchy.embedded:
        size = hierarchy.levels[0].size
        actors[EMBEDDING] = ActorConfig(observed, hidden, (-1.0,) * size, (1.0,) * size)
    if hierarchy.worker_may_terminate:
        actors[TERMINATION] = ActorConfig(inputs, hidden, (0.0,), (1.0,))
    return actors


def _manifest_fields() -> list[str]:
    """What checkpoint and manifest have alike; the task one of them only names, the hierarchy it may leave out."""
    known = {row.name for row in dataclasses.fields(Checkpoint)} - {"task", "hierarchy"}
    return [row.name for row in dataclasses.fields(Manifest) if row.name in known]


def _written(checkpoint: Checkpoint, folder: Path) -> dict[str, Any]:
    """Write the weights; returns what ``policy.json`` says of them."""
    plain = {name: getattr(checkpoint, name) for name in _manifest_fields()}
    said = {"task": checkpoint.task.name, "task_hash": checkpoint.task.sha256}
    own, tree = checkpoint, checkpoint.hierarchy.tree
    if tree is not None:
        origins = own.provenance.get(NODES, {})
        nodes, sha256 = write_nodes(folder, own.task, tree, own.actors, own.weights, origins, own.git_commit)
        return {"format": FORMAT} | plain | said | {"weights_sha256": sha256, "nodes": nodes, "actors": {}}
    save_weights(own.weights, folder / WEIGHTS)
    said |= {"weights_sha256": _sha256(folder / WEIGHTS)}
    actors = {level: dataclasses.asdict(config) for level, config in own.actors.items()}
    return {"format": FORMAT} | plain | said | {"hierarchy": own.hierarchy.as_dict(), "actors": actors}


def _of_nodes(task: TaskSpec, hierarchy: HierarchySpec, manifest: Manifest, nodes: TreeFiles) -> Checkpoint:
    """A tree whose nodes have been read."""
    kept = {name: getattr(manifest, name) for name in _manifest_fields()}
    kept |= {"actors": nodes.actors, "provenance": {**manifest.provenance, NODES: nodes.origins}}
    return Checkpoint(task=task, hierarchy=hierarchy, weights=nodes.weights, **kept)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
