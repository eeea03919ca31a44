"""What a bag says of itself in its custom metadata: run, task, policies, outcomes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hrl_core.bags.errors import BagError
from hrl_core.checkpoints.manifest import read_manifest
from hrl_core.errors import CheckpointError
from hrl_core.messages import EpisodeResult, Mode


class RunFacts(Protocol):
    """What is taken from a RunInfo message."""

    @property
    def run(self) -> int:
        """Run id."""
        ...

    @property
    def robot(self) -> str:
        """Robot id."""
        ...

    @property
    def task_hash(self) -> str:
        """SHA-256 of the task specification."""
        ...

    @property
    def task(self) -> str:
        """The task specification as YAML."""
        ...

    @property
    def hierarchy(self) -> str:
        """The policy's hierarchy as YAML; empty: the task's."""
        ...

    @property
    def hierarchy_hash(self) -> str:
        """SHA-256 of the hierarchy, empty where that is."""
        ...

    @property
    def seed(self) -> int:
        """Seed of the run."""
        ...

    @property
    def git_commit(self) -> str:
        """Commit of the code that ran."""
        ...


@dataclass
class BagFacts:
    """Gathered while messages pass by."""

    info: RunFacts | None = None
    results: list[EpisodeResult] = field(default_factory=list)
    policies: dict[int, str] = field(default_factory=dict)
    """Version of every policy that acted or was announced -> SHA-256 of its weights, empty when unknown."""
    acted: set[int] = field(default_factory=set)
    """Versions of the policies that acted."""
    modes: set[int] = field(default_factory=set)
    """Purposes of the episodes in this bag."""
    unfinished: set[int] = field(default_factory=set)
    """Episodes that have begun but not ended in this bag."""
    duplicates: int = 0
    """Messages left out because they were there already."""
    segment: int = 0
    """Number of this bag among those of the recording."""
    recovered_from: str = ""
    """Name of the unfinished bag that this one was rebuilt from."""
    imported_from: str = ""
    """The data set of other tools that this one was made of, in words."""

    def custom_data(self) -> dict[str, str]:
        """The custom metadata of the bag."""
        if self.info is None:
            return {"hrl.run": ""} | self._origin()
        outcomes = [
            {"episode": r.episode, "steps": r.steps, "return": r.episode_return, "success": r.success, "seed": r.seed}
            for r in self.results
        ]
        policies = {str(version): self.policies.get(version, "") for version in sorted({*self.acted, *self.policies})}
        return (
            {
                "hrl.run": str(self.info.run),
                "hrl.robot": self.info.robot,
                "hrl.task_hash": self.info.task_hash,
                "hrl.task": self.info.task,
                "hrl.seed": str(self.info.seed),
                "hrl.git_commit": self.info.git_commit,
                "hrl.policy_versions": json.dumps(sorted(self.acted)),
                "hrl.policy_sha256": json.dumps(policies),
                "hrl.modes": json.dumps([Mode(mode).name for mode in sorted(self.modes)]),
                "hrl.episodes": json.dumps(outcomes),
                "hrl.unfinished_episodes": json.dumps(sorted(self.unfinished)),
                "hrl.duplicates_dropped": str(self.duplicates),
                "hrl.segment": str(self.segment),
            }
            | self._hierarchy(self.info)
            | self._origin()
        )

    def _hierarchy(self, info: RunFacts) -> dict[str, str]:
        said = {"hrl.hierarchy": info.hierarchy, "hrl.hierarchy_hash": info.hierarchy_hash}
        return said if info.hierarchy else {}

    def _origin(self) -> dict[str, str]:
        origins = {"hrl.recovered_from": self.recovered_from, "hrl.imported_from": self.imported_from}
        return {name: origin for name, origin in origins.items() if origin}


def policy_sha256(checkpoint: Path) -> dict[int, str]:
    """Version of a policy checkpoint -> SHA-256 of its weights; without loading them.

    Raises:
        BagError: the checkpoint's manifest cannot be read.
    """
    try:
        manifest = read_manifest(checkpoint)
    except CheckpointError as error:
        raise BagError(str(error)) from None
    return {manifest.version: manifest.weights_sha256}
