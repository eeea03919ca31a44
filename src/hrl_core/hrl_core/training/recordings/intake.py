"""Takes in the closed bags of recordings, and again those that an earlier process has learned from."""

import itertools
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.errors import BagError
from hrl_core.bags.reader import Recording, read_bags
from hrl_core.bags.recovery import RECOVERED_SUFFIX
from hrl_core.errors import HrlError
from hrl_core.hierarchy.spec import HierarchySpec
from hrl_core.task.spec import TaskSpec
from hrl_core.training.recordings.config import BagTrainConfig
from hrl_core.training.recordings.growing_log import GrowingLog
from hrl_core.training.recordings.kept_store import KeptStore
from hrl_core.training.recordings.material import OF_MODE, choose_material, oldest_version
from hrl_core.training.recordings.report import LiveOutcomes
from hrl_core.training.recordings.segments import (
    ConsumedSegment,
    Found,
    SegmentFinder,
    finish_forgetting,
    forget_segments,
)
from hrl_core.training.recordings.store import Piece, Refusal
from hrl_core.wording import counted

SEGMENTS = "segments.jsonl"
"""In the folder of a run: what it has learned from."""
TOGETHER = 1000
"""Segments that are taken in together at most: so many are in memory at once."""


class _Content(NamedTuple):
    """What was read of a new segment."""

    sha256: str
    """Empty: it cannot be read."""
    episodes: int
    pieces: list[Piece]


class Intake:
    """The segments that a run learns from."""

    def __init__(
        self,
        spec: TaskSpec,
        hierarchy: HierarchySpec,
        config: BagTrainConfig,
        take: Callable[[list[Piece], int], list[Refusal]],
        folder: Path,
        foreign: Callable[[HierarchySpec], str] = lambda _: "",
    ) -> None:
        """Begin without any.

        Args:
            spec: the task.
            hierarchy: of the learner.
            config: what is read, and of that what counts.
            take: gives the learner what was read.
            folder: of the run.
            foreign: in what subgoals of a hierarchy mean something else than the learner's; empty: in nothing.
        """
        self._foreign = foreign
        self._spec, self._config, self._take = spec, config, take
        # Segments that end each in its own time are no measure of what is whole.
        self._period = hierarchy.levels[0].horizon if hierarchy.levels and hierarchy.by_clock else 1
        self._finder = SegmentFinder(config.sources)
        self.consumed: dict[str, ConsumedSegment] = {}
        """Path -> segment, in the order in which they were taken in."""
        self.left_out: Counter[str] = Counter()
        """Environment steps that are not learned from, by cause."""
        self.problems: list[str] = []
        """What was wrong with the segments consumed, and why a source could not be looked at, for people."""
        self.outcomes = LiveOutcomes(bool(spec.goal))
        """How the newest finished episodes went, whatever they are used for."""
        self.randomised: list[str] = []
        """How episodes of the segments differ, each way once."""
        self.log = GrowingLog(folder / SEGMENTS)
        """The same as a file, from the first saved state on."""
        self.kept: KeptStore | None = None
        """What need not be read again; None: everything must."""
        self._batches, self._gone = 0, 0
        """Groups of segments taken in together; segments, the first ones, that are no longer there."""
        self._unreadable: dict[str, str] = {}
        """Path -> what is wrong with it, of segments that this process could not read."""

    def consume(self, version: int, must_exist: bool) -> list[ConsumedSegment]:
        """Take in every closed segment that is new while the policy is at ``version``; returns them.

        Raises:
            BagError: ``must_exist`` and a source holds no bag, or they hold none that can be read.
        """
        found = self._finder.look(self.consumed, must_exist)
        self.problems += self._finder.new_troubles()
        batches = [found[first : first + TOGETHER] for first in range(0, len(found), TOGETHER)]
        segments = [segment for batch in batches for segment in self._consume(batch, version)]
        if must_exist and self._unreadable and self.consumed.keys() <= self._unreadable.keys():
            raise BagError("; ".join(self._unreadable.values()))
        return segments

    def _consume(self, found: Sequence[Found], version: int) -> list[ConsumedSegment]:
        """Take in segments together."""
        contents: list[tuple[Found, _Content]] = []
        read = {original for one in found if (original := _original(one)) and self._learned_from(original)}
        for one in found:
            if (original := _original(one)) in read:
                self.problems.append(f"{one.bag} is not learned from: {original} is, as far as it can be read")
                content = _Content("", 0, [])
            else:
                content = self._read_new(one, version)
            if content is not None:
                contents.append((one, content))
                read.update([str(one.bag)] if content.pieces else [])
        refused = self._hand_over([piece for _, content in contents for piece in content.pieces], version)
        segments = [
            ConsumedSegment(
                path=str(bag),
                sha256=content.sha256,
                weight=source.weight,
                episodes=content.episodes,
                steps=sum(piece.episode.steps for piece in content.pieces) - refused[bag],
                version=version,
                batch=self._batches,
            )
            for (bag, source, _), content in contents
        ]
        self.consumed |= {segment.path: segment for segment in segments}
        self.log.add(segment.as_dict() for segment in segments)
        self._batches += bool(segments)
        return segments

    def _learned_from(self, path: str) -> bool:
        segment = self.consumed.get(path)
        return segment is not None and segment.steps > 0

    def _read_new(self, found: Found, version: int) -> _Content | None:
        """A segment for the first time; None: it is no longer there."""
        bag = found.bag
        try:
            sha256 = found.sha256 or bag_sha256(bag)
            pieces, episodes = self._read(bag, version, found.source.weight)
        except (BagError, OSError) as error:
            # One of thousands: it is not looked at again, and the rest is learned from.
            self._unreadable[str(bag)] = str(error)
            self.problems.append(f"{bag} is not learned from: {error}")
            return _Content("", 0, []) if bag.exists() else None
        self._unreadable.pop(str(bag), None)
        return _Content(sha256, episodes, pieces)

    def causes(self) -> str:
        """What has been left out, by cause, for people."""
        return ", ".join(f"{counted(n, 'step')} ({cause})" for cause, n in self.left_out.items()) or "nothing"

    @property
    def lost(self) -> int:
        """Environment steps that were meant to be learned from and cannot be."""
        return sum(steps for cause, steps in self.left_out.items() if not cause.startswith(OF_MODE))

    def forget(self, keep: int, folders: Container[Path]) -> list[Path]:
        """Delete consumed segments of some folders but the last ``keep`` of each from disk.

        What remains of each says how far its numbers have come, for a recorder that begins anew there. The store
        keeps what it learned from. Whatever else is learned from is somebody's own, and is never touched; nor is what
        could not be read, of which something may be saved.
        """
        segments = list(self.consumed.values())
        ours: dict[Path, list[ConsumedSegment]] = {}
        for segment in segments[self._gone :]:
            if segment.sha256 and (folder := Path(segment.path).parent) in folders:
                ours.setdefault(folder, []).append(segment)
        deleted = [path for of_folder in ours.values() for path in forget_segments(of_folder, keep)]
        while self._gone < len(segments):
            segment = segments[self._gone]
            if segment.sha256 and Path(segment.path).parent in folders and segment.exists:
                break
            self._gone += 1
        return deleted

    def write(self) -> None:
        """Write what has been taken in since the last time, before the state that counts on it; raises ``OSError``."""
        self.log.write()
        if self.kept is not None:
            self.kept.write()

    def state_dict(self) -> dict[str, Any]:
        """What has been taken in, and what came of it; the segments themselves stay where they are."""
        counted = {"left_out": dict(self.left_out), "outcomes": self.outcomes.state()}
        told = {"cursors": self._finder.cursors, "randomised": self.randomised}
        return {"segments": self.log.count, **told, **counted}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take in the same segments again, those together that were taken in together; what is kept stays.

        Raises:
            HrlError: one of them was changed since.
        """
        segments = [ConsumedSegment(**entry) for entry in self.log.read(state["segments"])]
        finish_forgetting({Path(segment.path).parent for segment in segments})
        self._batches = 1 + max((segment.batch for segment in segments), default=-1)
        if self.kept is not None and self.kept.taken_up:
            self.consumed = {segment.path: segment for segment in segments}
            for bag in self.kept.lost:
                self.kept.restore(bag, self._read_again(self.consumed[bag]))
            self._finder.go_on(state["cursors"])
        else:
            self._take_again(segments)
        # What a second look at some of them has counted is in there.
        self.left_out = Counter(state["left_out"])
        # States of before it was noted do not have it.
        self.randomised = list(state.get("randomised", self.randomised))
        self.outcomes.restore(state["outcomes"])

    def _take_again(self, segments: Iterable[ConsumedSegment]) -> None:
        for _, together in itertools.groupby(segments, key=lambda segment: segment.batch):
            batch = list(together)
            # How old relabelled subgoals may be counts from the version that first saw them, as it did then.
            self._hand_over([piece for segment in batch for piece in self._read_again(segment)], batch[0].version)

    def _read_again(self, segment: ConsumedSegment) -> list[Piece]:
        bag = Path(segment.path)
        self.consumed[segment.path] = segment
        if not segment.steps:
            # Nothing was learned from it, and nothing is to be now that it may be readable.
            return []
        if not bag.exists():
            self.problems.append(f"{bag} is gone: its {segment.steps} steps can no longer be drawn")
            return []
        # Of its bytes, whatever a catalogue says: it is read in any case.
        try:
            changed = bag_sha256(bag) != segment.sha256
        except OSError as error:
            raise BagError(f"{bag} was learned from and cannot be read again: {error}") from error
        if changed:
            raise HrlError(f"{bag} has changed since it was learned from; restore it or begin a new run")
        return self._read(bag, segment.version, segment.weight)[0]

    def _read(self, bag: Path, version: int, weight: float) -> tuple[list[Piece], int]:
        """What there is to learn from a segment, and how many episodes it has; the rest of it is noted."""
        recording = read_bags([bag], self._spec)
        self.problems += [str(problem) for problem in recording.problems]
        self.outcomes.add(recording.episodes)
        self.randomised += [way for way in recording.randomised if way not in self.randomised]
        episodes = self._of_our_subgoals(recording)
        material = choose_material(self._period, self._config.material, episodes, version)
        self.left_out.update(material.left_out)
        pieces = [
            Piece(episode, start, oldest_version(episode, version), weight)
            for episode, start in zip(material.pieces, material.starts, strict=True)
        ]
        return pieces, len(recording.episodes)

    def _of_our_subgoals(self, recording: Recording) -> list[BagEpisode]:
        """Episodes whose subgoals mean what the learner's do; the others are noted."""
        why = {run: self._foreign(hierarchy) for run, hierarchy in recording.hierarchies.items()}
        ours: list[BagEpisode] = []
        for episode in recording.episodes:
            difference = why.get(episode.key.run, "")
            if difference:
                self.left_out[f"subgoals that mean something else, ours != theirs: {difference}"] += episode.steps
            else:
                ours.append(episode)
        return ours

    def _hand_over(self, pieces: list[Piece], version: int) -> Counter[Path]:
        """Give the learner what was read, in canonical order; returns the steps of each bag that it refuses."""
        pieces.sort(key=lambda piece: (piece.episode.key, piece.start))
        refused: Counter[Path] = Counter()
        for refusal in self._take(pieces, version):
            if refusal.problem is not None:
                self.problems.append(str(refusal.problem))
            if refusal.steps:
                self.left_out[refusal.cause] += refusal.steps
            refused[refusal.bag] += refusal.steps
        return refused


def _original(found: Found) -> str:
    """Path of the bag whose sound part a recovered one is; empty: it is no recovered one."""
    bag = str(found.bag)
    return bag.removesuffix(RECOVERED_SUFFIX) if bag.endswith(RECOVERED_SUFFIX) else ""
