"""Plain data into dataclasses: what a field may hold is what it is annotated with, and every refusal says it.

Understood are text, numbers, booleans, ``tuple[X, ...]``, ``tuple[X, Y]``, ``Mapping[str, X]``, other dataclasses,
``X | None`` and any of them as ``Annotated[X, Must(...)]``.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hrl_core.documents import Document, KeyPath, PlainNumber
from hrl_core.errors import FileError, HrlError, did_you_mean

_NO_VALUE = object()
_LONGEST = 60
"""Characters of a value that an error shows."""
T = TypeVar("T")


@dataclass(frozen=True)
class Must:
    """What a value has to be, beyond its type."""

    holds: Callable[[Any], bool]
    allowed: str
    """As in ``must be ...``."""


def one_of(names: Sequence[str]) -> Must:
    """One of some words."""
    return Must(lambda name: name in names, f"one of {', '.join(names)}")


MOST_COUNT = 2**31 - 1
NonEmpty = Must(bool, "a list with at least one entry")
Finite = Annotated[float, Must(math.isfinite, "a finite number")]
Positive = Annotated[float, Must(lambda x: 0 < x < math.inf, "a finite number above 0")]
NotNegative = Annotated[float, Must(lambda x: 0 <= x < math.inf, "a finite number, 0 or above")]
Count = Annotated[int, Must(lambda n: 0 < n <= MOST_COUNT, f"a whole number from 1 to {MOST_COUNT}")]
Fraction = Annotated[float, Must(lambda x: 0 <= x <= 1, "a number from 0 to 1")]
Index = Annotated[int, Must(lambda n: 0 <= n <= MOST_COUNT, f"a whole number from 0 to {MOST_COUNT}")]
Name = Annotated[str, Must(lambda text: bool(text.strip()), "text that is not empty")]
FileName = Annotated[
    str,
    Must(
        lambda text: bool(text.strip()) and not text.startswith(".") and not set(text) & set("/\\\0"),
        "text that can name a file: not empty, no slashes, no dot in front",
    ),
]


class FieldError(FileError):
    """A value is not what its field may hold."""

    def __init__(self, path: KeyPath, problem: str, value: object = _NO_VALUE) -> None:
        """Name the place of the value within its dataclass, the problem, and perhaps what was got."""
        self.path, self.problem, self.value = path, problem, value
        super().__init__(path, problem)

    def __str__(self) -> str:
        """As ``field.part[0]: problem, got ...``."""
        return self.told(None)

    def told(self, text: str | None) -> str:
        """As people are told; ``text`` is the value as it is written in the file, where that is known."""
        got = "" if self.value is _NO_VALUE else f", got {_short(self.value, text)}"
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{place[:_LONGEST]}: {self.problem}{got}" if place else f"{self.problem}{got}"


def read_fields(kind: type[T], document: Document, others: bool = False) -> T:
    """Make a dataclass of a document.

    Args:
        kind: the dataclass.
        document: what was read.
        others: whether the outermost table may hold names that are no fields; they are left out.

    Raises:
        FileError: a field is missing, unknown, given twice or not what it may be; file, line, field and what is
            allowed are named. Of a document that lacks required fields nothing is quoted: it may be anything.
    """
    return _read_whole(document, lambda: _record(kind, document.data, (), others))


def read_table(kind: Any, document: Document) -> dict[str, Any]:  # noqa: ANN401 - any annotation
    """Make a table of a document, every value of one kind; raises ``FileError`` as ``read_fields`` does."""
    return _read_whole(document, lambda: _read_table((str, kind), document.data, ()))


def _read_whole(document: Document, read: Callable[[], T]) -> T:
    """Read what no name is given twice in, and tell where in the file what is refused stands."""
    try:
        result = read()
        if document.repeated:
            raise FieldError(document.repeated[0], "is given twice")
        return result
    except FieldError as error:
        raise FileError(f"{document.place(error.path)}: {error.told(document.texts.get(error.path))}") from None


def require_fields(instance: object) -> None:
    """Hold the fields of a dataclass against their annotations: what ``__post_init__`` begins with.

    Raises:
        FieldError: one of them may not hold what it holds.
    """
    for name, annotation in _annotations(type(instance)).items():
        _read(annotation, getattr(instance, name), (name,))


def require_different(names: Iterable[str], *where: str | int) -> None:
    """Raise ``FieldError`` at the first name that was there before; ``where`` is the list, or table, they are in."""
    seen: set[str] = set()
    for i, name in enumerate(names):
        if name in seen:
            raise FieldError((*where, i), f"'{name}' is there twice: every one needs a name of its own")
        seen.add(name)


@lru_cache(maxsize=64)
def _annotations(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {row.name: hints[row.name] for row in dataclasses.fields(kind) if row.init}


def _read(annotation: Any, data: Any, path: KeyPath, allowed: str = "") -> Any:  # noqa: ANN401 - any type, plain data
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        rules = parts[1:]
        value = _read(parts[0], data, path, rules[-1].allowed)
        for rule in rules:
            if not rule.holds(value):
                raise FieldError(path, f"must be {rule.allowed}", data)
        return value
    if origin in (types.UnionType, Union):
        return None if data is None else _read(parts[0], data, path, allowed)
    if origin is tuple:
        return _read_list(parts, data, path, allowed)
    if origin is not None and issubclass(origin, Mapping):
        return _read_table(parts, data, path)
    if dataclasses.is_dataclass(annotation):
        return _record(annotation, data, path)  # pyright: ignore[reportArgumentType]
    return _read_scalar(annotation, data, path, allowed)


_SCALARS: dict[Any, tuple[type, str]] = {
    float: (Real, "a number"),
    int: (Integral, "a whole number"),
    str: (str, "text (in quotes, if it looks like something else)"),
    bool: (bool, "true or false"),
}


def _read_scalar(kind: Any, data: Any, path: KeyPath, allowed: str) -> Any:  # noqa: ANN401
    if kind is Any:
        return _with_numbers(data)
    accepted, usual = _SCALARS[kind]
    number = kind in (float, int)
    if kind is float and isinstance(data, PlainNumber):
        return float(data)
    if not isinstance(data, accepted) or (number and isinstance(data, bool)):
        raise FieldError(path, f"must be {allowed or usual}", data)
    try:
        return kind(data)
    except OverflowError:
        raise FieldError(path, f"must be {allowed or usual}", data) from None


def _with_numbers(data: Any) -> Any:  # noqa: ANN401 - plain data
    """What may be anything, where ``1e-3`` is a number as everywhere."""
    if isinstance(data, PlainNumber):
        return float(data)
    if isinstance(data, list):
        return [_with_numbers(row) for row in data]
    return {name: _with_numbers(row) for name, row in data.items()} if isinstance(data, dict) else data


def _read_list(parts: tuple[Any, ...], data: Any, path: KeyPath, allowed: str) -> tuple[Any, ...]:  # noqa: ANN401
    size = None if parts[-1] is Ellipsis else len(parts)
    rows = () if data is None and size is None else data
    if not isinstance(rows, (list, tuple)) or size not in (None, len(rows)):
        raise FieldError(path, f"must be {allowed or ('a list' if size is None else f'a list of {size}')}", data)
    kinds = parts[:1] * len(rows) if size is None else parts
    return tuple(_read(kind, row, (*path, i)) for i, (kind, row) in enumerate(zip(kinds, rows, strict=True)))


def _read_table(parts: tuple[Any, ...], data: Any, path: KeyPath) -> dict[str, Any]:  # noqa: ANN401
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise FieldError(path, "must be a table of names and values", data)
    return {_read(parts[0], name, (*path, name)): _read(parts[1], row, (*path, name)) for name, row in data.items()}


def _record(kind: type[T], data: Any, path: KeyPath, others: bool = False) -> T:  # noqa: ANN401
    if isinstance(data, kind):
        return data
    known = _annotations(kind)
    if not isinstance(data, Mapping):
        raise FieldError(path, f"must be a table with the fields {', '.join(known)}", _type(data))
    missing = [row.name for row in dataclasses.fields(kind) if _required(row) and row.name not in data]  # pyright: ignore[reportArgumentType]
    unknown = [] if others else [name for name in data if name not in known]
    for name in unknown:
        # Without a required field this may be no file of ours: only what is nearly a field is repeated.
        near = did_you_mean(name, missing or known)
        if near or not missing:
            raise FieldError((*path, name), f"unknown field{near}; fields are: {', '.join(known)}")
    if missing:
        raise FieldError(path, f"lacks {', '.join(missing)}; fields are: {', '.join(known)}")
    values = {name: _read(known[name], data[name], (*path, name)) for name in known if name in data}
    try:
        return kind(**values)
    except FieldError as error:
        raise FieldError((*path, *error.path), error.problem, error.value) from None
    except HrlError as error:
        raise FieldError(path, str(error)) from None


def _required(row: dataclasses.Field[Any]) -> bool:
    return row.default is dataclasses.MISSING and row.default_factory is dataclasses.MISSING


def _type(data: object) -> Any:  # noqa: ANN401 - nothing of the data
    names = {list: "a list", str: "text", type(None): "nothing", dict: "a table"}
    return _Shown(names.get(type(data), "a single value"))


class _Shown(str):
    """Shown as it is."""

    __slots__ = ()


def _short(value: object, text: str | None) -> str:
    if isinstance(value, _Shown):
        return value
    if isinstance(value, (list, tuple, dict)):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, str):
        text = repr(str(value))
    shown = text or repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
