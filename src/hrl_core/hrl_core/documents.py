"""Files made by strangers as plain data: YAML and JSON under limits on size, depth and aliases, with line numbers.

Nothing here trusts what it reads, and no error quotes it: a file may be somebody's private one under a wrong name.
"""

import json
import os
import re
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from hrl_core.errors import FileError

KeyPath = tuple[str | int, ...]
"""Way to a value in a document: names and positions."""
MOST_YAML = 4 * 2**20
"""Bytes of a YAML file; a task with a thousand elements has 50 kB."""
MOST_JSON = 8 * 2**20
MOST_RECORD = 256 * 2**20
"""Bytes of what nodes write of a run; a million episodes take 200 MB."""
MOST_TEXT = 2**20
"""Bytes of what people write themselves."""
MOST_VALUES = 200_000
"""Values of a YAML file, those behind aliases counted as often as they are used."""
MOST_DEPTH = 32
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,39})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
_SPECIAL = {"inf": float("inf"), "nan": float("nan")}
_QUOTED = re.compile(r"\s*(['\"]).*?\1")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlainNumber(str):
    """``1e-3`` without quotes: text to YAML 1.1, a number to everybody who writes it."""

    __slots__ = ()


@dataclass(frozen=True)
class Ambiguous:
    """A scalar that YAML 1.1 reads as something that few mean: 010 as eight, 1:30 as ninety, a date."""

    text: str


@dataclass
class Document:
    """Plain data and where in the file it stands."""

    source: str
    data: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Line of a value, from 1; of a named one, of its name. Not known for JSON."""
    texts: dict[KeyPath, str] = field(default_factory=dict)
    """Scalars as they are written."""
    repeated: list[KeyPath] = field(default_factory=list)
    """Names that a table has given before (YAML)."""

    def place(self, path: KeyPath) -> str:
        """``source, line n`` of a value, or of the nearest around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.source}, line {self.lines[path]}" if path in self.lines else self.source


def read_limited(path: Path, limit: int, follow_links: bool = True) -> bytes:
    """Read a file whose size is checked before anything is read.

    Args:
        path: an ordinary file.
        limit: most bytes.
        follow_links: whether a symbolic link in its place will do.

    Raises:
        FileError: it cannot be opened, is no ordinary file, a link that is not wanted, or too large.
    """
    if not follow_links and path.is_symlink():
        raise FileError(f"{path} is a link: put the file itself there")
    # Without O_NONBLOCK a pipe that nobody writes would hold us up.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
    try:
        with open(path, "rb", opener=lambda name, _: _ordinary(name, flags)) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                raise FileError(f"{path} has {size} bytes, allowed are {limit}")
            # What grows meanwhile is cut off, not followed.
            return file.read(size)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from None


def read_text(path: Path, limit: int) -> str:
    """Read a file of UTF-8 text of at most ``limit`` bytes; raises ``FileError``."""
    return _decoded(read_limited(path, limit), str(path))


def _ordinary(name: str, flags: int) -> int:
    """Open an ordinary file; raises ``FileError`` for pipes, folders and devices."""
    opened = os.open(name, flags)
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise FileError(f"{name} is not an ordinary file")


def read_yaml(content: bytes | str, source: str, most: int = MOST_YAML) -> Document:
    """Parse YAML: one document, one value for each name, nothing that runs or unfolds.

    Args:
        content: the text; bytes are UTF-8.
        source: what errors call it.
        most: greatest length of the text.

    Raises:
        FileError: it is too large, not UTF-8, not YAML, or uses what is not read (tags, several documents).
    """
    if len(content) > most:
        raise FileError(f"{source} has {len(content)} bytes, allowed are {most}")
    return _YamlReader(_decoded(content, source), source).read()


def require_plain(text: str, source: str) -> None:
    """Refuse YAML that nobody could read, for who hands it on unread; no text at all is plain.

    Raises:
        FileError: as in ``read_yaml``.
    """
    if text:
        _require_plain(text, source)


@lru_cache(maxsize=16)
def _require_plain(text: str, source: str) -> None:
    """Looked at once: every bag of a recording repeats it."""
    read_yaml(text, source)


def read_json(content: bytes | str, source: str, limit: int = MOST_JSON) -> Document:
    """Parse JSON of at most so many bytes: one value for each name.

    Raises:
        FileError: it is too large, not UTF-8, not JSON, gives a name twice, or is nested too deeply.
    """

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        named = dict(pairs)
        if len(named) < len(pairs):
            raise FileError(f"{source}: a name is given twice in one object")
        return named

    if len(content) > limit:
        raise FileError(f"{source} has {len(content)} bytes, allowed are {limit}")
    try:
        document = Document(source, json.loads(_decoded(content, source), object_pairs_hook=table))
        _check_plain(document.data, source, 0)
    except json.JSONDecodeError as error:
        raise FileError(f"{source}, line {error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise FileError(f"{source}: not valid JSON: a number too long, or nested too deeply") from None
    return document


def _decoded(content: bytes | str, source: str) -> str:
    try:
        return content.encode().decode() if isinstance(content, str) else content.decode("utf-8-sig")
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError | UnicodeEncodeError) else ""
        raise FileError(f"{source} is not UTF-8 text{at}: save it as UTF-8") from None


def _check_plain(value: object, source: str, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise FileError(f"{source} is nested more than {MOST_DEPTH} deep")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_plain(name, source, depth)
            _check_plain(inner, source, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner, source, depth + 1)
    elif isinstance(value, str) and not value.isascii():
        _decoded(value, source)  # halves of a pair, which no file or terminal takes


class _YamlReader:
    """One pass over the events of a document."""

    def __init__(self, text: str, source: str) -> None:
        self._document, self._text = Document(source), text
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def read(self) -> Document:
        """The whole document."""
        source = self._document.source
        try:
            self._loader = _LOADER(self._text)
            self._next()
            if isinstance(self._loader.peek_event(), yaml.StreamEndEvent):
                raise FileError(f"{source} is empty")
            self._next()
            self._document.data = self._value(self._next(), (), 0)
            self._next()
            if not isinstance(self._loader.peek_event(), yaml.StreamEndEvent):
                raise self._refusal(self._next(), "a second document begins: only one is read")
        except yaml.MarkedYAMLError as error:
            line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
            problem = _QUOTED.sub("", error.problem or "it breaks off")
            raise FileError(f"{source}{line}: not valid YAML: {problem}") from None
        except (yaml.YAMLError, ValueError, OverflowError):
            raise FileError(f"{source}: not valid YAML: it holds a character that YAML does not allow") from None
        return self._document

    def _next(self) -> Any:  # noqa: ANN401 - one of many events
        return self._loader.get_event()

    def _refusal(self, event: Any, problem: str) -> FileError:  # noqa: ANN401
        return FileError(f"{self._document.source}, line {event.start_mark.line + 1}: {problem}")

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:  # noqa: ANN401 - plain data
        before = self._values
        self._values += 1
        self._document.lines.setdefault(path, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent):
            value, count = self._alias(event)
            self._values += count
        elif event.tag is not None:
            raise self._refusal(event, "a tag (!...): tags are not read, write the plain value")
        elif isinstance(event, yaml.ScalarEvent):
            self._document.texts[path] = event.value
            value = self._scalar(event)
        elif depth == MOST_DEPTH:
            raise self._refusal(event, f"nested more than {MOST_DEPTH} deep")
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth + 1)
        else:
            value = self._table(path, depth + 1)
        if self._values > MOST_VALUES:
            raise self._refusal(event, f"more than {MOST_VALUES} values, those behind aliases counted each time")
        if (anchor := event.anchor) is not None and not isinstance(event, yaml.AliasEvent):
            self._anchors[anchor] = (value, self._values - before)
        return value

    def _alias(self, event: Any) -> tuple[Any, int]:  # noqa: ANN401
        if event.anchor not in self._anchors:
            raise self._refusal(event, "an alias (*...) of a value that does not stand before it")
        return self._anchors[event.anchor]

    def _list(self, path: KeyPath, depth: int) -> list[Any]:
        rows = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            rows.append(self._value(event, (*path, len(rows)), depth))
        return rows

    def _table(self, path: KeyPath, depth: int) -> dict[str, Any]:
        table: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            name = self._scalar(event) if isinstance(event, yaml.ScalarEvent) and event.tag is None else None
            if not isinstance(name, str):
                raise self._refusal(event, "a name must be text: put it in quotes")
            inner = (*path, str(name))
            if name in table:
                self._document.repeated.append(inner)
            self._document.lines[inner] = event.start_mark.line + 1
            table[str(name)] = self._value(self._next(), inner, depth)
        return table

    def _scalar(self, event: Any) -> Any:  # noqa: ANN401
        text = event.value
        if not event.implicit[0]:
            return text
        kind = self._loader.resolve(yaml.ScalarNode, text, (True, False)).rpartition(":")[2]
        if kind == "str":
            return PlainNumber(text) if EXPONENT.fullmatch(text) else text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("yes", "true", "on")
        if kind == "int" and _INTEGER.fullmatch(text):
            return int(text)
        if kind == "float" and _FLOAT.fullmatch(text):
            return float(text)
        special = text.lower().lstrip("+-").removeprefix(".")
        if kind == "float" and special in _SPECIAL:
            return -_SPECIAL[special] if text.startswith("-") else _SPECIAL[special]
        return Ambiguous(text)
