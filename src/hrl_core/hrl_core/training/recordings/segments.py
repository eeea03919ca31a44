"""The closed segments of recordings: finding new ones, telling them apart, forgetting old ones."""

import hashlib
import math
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA, find_bags
from hrl_core.bags.opening import is_storage_file
from hrl_core.errors import HrlError


@dataclass(frozen=True)
class Source:
    """A bag or a folder of bags, and how much its steps count."""

    path: Path
    weight: float = 1.0
    """How often a step of it is drawn, compared with a step of weight 1."""

    def __post_init__(self) -> None:
        """Refuse what can never be drawn."""
        if not 0 < self.weight < math.inf:
            raise HrlError(f"source {self.path}: weight must be a finite number above 0, got {self.weight}")


@dataclass(frozen=True)
class ConsumedSegment:
    """A segment that has been learned from, as the checkpoint's manifest names it."""

    path: str
    sha256: str
    """Of its files, in order of their names."""
    weight: float
    episodes: int
    steps: int
    """Environment steps learned from."""
    version: int
    """Worker updates made before it was consumed."""
    batch: int
    """Segments of one number were taken in together, in canonical order of their episodes."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def parse_source(text: str) -> Source:
    """Read ``DIR`` or ``DIR:WEIGHT``."""
    path, colon, weight = text.rpartition(":")
    if not colon or Path(text).exists():
        return Source(Path(text))
    try:
        return Source(Path(path), float(weight))
    except ValueError:
        raise HrlError(f"source '{text}': give DIR or DIR:WEIGHT, for example runs/demo:0.5") from None


def new_segments(sources: Iterable[Source], known: Mapping[str, object], must_exist: bool) -> list[tuple[Path, Source]]:
    """Closed segments that are not ``known`` (by path), those of a source by name.

    Raises:
        BagError: ``must_exist`` and a source holds none.
    """
    found: dict[str, tuple[Path, Source]] = {}
    for source in sources:
        try:
            bags = find_bags([source.path])
        except BagError:
            if must_exist:
                raise
            continue
        for bag in bags:
            found.setdefault(str(bag), (bag, source))
    return [entry for name, entry in found.items() if name not in known]


def segment_sha256(bag: Path) -> str:
    """SHA-256 of a bag directory, or of a storage file: names and contents of its files, in order of names."""
    digest = hashlib.sha256()
    for path in [bag] if is_storage_file(bag) else sorted(bag.iterdir()):
        if path.is_file():
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def forget_segments(consumed: Iterable[ConsumedSegment], keep: int) -> list[Path]:
    """Delete all but the ``keep`` last consumed segments from disk; returns what was deleted.

    Segments that were not consumed are never touched.
    """
    present = [Path(segment.path) for segment in consumed if (Path(segment.path) / METADATA).is_file()]
    deleted = present[: max(0, len(present) - keep)]
    for path in deleted:
        shutil.rmtree(path)
    return deleted
