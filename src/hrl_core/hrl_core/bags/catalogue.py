"""The catalogue of a recording: one row for each closed bag of a folder, in the order in which they were closed.

Whoever follows a recording asks for the rows after the last one it knows; what that costs does not depend on how long
the recording is. The bags themselves say the same (``rebuild``): a catalogue that is lost loses nothing.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, create_engine, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hrl_core.bags.description import custom_metadata
from hrl_core.bags.digest import bag_sha256, bag_size
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags

CATALOGUE = "catalogue.sqlite"
"""In the folder of the bags."""
_PATIENCE = 10.0
"""Seconds that another process may be writing to it."""


class SegmentRow(NamedTuple):
    """A closed bag."""

    seq: int
    """Rises with each row."""
    path: str
    """Within the folder of the catalogue."""
    sha256: str
    """Of its files (``bag_sha256``)."""
    size: int
    """Bytes of its files."""
    run: str
    """Id of the run; empty: none was announced."""
    robot: str
    segment: int
    task_hash: str
    versions: str
    """Of the policies that acted, as a JSON list."""
    episodes: int
    """That have ended in it."""
    steps: int
    """Environment steps of those."""
    closed: int
    """When the row was written [ns since 1970]."""


_TABLE = Table(
    "segments",
    MetaData(),
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("path", String, nullable=False, unique=True),
    *(Column(name, String, nullable=False) for name in ("sha256", "run", "robot", "task_hash", "versions")),
    *(Column(name, BigInteger, nullable=False) for name in ("size", "segment", "episodes", "steps", "closed")),
)
_COLUMNS = [_TABLE.c[name] for name in SegmentRow._fields]


class Catalogue:
    """The rows of a folder of bags."""

    def __init__(self, folder: Path) -> None:
        """Open that of ``folder``; it is made with its first row."""
        self.folder, self.path = folder, folder / CATALOGUE
        # A connection a call: nobody keeps a file open that others write or replace.
        url = f"sqlite:///{self.path.absolute()}"
        self._engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _PATIENCE})

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.is_file()

    def add(self, bag: Path, custom: Mapping[str, str]) -> None:
        """Append a row.

        Args:
            bag: that has just been closed, in the folder.
            custom: the custom metadata that it has.

        Raises:
            BagError: the bag cannot be read, or the catalogue not be written.
        """
        self._write([self._row(bag, {name.removeprefix("hrl."): value for name, value in custom.items()})])

    def after(self, seq: int) -> list[SegmentRow]:
        """Rows after one, in their order; 0: all.

        Raises:
            BagError: there is no catalogue, or it is damaged.
        """
        if not self.exists:
            raise BagError(f"{self.folder} has no {CATALOGUE}: hrl catalogue rebuild {self.folder}")
        query = select(*_COLUMNS).where(_TABLE.c.seq > seq).order_by(_TABLE.c.seq)
        try:
            with self._engine.connect() as connection:
                return [SegmentRow._make(row) for row in connection.execute(query)]
        except SQLAlchemyError as error:
            raise self._damaged(error) from None

    def rebuild(self) -> int:
        """Make it anew of what the bags of the folder say; returns how many there are.

        Raises:
            BagError: there is none, or one is damaged.
        """
        bags = find_bags([self.folder])
        rows = [self._row(bag, custom_metadata(bag)) for bag in bags]
        self.path.unlink(missing_ok=True)
        self._write(rows)
        return len(rows)

    def verify(self) -> list[str]:
        """What is wrong with it, for people: rows of bags that have changed or are gone, bags without a row.

        Raises:
            BagError: there is no catalogue, or it is damaged.
        """
        rows = {row.path: row for row in self.after(0)}
        try:
            there = {self._name(bag): bag for bag in find_bags([self.folder])}
        except BagError:
            there = {}
        wrong = [f"{self.folder / name} is gone" for name in rows if name not in there]
        wrong += [f"{bag} has no row" for name, bag in there.items() if name not in rows]
        changed = (bag for name, bag in there.items() if name in rows and bag_sha256(bag) != rows[name].sha256)
        return [*wrong, *(f"{bag} has changed" for bag in changed)]

    def _row(self, bag: Path, custom: Mapping[str, Any]) -> dict[str, Any]:
        try:
            episodes = _decoded(custom.get("episodes", []))
            return {
                "path": self._name(bag),
                "sha256": bag_sha256(bag),
                "size": bag_size(bag),
                "run": str(custom.get("run", "")),
                "robot": str(custom.get("robot", "")),
                "segment": int(custom.get("segment", 0)),
                "task_hash": str(custom.get("task_hash", "")),
                "versions": json.dumps(_decoded(custom.get("policy_versions", []))),
                "episodes": len(episodes),
                "steps": sum(int(episode["steps"]) for episode in episodes),
                "closed": time.time_ns(),
            }
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BagError(f"bag {bag} has no place in a catalogue: {type(error).__name__}: {error}") from None

    def _name(self, bag: Path) -> str:
        return bag.relative_to(self.folder).as_posix()

    def _write(self, rows: Iterable[dict[str, Any]]) -> None:
        try:
            with self._engine.begin() as connection:
                _TABLE.create(connection, checkfirst=True)
                connection.execute(insert(_TABLE), list(rows))
        except SQLAlchemyError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: SQLAlchemyError) -> BagError:
        why = str(error).split("\n")[0]
        return BagError(f"{self.path}: {why}; make it anew: hrl catalogue rebuild {self.folder}")


def _decoded(value: Any) -> Any:  # noqa: ANN401 - JSON, decoded or not
    return json.loads(value) if isinstance(value, str) else value
