"""The bags of one recording: a new one begins between episodes, and each can be understood without the others.

Without limits the recording is one bag directory. With a limit it is a folder of bags, ``segment_000000`` and so on;
each repeats what is latched (run and task, status, policy) and says in its metadata what happened in it. An episode is
never cut: messages of the next one wait until everything of the last one is there.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rosbags.typesys.store import Typestore

from hrl_core.bags.errors import BagError
from hrl_core.bags.facts import BagFacts
from hrl_core.bags.writer import CHUNK_SECONDS, BagWriter
from hrl_core.messages import Action, EpisodeResult, Observation
from hrl_training.closed_bags import ClosedBags
from hrl_training.recording import Keyed

HOLD_LOOKS = 20
"""Looks (a second's worth) that messages of the next episode wait at most for the rest of the last one.

Not seconds: where the recorder hardly gets a core, the rest may have come long ago and wait to be read."""
POLICIES = 20
"""Newest policies that a bag names, whether or not they act in it."""
SEGMENT = "segment_{:06d}"
_NUMBERED = re.compile(r"segment_(\d{6,})")


@dataclass(frozen=True)
class SplitLimits:
    """When a new bag is begun; 0: never for that reason."""

    episodes: int = 0
    """Episodes per bag."""
    size: int = 0
    """Bytes on disk after which the bag ends with the episode."""

    def reached(self, episodes: int, size: int) -> bool:
        """Whether a bag with this content is full."""
        return bool(self.episodes and episodes >= self.episodes) or bool(self.size and size >= self.size)

    @property
    def splits(self) -> bool:
        """Whether there is any limit."""
        return bool(self.episodes or self.size)


class RecordedTopic(NamedTuple):
    """A topic as it is announced in every bag."""

    name: str
    type: str
    latched: bool


class _Held(NamedTuple):
    topic: str
    stamp: int
    data: bytes
    message: Keyed


class SegmentedRecording:
    """Writes one bag after the other."""

    def __init__(
        self,
        path: Path,
        typestore: Typestore,
        topics: Mapping[str, RecordedTopic],
        limits: SplitLimits,
        complete: Callable[[int], bool],
        upload: str = "",
    ) -> None:
        """Begin the first bag.

        Args:
            path: bag directory to be, or with limits the folder of bags.
            typestore: knows every message type that will be written.
            topics: what may be written, by the name that ``write`` is given.
            limits: when to begin a new bag.
            complete: tells whether all messages of an episode have come.
            upload: URI that closed bags are copied to; empty: nowhere.

        Raises:
            BagError: the bag exists already or cannot be made.
            HrlError: there is no such store.
        """
        self.path = path
        self.messages = 0
        self.facts = BagFacts()
        """Of the bag being written."""
        self._typestore, self._topics, self._limits, self._complete = typestore, topics, limits, complete
        self._latched: dict[str, bytes] = {}
        self._held: list[_Held] = []
        self._looks = 0
        """At what is held, since something is."""
        self._closed = ClosedBags(path, upload) if limits.splits else None
        self._episode: int | None = None
        """The one being written; with limits, messages of later ones are held."""
        self._episodes = 0
        self.facts.segment = self._first_free()
        self._bag = self._open()

    @property
    def bag(self) -> Path:
        """The bag being written."""
        return self._bag.path

    @property
    def problems(self) -> list[str]:
        """What went wrong and costs nothing that is recorded, for people; to be taken out when it is told."""
        return [] if self._closed is None else self._closed.problems

    def write(self, topic: str, stamp: int, data: bytes) -> None:
        """Append a message that belongs to no episode.

        Raises:
            BagError: the disk refuses.
        """
        if self._topics[topic].latched:
            self._latched[topic] = data
        self._append(topic, stamp, data)

    def write_keyed(self, topic: str, stamp: int, data: bytes, message: Keyed) -> None:
        """Append a message of an episode, to a new bag if the present one is full.

        Args:
            topic: its topic.
            stamp: receive time [ns].
            data: the message.
            message: the same, decoded.

        Raises:
            BagError: the disk refuses.
        """
        if self._episode is None:
            self._episode = message.episode
        if message.episode <= self._episode or not self._limits.splits:
            # Who is still heard of is waited for: sparse topics are read far ahead of dense ones.
            self._looks = 0
            self._append(topic, stamp, data)
            self._account(message)
        else:
            # Topics are not ordered among each other: an episode's first subgoal may come before the last observation
            # of the one before.
            self._held.append(_Held(topic, stamp, data, message))
        self._release()

    def check(self) -> None:
        """Call often: hands old chunks to the operating system and ends the wait for late messages.

        Raises:
            BagError: the disk refuses.
        """
        self._bag.flush(CHUNK_SECONDS)
        self._looks = self._looks + 1 if self._held else 0
        if self._looks > HOLD_LOOKS:
            self._go_on()
            self._release()

    def close(self) -> None:
        """Finish the last bag.

        Raises:
            BagError: the disk refuses.
        """
        while self._held:
            self._go_on()
        self._close_bag()
        if self._closed is not None:
            self._closed.finish()

    def abandon(self) -> None:
        """Stop after a failure: what is there is handed over as far as the disk takes it, the bag stays unfinished."""
        with suppress(BagError):
            self._bag.flush()

    def _release(self) -> None:
        """Take in what is held as far as the episodes before it are complete."""
        while self._held and self._episode is not None and self._complete(self._episode):
            self._go_on()

    def _go_on(self) -> None:
        """Take in the next episode that has spoken, in a new bag if the present one is full."""
        number = min(item.message.episode for item in self._held)
        its = [item for item in self._held if item.message.episode == number]
        self._held = [item for item in self._held if item.message.episode != number]
        self._looks = 0
        self._episodes += 1
        if self._limits.reached(self._episodes, self._bag.size):
            self._next(its[0].stamp)
        self._episode = number
        for item in its:
            self._append(item.topic, item.stamp, item.data)
            self._account(item.message)

    def _append(self, topic: str, stamp: int, data: bytes) -> None:
        self._bag.write(self._topics[topic].name, stamp, data)
        self.messages += 1

    def _account(self, message: Keyed) -> None:
        facts = self.facts
        if isinstance(message, Observation):
            facts.modes.add(message.mode)
            if not message.last:
                facts.unfinished.add(message.episode)
                return
            facts.unfinished.discard(message.episode)
        elif isinstance(message, Action):
            facts.acted.add(message.policy_version)
        elif isinstance(message, EpisodeResult):
            facts.results.append(message)

    def _next(self, stamp: int) -> None:
        """Close the bag and begin a new one with what is latched."""
        facts = self.facts
        self._close_bag()
        # Those that may act in it: what acts now, what comes next, or what a rollback goes back to.
        known = facts.acted.union(sorted(facts.policies)[-POLICIES:])
        policies = {version: sha256 for version, sha256 in facts.policies.items() if version in known}
        self.facts = BagFacts(info=facts.info, policies=policies, segment=facts.segment + 1)
        self._episodes = 0
        self._bag = self._open()
        for topic, data in self._latched.items():
            self._bag.write(self._topics[topic].name, stamp, data)

    def _close_bag(self) -> None:
        """Finish the present bag, and have the catalogue tell of it; without, it is found all the same."""
        custom = self.facts.custom_data()
        if self._closed is not None:
            self._closed.expect(self._bag.path)
        sha256 = self._bag.close(custom)
        if self._closed is not None:
            self._closed.add(self._bag.path, custom, sha256)

    def _open(self) -> BagWriter:
        path = self.path / SEGMENT.format(self.facts.segment) if self._limits.splits else self.path
        bag = BagWriter(path, self._typestore)
        for topic in self._topics.values():
            bag.add_topic(topic.name, topic.type, topic.latched)
        return bag

    def _first_free(self) -> int:
        """Number to go on with in a folder where a recording was interrupted."""
        if not self._limits.splits:
            return 0
        if self.path.exists() and not self.path.is_dir():
            raise BagError(f"{self.path} is not a folder; it must hold the bags of the recording")
        # Numbers only rise: what a trainer has learned from and deleted is known to it by its name.
        found = (_NUMBERED.match(path.name) for path in self.path.glob("*"))
        return max((int(match[1]) for match in found if match), default=-1) + 1
