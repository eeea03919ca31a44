"""Relabels whole bags: one output bag per source bag and worker, made once, never twice."""

import glob
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrl_core.algorithms.hiro.relabel_episodes import Relabelled, relabel_episodes, require_offsets
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA
from hrl_core.bags.reader import read_bags
from hrl_core.bags.relabelled import Transition, write_relabelled
from hrl_core.bags.writer import PARTIAL_SUFFIX
from hrl_core.checkpoints.checkpoint import Checkpoint
from hrl_core.hierarchy.text import meaning_difference
from hrl_core.networks.actor import Actor

NAMED_DIGITS = 8
"""Of the SHA-256 of source and worker, in the name of the output."""


class RelabelOutcome(NamedTuple):
    """What became of one source bag."""

    bag: Path
    """The relabelled bag."""
    made: bool
    """False: it was there already."""
    transitions: int
    moved: int
    """Transitions whose subgoal was replaced."""
    distance: float
    """Mean distance between recorded and chosen subgoal over all transitions [units of the goal space]."""
    problems: list[str]
    """What was wrong with the source."""


@dataclass
class Relabeler:
    """Relabels with one worker."""

    checkpoint: Checkpoint
    message_texts: Iterable[tuple[str, str]]
    """Names and texts of the stack's message definitions."""
    candidates: int = 10
    seed: int = 0

    def output(self, source: Path, out: Path) -> Path:
        """Where the relabelled bag of ``source`` goes: the name says source, content and worker."""
        worker = self.checkpoint.weights_sha256[:NAMED_DIGITS] or "unsaved"
        return out / f"{_named(source)}-v{self.checkpoint.version}-{worker}"

    def relabelled(self, source: Path, out: Path) -> bool:
        """Whether some worker, this or another, has relabelled ``source``: its content, not only its name."""
        return any(out.glob(f"{glob.escape(_named(source))}-*/{METADATA}"))

    def relabel(self, source: Path, out: Path) -> RelabelOutcome:
        """Relabel one bag into ``out``; does nothing when that has been done.

        Raises:
            BagError: the source cannot be read or the output not be written.
            TaskError: the source is of another task.
            CheckpointError: the policy's subgoals are none that can be relabelled.
        """
        space = self.checkpoint.goal_space()
        require_offsets(space.level)
        target = self.output(source, out)
        if (target / METADATA).is_file():
            return RelabelOutcome(target, False, 0, 0, 0.0, [])
        # What a relabeler that was killed here has left behind.
        shutil.rmtree(target.with_name(target.name + PARTIAL_SUFFIX), ignore_errors=True)
        spec = self.checkpoint.task
        recording = read_bags([source])
        if recording.task is not None:
            self.checkpoint.require_task(recording.task)
        for theirs in recording.hierarchies.values():
            difference = meaning_difference(space.level, theirs.levels[0]) if theirs.levels else ""
            if difference:
                raise BagError(f"{source}: its subgoals mean something else, ours != theirs: {difference}")
        result, problems = relabel_episodes(space, recording.episodes, self.policy(), self.candidates, self.seed)
        rows = list(_transitions(result))
        numbered = [(recording.episodes[number], transition) for number, transition in rows]
        moved = int((result.candidate > 0).sum())
        distance = float(np.linalg.norm(result.chosen - result.original, axis=1).mean()) if rows else 0.0
        facts = {
            "hrl.source": source.name,
            "hrl.source_sha256": bag_sha256(source),
            "hrl.task": spec.to_yaml(),
            "hrl.task_hash": spec.sha256,
            "hrl.policy_version": str(self.checkpoint.version),
            "hrl.policy_sha256": self.checkpoint.weights_sha256,
            "hrl.candidates": str(self.candidates),
            "hrl.transitions": str(len(rows)),
            "hrl.winners": json.dumps(np.bincount(result.candidate, minlength=self.candidates).tolist()),
            "hrl.mean_distance_moved": f"{distance:.6g}",
        }
        write_relabelled(target, self.message_texts, numbered, self.checkpoint.version, facts)
        found = [str(problem) for problem in [*recording.problems, *problems]]
        return RelabelOutcome(target, True, len(rows), moved, distance, found)

    def policy(self) -> Actor:
        """The worker without noise, on (rows, observation_dim + subgoal_dim)."""
        return Actor.of_arrays(self.checkpoint.actor("worker"), self.checkpoint.level("worker"))


def _named(source: Path) -> str:
    return f"{source.name}-{bag_sha256(source)[:NAMED_DIGITS]}"


def _transitions(result: Relabelled) -> Iterable[tuple[int, Transition]]:
    columns = result.steps, result.lengths, result.original, result.chosen, result.candidate
    for number, *row, candidates, scores in zip(
        result.episodes.tolist(), *columns, result.candidates, result.scores, strict=True
    ):
        step, length, original, chosen, candidate = row
        yield number, Transition(int(step), int(length), original, chosen, int(candidate), candidates, scores)
