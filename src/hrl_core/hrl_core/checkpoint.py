"""A policy on disk: ``weights.safetensors`` + ``policy.json`` + ``task.yaml``, written whole or not at all."""

import dataclasses
import hashlib
import json
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

from hrl_core.actor_config import ActorConfig, Float32
from hrl_core.errors import CheckpointError, TaskError
from hrl_core.policies import ActorManager, ActorWorker
from hrl_core.task import TaskSpec, parse_task, task_difference

WEIGHTS = "weights.safetensors"
MANIFEST = "policy.json"
TASK = "task.yaml"
FORMAT = 1
RANDOM_OUTPUT = 0.3
"""Half-range of an untrained policy's output weights; with the usual 0.003 the ant would hardly move."""


@dataclass(frozen=True)
class Checkpoint:
    """A hierarchical policy and where it comes from."""

    task: TaskSpec
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
    """Level name -> architecture."""
    weights: Mapping[str, Float32]
    """``<level>.<parameter>`` -> array."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What it was trained from, as plain data: consumed segments, update, generators; empty for runs in simulation."""
    weights_sha256: str = ""

    def manager(self) -> ActorManager:
        """Build the manager; raises ``CheckpointError`` when the weights do not fit."""
        return ActorManager(self.task, self.actor("manager"), self.level("manager"), self.version)

    def worker(self) -> ActorWorker:
        """Build the worker; raises ``CheckpointError`` when the weights do not fit."""
        return ActorWorker(self.task, self.actor("worker"), self.level("worker"), self.version)

    def require_task(self, task: TaskSpec) -> None:
        """Raise ``TaskError`` naming the differing field unless this policy was made for ``task``."""
        if self.task.sha256 != task.sha256:
            raise TaskError(
                f"the policy was made for another task than '{task.name}': {task_difference(self.task, task)} "
                "(policy != task); choose a policy of this task or restore the task file"
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


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises:
        CheckpointError: it is missing, incomplete, damaged (SHA-256) or of an unknown format.
    """
    for name in (MANIFEST, WEIGHTS, TASK):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder} is not a policy checkpoint: {name} is missing")
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise CheckpointError(f"{folder / MANIFEST}: format {manifest['format']}, this version reads {FORMAT}")
        # Read once: what is checked is what is loaded, even if a trainer replaces the folder meanwhile.
        data = (folder / WEIGHTS).read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != manifest["weights_sha256"]:
            raise CheckpointError(
                f"{folder / WEIGHTS} is damaged: SHA-256 {found[:12]}..., {MANIFEST} says "
                f"{manifest['weights_sha256'][:12]}...; restore or retrain it"
            )
        task = parse_task((folder / TASK).read_text(), str(folder / TASK))
        return _from_manifest(manifest, task, load(data), folder)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        raise CheckpointError(f"{folder} is damaged: {type(error).__name__}: {error}") from None


def random_checkpoint(task: TaskSpec, seed: int, git_commit: str = "") -> Checkpoint:
    """Untrained policy whose actions and subgoals vary visibly: larger output weights than training starts from."""
    generator = np.random.default_rng(seed)
    positions = tuple(int(i) for i, e in enumerate(task.observation) if e.name in ("x", "y"))
    observation, subgoal = len(task.observation), len(task.subgoal.elements)
    actors = {
        "manager": ActorConfig(
            observation + len(task.goal),
            (300, 300),
            tuple(task.subgoal_low),
            tuple(task.subgoal_high),
            exploration_noise=(1.0,) * subgoal,
            held_exploration=1.0,
        ),
        "worker": ActorConfig(
            observation + subgoal,
            (300, 300),
            tuple(task.action_low),
            tuple(task.action_high),
            masked=positions,
            exploration_noise=(1.0,) * len(task.action),
        ),
    }
    weights: dict[str, Float32] = {}
    for level, config in actors.items():
        last = f"layers.{len(config.hidden)}.weight"
        for name, shape in config.parameter_shapes().items():
            # As ``networks.Actor`` begins, but for the output.
            bound = 0.0 if len(shape) == 1 else RANDOM_OUTPUT if name == last else shape[1] ** -0.5
            weights[f"{level}.{name}"] = generator.uniform(-bound, bound, shape).astype(np.float32)
    return Checkpoint(task, "random", False, 0, 0, seed, git_commit, actors, weights)


def _manifest(checkpoint: Checkpoint, weights_sha256: str) -> dict[str, Any]:
    plain = ("algorithm", "trained", "version", "env_steps", "seed", "git_commit")
    return {
        "format": FORMAT,
        **{name: getattr(checkpoint, name) for name in plain},
        "task": checkpoint.task.name,
        "task_hash": checkpoint.task.sha256,
        "weights_sha256": weights_sha256,
        "metrics": dict(checkpoint.metrics),
        "provenance": dict(checkpoint.provenance),
        "actors": {level: dataclasses.asdict(config) for level, config in checkpoint.actors.items()},
    }


def _from_manifest(manifest: dict[str, Any], task: TaskSpec, weights: dict[str, Float32], folder: Path) -> Checkpoint:
    if task.sha256 != manifest["task_hash"]:
        raise CheckpointError(
            f"{folder / TASK} was changed after the policy was made: hash {task.sha256[:12]}..., {MANIFEST} says "
            f"{manifest['task_hash'][:12]}..."
        )
    actors = {level: ActorConfig.from_dict(config) for level, config in manifest["actors"].items()}
    return Checkpoint(
        task=task,
        algorithm=str(manifest["algorithm"]),
        trained=bool(manifest["trained"]),
        version=int(manifest["version"]),
        env_steps=int(manifest["env_steps"]),
        seed=int(manifest["seed"]),
        git_commit=str(manifest["git_commit"]),
        actors=actors,
        weights=weights,
        metrics=manifest["metrics"],
        provenance=manifest.get("provenance", {}),
        weights_sha256=str(manifest["weights_sha256"]),
    )


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
