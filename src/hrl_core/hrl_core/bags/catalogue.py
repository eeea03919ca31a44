"""The catalogue of a recording: one row for each closed bag of a folder, in the order in which they were closed.

Whoever follows a recording asks for the rows after the last one it knows; what that costs does not depend on how long
the recording is. The bags themselves say the same (``rebuild``): a catalogue that is lost loses nothing.

It is an SQLite file beside the bags, or, for folders that many machines share, part of a table of a server, of which a
file beside the bags tells.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    delete,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hrl_core.bags.description import custom_metadata
from hrl_core.bags.digest import bag_sha256, bag_size
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA, find_bags
from hrl_core.documents import read_json
from hrl_core.errors import FileError, HrlError
from hrl_core.optional_packages import require_packages

CATALOGUE, PLACE = "catalogue.sqlite", "catalogue.json"
"""In the folder of the bags: the catalogue, or where it is."""
DRIVER, _EXAMPLE = "postgresql+psycopg", "postgresql+psycopg://user@host/name"
"""The only servers that are tried, and how one is named."""
_SECRET = ("pass", "secret")
"""Parts of names of a URL's parameters that are, or lead to, a password."""
_PATIENCE = 10
"""Seconds that another process may be writing to it, or a server may take to answer."""


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
    modes: str
    """Purposes of its episodes (TRAIN, EVAL, DEMO), as a JSON list; empty: the bag does not say."""
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
    Column("folder", String, nullable=False),
    Column("path", String, nullable=False),
    *(Column(name, String, nullable=False) for name in ("sha256", "run", "robot", "task_hash", "versions", "modes")),
    *(Column(name, BigInteger, nullable=False) for name in ("size", "segment", "episodes", "steps", "closed")),
    UniqueConstraint("folder", "path"),
    # Without, the rows of a folder would be gone through one by one for those that are new.
    Index("segments_in_order", "folder", "seq"),
)
_COLUMNS = [_TABLE.c[name] for name in SegmentRow._fields]


class Catalogue:
    """The rows of a folder of bags."""

    def __init__(self, folder: Path) -> None:
        """Open that of ``folder``; it is made with its first row.

        Raises:
            HrlError: the file that says where it is is damaged or names what ``keep_catalogue_at`` would refuse, or its
                server's driver is not installed.
        """
        self.folder, self._of = folder, ""
        self.place = str(folder / CATALOGUE)
        """Where it is, for people."""
        told = catalogue_place(folder)
        # Of its parts: as text a path with "?" would be another file.
        url = URL.create("sqlite", database=str((folder / CATALOGUE).absolute())) if told is None else told["url"]
        if told is not None:
            _require_driver()
            self.place, self._of = f"{told['url']} (as {folder / PLACE} says)", told["folder"]
        self._here = None if told is not None else folder / CATALOGUE
        # A connection a call: nobody keeps a file open that others write or replace.
        patience = "timeout" if told is None else "connect_timeout"
        self._engine = create_engine(url, poolclass=NullPool, connect_args={patience: _PATIENCE})

    @property
    def exists(self) -> bool:
        """Whether there is one; of a server it is believed."""
        return self._here is None or self._here.is_file()

    def add(self, bag: Path, custom: Mapping[str, str], sha256: str = "") -> None:
        """Append a row.

        Args:
            bag: that has just been closed, in the folder.
            custom: the custom metadata that it has.
            sha256: its ``bag_sha256``; empty: it is read for that.

        Raises:
            BagError: the bag cannot be read, or the catalogue not be written.
        """
        self._write([self._row(bag, {name.removeprefix("hrl."): value for name, value in custom.items()}, sha256)])

    def after(self, seq: int) -> list[SegmentRow]:
        """Rows after one, in their order; 0: all.

        Raises:
            BagError: there is no catalogue, or it is damaged.
        """
        if not self.exists:
            raise BagError(f"{self.folder} has no {CATALOGUE}: hrl catalogue rebuild {self.folder}")
        query = select(*_COLUMNS).where(_TABLE.c.folder == self._of, _TABLE.c.seq > seq).order_by(_TABLE.c.seq)
        try:
            with self._engine.connect() as connection:
                return [SegmentRow._make(row) for row in connection.execute(query)]
        except SQLAlchemyError as error:
            raise self._damaged(error) from None

    def rebuild(self) -> int:
        """Make it anew of what the bags of the folder say; returns how many there are.

        Raises:
            BagError: there is none, or one is damaged; or the folder is one itself, which a catalogue would change.
        """
        if not self.folder.is_dir() or (self.folder / METADATA).is_file():
            raise BagError(f"{self.folder} is no folder of bags: name the one that they are in, a catalogue lies there")
        bags = find_bags([self.folder])
        rows = [self._row(bag, custom_metadata(bag)) for bag in bags]
        if self._here is not None:
            self._here.unlink(missing_ok=True)
        self._write(rows, anew=True)
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

    def _row(self, bag: Path, custom: Mapping[str, Any], sha256: str = "") -> dict[str, Any]:
        try:
            episodes = _decoded(custom.get("episodes", []))
            return {
                "folder": self._of,
                "path": self._name(bag),
                "sha256": sha256 or bag_sha256(bag),
                "size": bag_size(bag),
                "run": str(custom.get("run", "")),
                "robot": str(custom.get("robot", "")),
                "segment": int(custom.get("segment", 0)),
                "task_hash": str(custom.get("task_hash", "")),
                "versions": json.dumps(_decoded(custom.get("policy_versions", []))),
                "modes": json.dumps(_decoded(custom.get("modes", []))),
                "episodes": len(episodes),
                "steps": sum(int(episode["steps"]) for episode in episodes),
                "closed": time.time_ns(),
            }
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BagError(f"bag {bag} has no place in a catalogue: {type(error).__name__}: {error}") from None

    def _name(self, bag: Path) -> str:
        return bag.relative_to(self.folder).as_posix()

    def _write(self, rows: Iterable[dict[str, Any]], anew: bool = False) -> None:
        try:
            with self._engine.begin() as connection:
                _TABLE.create(connection, checkfirst=True)
                if anew:
                    connection.execute(delete(_TABLE).where(_TABLE.c.folder == self._of))
                connection.execute(insert(_TABLE), list(rows))
        except SQLAlchemyError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: SQLAlchemyError) -> BagError:
        why = str(error).split("\n")[0]
        return BagError(f"{self.place}: {why}; make it anew: hrl catalogue rebuild {self.folder}")


def keep_catalogue_at(folder: Path, url: str) -> None:
    """Have the catalogue of a folder be rows of a server's table.

    Args:
        folder: of the bags.
        url: of the data base as SQLAlchemy writes it, ``postgresql+psycopg://user@host/name``, without a password:
            libpq finds that in ``~/.pgpass``.

    Raises:
        HrlError: it is none, names a password, or its driver is not installed; or the folder has another catalogue.
    """
    _require_server(url)
    _require_driver()
    told = catalogue_place(folder)
    if told is not None and told["url"] != url:
        raise HrlError(f"{folder} has its catalogue at {told['url']} ({folder / PLACE}), not at {url}")
    if told is None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLACE).write_text(json.dumps({"url": url, "folder": str(folder.absolute())}) + "\n")


def catalogue_place(folder: Path) -> dict[str, str] | None:
    """Where a file beside bags says that their catalogue is: ``url`` and ``folder``; None: there is no such file.

    Raises:
        HrlError: it says it of nothing that ``keep_catalogue_at`` would take; whoever fills a store writes it, too.
    """
    place = folder / PLACE
    if not place.is_file():
        return None
    try:
        told = read_json(place.read_bytes(), str(place)).data
        told = {name: str(told[name]) for name in ("url", "folder")}
    except (FileError, KeyError, TypeError, OSError) as error:
        raise HrlError(f"{place} does not say where a catalogue is: {error}") from None
    try:
        _require_server(told["url"])
    except HrlError as error:
        raise HrlError(f"{place}: {error}") from None
    return told


def _require_server(url: str) -> None:
    """Raise ``HrlError`` unless a URL names a server of PostgreSQL, and no password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without what may be a password.
        shown = url.rpartition("@")[2].partition("?")[0]
        raise HrlError(f"catalogue '{shown}' is no data base: {_EXAMPLE}") from None
    # First: what follows repeats the URL.
    if parsed.password is not None or any(part in name.lower() for name in parsed.query for part in _SECRET):
        raise HrlError("a password in the URL of a catalogue would lie beside the bags: put it into ~/.pgpass")
    if parsed.drivername != DRIVER:
        raise HrlError(f"catalogue '{url}': only servers of PostgreSQL are tried, {_EXAMPLE}")


def _require_driver() -> None:
    require_packages("a catalogue on a server", ("psycopg",), "requirements-cluster.txt")


def _decoded(value: Any) -> Any:  # noqa: ANN401 - JSON, decoded or not
    return json.loads(value) if isinstance(value, str) else value
