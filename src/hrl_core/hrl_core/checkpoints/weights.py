"""The weights of a policy on disk."""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save, save_file

from hrl_core.checkpoints.manifest import MANIFEST
from hrl_core.documents import read_limited
from hrl_core.errors import CheckpointError, FileError
from hrl_core.networks.actor_config import ActorConfig, Float32

WEIGHTS = "weights.safetensors"
_HEADER = 2**20
"""Bytes that the names and shapes of a weights file may take."""


def read_weights(path: Path, actors: Mapping[str, ActorConfig], sha256: str, follow_links: bool) -> dict[str, Float32]:
    """Weights that are those of the actors: all of them, of their shapes, 32-bit floats, finite.

    Args:
        path: the file.
        actors: what ``policy.json`` tells of.
        sha256: of the file, by ``policy.json``.
        follow_links: whether it may be a symbolic link.

    Raises:
        CheckpointError: it is too large, damaged, or not of these actors.
    """
    shapes = {
        f"{level}.{name}": shape
        for level, config in actors.items()
        for name, shape in config.parameter_shapes().items()
    }
    try:
        # Read once: what is checked is what is loaded, even if a trainer replaces the folder meanwhile.
        data = read_limited(path, _HEADER + 4 * sum(map(math.prod, shapes.values())), follow_links)
    except FileError as error:
        raise CheckpointError(f"{error} for the actors that {MANIFEST} tells of") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise CheckpointError(
            f"{path} is damaged: SHA-256 {found[:12]}..., {MANIFEST} says {sha256[:12]}...; restore or retrain it"
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


def save_weights(weights: Mapping[str, Float32], path: Path) -> None:
    """Write weights into a file that others may read; raises ``OSError``: the disk refuses."""
    try:
        save_file(_contiguous(weights), path)
    except SafetensorError as error:
        raise OSError(str(error)) from None
    # Safetensors files are private by default.
    path.chmod(0o644)


def weights_sha256(weights: Mapping[str, Float32]) -> str:
    """SHA-256 of the file that ``save_weights`` writes."""
    return hashlib.sha256(save(_contiguous(weights))).hexdigest()


def _contiguous(weights: Mapping[str, Float32]) -> dict[str, Float32]:
    return {name: np.ascontiguousarray(array) for name, array in weights.items()}


def _check_tensor(path: Path, name: str, array: Any, shape: tuple[int, ...]) -> None:  # noqa: ANN401 - of any type
    level, _, tensor = name.partition(".")
    wanted = f"{path}: {level}: tensor '{tensor}': expected 32-bit floats of shape {shape}"
    if array is None:
        raise CheckpointError(f"{wanted}, got nothing")
    if array.dtype != np.float32 or array.shape != shape:
        raise CheckpointError(f"{wanted}, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise CheckpointError(f"{path}: {level}: tensor '{tensor}' holds non-finite numbers")
