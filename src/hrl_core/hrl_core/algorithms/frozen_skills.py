"""Skills that somebody else has learned and that are kept as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hrl_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from hrl_core.checkpoints.manifest import value_name
from hrl_core.errors import HrlError
from hrl_core.networks.actor_config import Float32
from hrl_core.task.spec import TaskSpec

WORKER_VALUE = value_name("worker")


def load_skills(folder: str, task: TaskSpec, skills: int) -> Checkpoint:
    """The policy that skills are taken from.

    Args:
        folder: of the policy.
        task: which they are to be used in.
        skills: how many there have to be.

    Raises:
        HrlError: it has none, or others than are asked for.
    """
    kept = load_checkpoint(Path(folder))
    # The actors of a tree bear the names of its nodes.
    worker = kept.actors.get("worker")
    count = worker.skills if worker is not None else 0
    if WORKER_VALUE not in kept.actors or not count:
        raise HrlError(
            f"frozen_skills: {folder} has no network for each of its skills, as policies of mlsh and snn4hrl have"
        )
    if count != skills:
        raise HrlError(f"frozen_skills: {folder} has {count} skills: give --skills {count}")
    if (kept.task.observation, kept.task.action) != (task.observation, task.action):
        raise HrlError(
            f"frozen_skills: {folder} was made for task '{kept.task.name}', whose observation or action is another "
            f"than that of '{task.name}'"
        )
    return kept


class SameSkills:
    """Part of a run's state: which skills it learns over. Their folder may be written anew while it stands still."""

    def __init__(self, folder: str) -> None:
        """Of the policy that lies there now; raises ``HrlError`` where it cannot be read."""
        self._folder, self._sha256 = folder, load_checkpoint(Path(folder)).weights_sha256

    def state_dict(self) -> dict[str, Any]:
        """The hash of their weights."""
        return {"sha256": self._sha256}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on over the same; raises ``HrlError`` where they are others. States of earlier versions do not tell."""
        if state.get("sha256", self._sha256) != self._sha256:
            raise HrlError(
                f"frozen_skills: {self._folder} has other weights than this run has learned over so far: put those "
                "back, or begin a new run with these"
            )


def of_skill(weights: dict[str, Float32], number: int) -> dict[str, torch.Tensor]:
    """The parameters of one of them."""
    return {name: torch.from_numpy(stack[number].copy()) for name, stack in weights.items()}
