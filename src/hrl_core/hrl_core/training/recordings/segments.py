"""The closed bags of recordings: finding new ones, telling them apart, forgetting old ones."""

import math
import os
import shutil
import time
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hrl_core.bags.catalogue import Catalogue, SegmentRow
from hrl_core.bags.digest import bag_size
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA, find_bags
from hrl_core.bags.remote import Mirror, is_uri, mirror_of, waiting_mark
from hrl_core.bags.writer import PARTIAL_SUFFIX
from hrl_core.errors import HrlError

WALK_SECONDS = 60.0
"""Between two walks through a folder that has a catalogue: bags may be put there of which it does not tell."""
FETCH_SECONDS = 5.0
"""Between two looks at a store elsewhere."""
_FORGOTTEN = f".forgotten{PARTIAL_SUFFIX}"
"""Ends the hidden name of a bag that is being deleted; nobody finds a bag there."""
WALK_SHARE = 0.01
"""Of the time that walks may take, however long one is."""


@dataclass(frozen=True)
class Source:
    """A bag or a folder of bags, and how much its steps count."""

    path: Path
    weight: float = 1.0
    """How often a step of it is drawn, compared with a step of weight 1."""
    uri: str = ""
    """Where its bags are fetched from; empty: they are here."""

    def __post_init__(self) -> None:
        """Refuse what can never be drawn."""
        if not 0 < self.weight < math.inf:
            raise HrlError(f"source {self.path}: weight must be a finite number above 0, got {self.weight}")


@dataclass(frozen=True)
class ConsumedSegment:
    """A segment that has been learned from, as the checkpoint's manifest names it."""

    path: str
    sha256: str
    """Of its files, in order of their names; empty: it could not be read."""
    weight: float
    episodes: int
    steps: int
    """Environment steps learned from; 0: none could be, as of a bag that cannot be read."""
    version: int
    """Worker updates made before it was consumed."""
    batch: int
    """Segments of one number were taken in together, in canonical order of their episodes."""

    @property
    def exists(self) -> bool:
        """Whether it is still on disk."""
        return (Path(self.path) / METADATA).is_file()

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def at_hand(source: Source) -> Path:
    """The folder of a source, with what there is elsewhere fetched; raises ``BagError``."""
    if source.uri:
        list(Mirror(source.uri).fetch())
    return source.path


def parse_source(text: str) -> Source:
    """Read ``DIR`` or ``DIR:WEIGHT``; DIR may be a URI (``bags.remote``)."""
    path, colon, weight = text.rpartition(":")
    # What follows the colon of a URI's scheme, or of its port, is no weight.
    if not colon or "/" in weight or Path(text).exists():
        path, weight = text, "1"
    try:
        if is_uri(path):
            return Source(mirror_of(path), float(weight), path)
        return Source(Path(path), float(weight))
    except ValueError:
        raise HrlError(f"source '{text}': give DIR or DIR:WEIGHT, for example runs/demo:0.5") from None


class Found(NamedTuple):
    """A closed segment."""

    bag: Path
    source: Source
    sha256: str
    """As its catalogue says; empty: nobody has said."""


class SegmentFinder:
    """Looks for closed bags in sources, by their catalogues where they have some."""

    def __init__(self, sources: Iterable[Source]) -> None:
        """Nothing is looked at yet."""
        self._looks = [_SourceLook(source) for source in sources]
        self._named: dict[str, str] = {}
        """Bags that have been looked at, by what their links lead to: the path by which they were found first."""

    def look(self, known: Container[str], must_exist: bool) -> list[Found]:
        """Segments that are not ``known`` (by path), those of a source by name; each once, however sources overlap.

        Of sources that lie within one another the innermost counts, and its weight.

        Raises:
            BagError: ``must_exist`` and a source holds none.
        """
        found: dict[str, Found] = {}
        for look in sorted(self._looks, key=lambda look: -look.depth):
            for bag in look.new(must_exist):
                if str(bag) in known or str(bag) in found:
                    continue
                real = os.path.realpath(bag)
                if real not in known and self._named.setdefault(real, str(bag)) == str(bag):
                    found[str(bag)] = look.found(bag)
        return list(found.values())

    def new_troubles(self) -> list[str]:
        """What keeps a source from being looked at, for people: ask after each look; told is what lasts, once."""
        return [look.trouble for look in self._looks if look.has_new_trouble()]

    @property
    def cursors(self) -> list[int]:
        """How far the catalogue of each source has been read."""
        return [look.cursor for look in self._looks]

    def go_on(self, cursors: Iterable[int]) -> None:
        """Look only for what is newer than ``cursors``; what no catalogue tells is found by the walks to come."""
        for look, cursor in zip(self._looks, cursors, strict=True):
            look.go_on(cursor)


class _SourceLook:
    """How far one source has been looked at."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._mirror, self._fetched = Mirror(source.uri) if source.uri else None, -math.inf
        self._catalogue = Catalogue(source.path) if self._mirror is None else None
        self._seq, self._walked, self._walk_took = 0, -math.inf, 0.0
        self._rows: dict[Path, SegmentRow] = {}
        self.trouble, self._met_before, self._told_trouble = "", "", ""
        """Why its catalogue or store cannot be asked now; could not the time before; and what has been told of that."""

    @property
    def depth(self) -> int:
        """How many folders it lies in."""
        return len(Path(os.path.realpath(self._source.path)).parts)

    def has_new_trouble(self) -> bool:
        """Whether there is trouble that lasts, for a catalogue may just be made, and has not been told."""
        lasts = self.trouble == self._met_before
        self._met_before = self.trouble
        if not lasts or self.trouble == self._told_trouble:
            return False
        self._told_trouble = self.trouble
        return bool(self.trouble)

    @property
    def cursor(self) -> int:
        """Number of the last row that was read."""
        return self._seq

    def go_on(self, cursor: int) -> None:
        """As if everything up to a row had been found before."""
        self._seq = cursor
        if cursor:
            self._walked = time.monotonic()

    def new(self, must_exist: bool) -> list[Path]:
        """What may be new: what its catalogue tells; all there is at first, now and then, and where there is none."""
        if self._mirror is not None:
            return self._fetch(self._mirror, must_exist)
        told = self._told()
        if told is None or time.monotonic() - self._walked > max(WALK_SECONDS, self._walk_took / WALK_SHARE):
            return self._walk(must_exist)
        bags = sorted(self._source.path / row.path for row in told)
        return [bag for bag in bags if bag.exists()]

    def _told(self) -> list[SegmentRow] | None:
        """Rows since the last look; None: there is no catalogue, or none that can be read."""
        if self._catalogue is None or not self._catalogue.exists:
            return None
        try:
            rows = self._catalogue.after(self._seq)
        except BagError as error:
            self.trouble = str(error)
            return None
        self.trouble = ""
        self._rows |= {self._source.path / row.path: row for row in rows}
        self._seq = rows[-1].seq if rows else self._seq
        return rows

    def found(self, bag: Path) -> Found:
        """A bag, with what its catalogue says of it."""
        row = self._rows.get(bag)
        try:
            told = row is not None and row.size == bag_size(bag)
        except OSError:
            # It vanishes just now: who reads it says so.
            told = False
        return Found(bag, self._source, row.sha256 if row is not None and told else "")

    def _fetch(self, mirror: Mirror, must_exist: bool) -> list[Path]:
        """What is new where bags are fetched from; all that was fetched before, at first."""
        if time.monotonic() - self._fetched < FETCH_SECONDS:
            return []
        first, self._fetched = self._fetched == -math.inf, time.monotonic()
        fetched: list[Path] = []
        self.trouble = ""
        try:
            fetched.extend(mirror.fetch())
        except BagError as error:
            # Stores and networks come back; who was told to begin with what is there must know.
            if must_exist:
                raise
            self.trouble = str(error)
        return self._walk(must_exist) if first else fetched

    def _walk(self, must_exist: bool) -> list[Path]:
        begun = time.monotonic()
        try:
            return find_bags([self._source.path])
        except BagError:
            if must_exist:
                raise
            return []
        finally:
            self._walked = time.monotonic()
            self._walk_took = self._walked - begun


def forget_segments(consumed: Iterable[ConsumedSegment], keep: int) -> list[Path]:
    """Delete all but the ``keep`` last consumed segments from disk; returns what was deleted.

    Segments that were not consumed are never touched, nor are those that a recorder has yet to copy elsewhere.
    """
    present = [Path(segment.path) for segment in consumed if segment.exists]
    deleted = [path for path in present[: max(0, len(present) - keep)] if not waiting_mark(path).exists()]
    for path in deleted:
        # Gone in one step: half of a bag would be another one than that which was learned from.
        rest = path.with_name(f".{path.name}{_FORGOTTEN}")
        path.rename(rest)
        shutil.rmtree(rest)
    return deleted


def finish_forgetting(folders: Iterable[Path]) -> None:
    """Delete what a process that was killed has left of segments that it was deleting."""
    for folder in folders:
        for rest in folder.glob(f".*{_FORGOTTEN}"):
            shutil.rmtree(rest, ignore_errors=True)
