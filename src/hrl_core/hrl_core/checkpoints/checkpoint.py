"""A policy on disk: ``weights.safetensors`` + ``policy.json`` + ``task.yaml``, written whole or not at all."""

import dataclasses
import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from hrl_core.checkpoints.manifest import FORMAT, MANIFEST, Manifest, read_manifest, require_file
from hrl_core.documents import read_limited
from hrl_core.errors import CheckpointError, FileError, TaskError
from hrl_core.hierarchy.manager_session import ManagerSession
from hrl_core.hierarchy.policies import ActorManager, ActorWorker
from hrl_core.hierarchy.spec import GoalSpace, HierarchySpec, hierarchy_of, manager_name
from hrl_core.hierarchy.stack import Hierarchy
from hrl_core.hierarchy.text import hierarchy_difference
from hrl_core.hierarchy.worker_session import WorkerSession
from hrl_core.networks.actor_config import ActorConfig, Float32
from hrl_core.task.spec import TaskSpec
from hrl_core.task.text import parse_task, read_task_file, task_difference

WEIGHTS = "weights.safetensors"
TASK = "task.yaml"
_HEADER = 2**20
"""Bytes that the names and shapes of a weights file may take."""
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
    """Party (``worker``, ``manager``, ``manager_2``, ...) -> architecture."""
    weights: Mapping[str, Float32]
    """``<level>.<parameter>`` -> array."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained from, as plain data: consumed segments, update, generators; empty for runs in simulation."""
    weights_sha256: str = ""

    def goal_space(self, level: int = 0) -> GoalSpace:
        """Where the subgoals of a level lie; raises ``CheckpointError`` where there are none."""
        count = len(self.hierarchy.levels)
        if not count:
            raise CheckpointError("the policy is flat: it has no manager and no subgoals")
        if not 0 <= level < count:
            raise CheckpointError(f"the policy has no level {level}; its levels are 0 to {count - 1}")
        return GoalSpace(self.task, self.hierarchy.levels[level])

    def manager(self, level: int = 0) -> ActorManager:
        """Build the manager of a level; raises ``CheckpointError`` when the weights do not fit."""
        name, space = manager_name(level), self.goal_space(level)
        pursued = self.hierarchy.pursued(level, self.task)
        return ActorManager(self.task, space, pursued, self.actor(name), self.level(name), self.version)

    def worker(self) -> ActorWorker:
        """Build the worker; raises ``CheckpointError`` when the weights do not fit."""
        pursued = self.hierarchy.pursued(-1, self.task)
        return ActorWorker(self.task, pursued, self.actor("worker"), self.level("worker"), self.version)

    def stack(self, seed: int) -> Hierarchy:
        """Everybody who acts in a run of this seed, in one process; raises ``CheckpointError`` where weights misfit."""
        spec = self.hierarchy
        managers = [
            ManagerSession(self.task, spec, self.manager(level), seed, level) for level in range(len(spec.levels))
        ]
        return Hierarchy(WorkerSession(self.task, spec, self.worker(), seed), managers)

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
        prefix = f"{level}."
        return {name.removeprefix(prefix): w for name, w in self.weights.items() if name.startswith(prefix)}


def save_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint to ``folder``, replacing one that is there; an interruption leaves the old one whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        save_file({name: np.ascontiguousarray(w) for name, w in checkpoint.weights.items()}, part / WEIGHTS)
        (part / TASK).write_text(checkpoint.task.to_yaml())
        (part / MANIFEST).write_text(json.dumps(_manifest(checkpoint, _sha256(part / WEIGHTS)), indent=2) + "\n")
        # Temporary folders and safetensors files are private by default; policies are shipped and shared.
        part.chmod(0o755)
        (part / WEIGHTS).chmod(0o644)
        _replace_folder(part, folder)
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
    for name in (WEIGHTS, TASK):
        require_file(folder, name)
    task = parse_task(read_task_file(folder / TASK, follow_links), str(folder / TASK))
    if manifest.task_hash not in task.hashes:
        raise CheckpointError(
            f"{folder / TASK} was changed after the policy was made: hash {task.sha256[:12]}..., {MANIFEST} says "
            f"{manifest.task_hash[:12]}..."
        )
    hierarchy = manifest.hierarchy_for(task, folder / MANIFEST)
    weights = _read_weights(folder / WEIGHTS, manifest, follow_links)
    kept = {name: getattr(manifest, name) for name in _manifest_fields()}
    return Checkpoint(task=task, hierarchy=hierarchy, weights=weights, **kept)


def load_hierarchy(folder: Path) -> HierarchySpec:
    """The hierarchy of a checkpoint, without its weights; raises ``CheckpointError`` or ``TaskError``."""
    manifest = read_manifest(folder)
    require_file(folder, TASK)
    return manifest.hierarchy_for(parse_task(read_task_file(folder / TASK), str(folder / TASK)), folder / MANIFEST)


def _read_weights(path: Path, manifest: Manifest, follow_links: bool) -> dict[str, Float32]:
    """Weights that are those of the actors: all of them, of their shapes, 32-bit floats, finite."""
    shapes = {
        f"{level}.{name}": shape
        for level, config in manifest.actors.items()
        for name, shape in config.parameter_shapes().items()
    }
    try:
        # Read once: what is checked is what is loaded, even if a trainer replaces the folder meanwhile.
        data = read_limited(path, _HEADER + 4 * sum(map(math.prod, shapes.values())), follow_links)
    except FileError as error:
        raise CheckpointError(f"{error} for the actors that {MANIFEST} tells of") from None
    found = hashlib.sha256(data).hexdigest()
    if found != manifest.weights_sha256:
        raise CheckpointError(
            f"{path} is damaged: SHA-256 {found[:12]}..., {MANIFEST} says {manifest.weights_sha256[:12]}...; "
            "restore or retrain it"
        )
    try:
        weights = load(data)
    except (SafetensorError, ValueError, LookupError, TypeError, AttributeError):
        raise CheckpointError(f"{path} is no safetensors file of arrays") from None
    for name, shape in shapes.items():
        _check_tensor(path, name, weights.get(name), shape)
    if strange := sorted(set(weights) - set(shapes)):
        raise CheckpointError(f"{path}: tensor '{strange[0][:60]}' belongs to no actor of {MANIFEST}")
    return weights


def _check_tensor(path: Path, name: str, array: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401 - of any type
    level, _, tensor = name.partition(".")
    wanted = f"{path}: {level}: tensor '{tensor}': expected 32-bit floats of shape {shape}"
    if array is None:
        raise CheckpointError(f"{wanted}, got nothing")
    if array.dtype != np.float32 or array.shape != shape:
        raise CheckpointError(f"{wanted}, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise CheckpointError(f"{path}: {level}: tensor '{tensor}' holds non-finite numbers")


def random_checkpoint(
    task: TaskSpec, seed: int, git_commit: str = "", hierarchy: HierarchySpec | None = None
) -> Checkpoint:
    """Untrained policy whose actions and subgoals vary visibly: larger output weights than training starts from.

    Args:
        task: what it is for.
        seed: of the weights.
        git_commit: of the code.
        hierarchy: what its levels choose; None: ``hierarchy_of`` the task.
    """
    generator = np.random.default_rng(seed)
    hierarchy = hierarchy_of(task) if hierarchy is None else hierarchy
    observation = len(task.observation)
    actors: dict[str, ActorConfig] = {}
    for number, level in enumerate(hierarchy.levels):
        space = GoalSpace(task, level)
        actors[manager_name(number)] = ActorConfig(
            observation + hierarchy.pursued(number, task),
            (300, 300),
            tuple(space.low),
            tuple(space.high),
            exploration_noise=(1.0,) * space.size,
            held_exploration=1.0,
        )
    actors["worker"] = ActorConfig(
        observation + hierarchy.pursued(-1, task),
        (300, 300),
        tuple(task.action_low),
        tuple(task.action_high),
        # Where it is means nothing to one that is told where to go from there.
        masked=tuple(i for i, e in enumerate(task.observation) if e.name in ("x", "y")) if hierarchy.levels else (),
        exploration_noise=(1.0,) * len(task.action),
    )
    weights: dict[str, Float32] = {}
    for level, config in actors.items():
        last = f"layers.{len(config.hidden)}.weight"
        for name, shape in config.parameter_shapes().items():
            # As ``networks.Actor`` begins, but for the output.
            bound = 0.0 if len(shape) == 1 else RANDOM_OUTPUT if name == last else shape[1] ** -0.5
            weights[f"{level}.{name}"] = generator.uniform(-bound, bound, shape).astype(np.float32)
    return Checkpoint(task, hierarchy, "random", False, 0, 0, seed, git_commit, actors, weights)


def _manifest_fields() -> list[str]:
    """What checkpoint and manifest have alike; the task one of them only names, the hierarchy it may leave out."""
    known = {row.name for row in dataclasses.fields(Checkpoint)} - {"task", "hierarchy"}
    return [row.name for row in dataclasses.fields(Manifest) if row.name in known]


def _manifest(checkpoint: Checkpoint, weights_sha256: str) -> dict[str, Any]:
    plain = {name: getattr(checkpoint, name) for name in _manifest_fields()}
    actors = {level: dataclasses.asdict(config) for level, config in checkpoint.actors.items()}
    said = {"task": checkpoint.task.name, "task_hash": checkpoint.task.sha256, "weights_sha256": weights_sha256}
    return {"format": FORMAT} | plain | said | {"hierarchy": checkpoint.hierarchy.as_dict(), "actors": actors}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _replace_folder(part: Path, folder: Path) -> None:
    """Put ``part`` in the place of ``folder``; directories cannot be renamed over full ones, so step aside first."""
    if not folder.exists():
        os.rename(part, folder)
        return
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    os.rename(folder, old)
    os.rename(part, folder)
    shutil.rmtree(old, ignore_errors=True)
