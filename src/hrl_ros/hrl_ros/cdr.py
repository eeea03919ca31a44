"""Fast serialisation of our fixed-order messages: one ``struct`` call a message instead of one per field.

The layout is derived from the built message class, so it cannot drift from the ``.msg`` file; a test holds it equal to
rclpy's own serialisation. Arrays travel as one block of bytes and come back as read-only NumPy views of the message.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from hrl_core.errors import InvalidDataError

HEADER = b"\x00\x01\x00\x00"
"""Encapsulation header of plain little-endian CDR."""
_PRIMITIVES = {
    "boolean": ("?", 1),
    "uint8": ("B", 1),
    "int32": ("i", 4),
    "uint32": ("I", 4),
    "int64": ("q", 8),
    "uint64": ("Q", 8),
    "double": ("d", 8),
}
_TIME = "builtin_interfaces/Time"
_SECOND = 1_000_000_000
T = TypeVar("T")
Lengths = tuple[Any, ...]


class MessageClass(Protocol):
    """What rosidl generates."""

    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]:
        """Field name -> type, in order."""
        ...


class CdrCodec(Generic[T]):
    """Turns one named-tuple type into the bytes of one message type and back (a ``string[]`` comes last).

    The named tuple has the message's fields in order, with ``header`` flattened to ``stamp`` [ns] and ``frame``.
    """

    def __init__(self, message: type[MessageClass], record: Callable[..., T], fields: Sequence[str]) -> None:
        """Derive the layout.

        Args:
            message: rosidl message class.
            record: the named-tuple type.
            fields: its field names, checked against the message's.
        """
        declared = list(_declared(message.get_fields_and_field_types()))
        names = [name for name, _ in declared]
        if names != list(fields):
            raise TypeError(f"{message.__name__}: message fields {names} differ from {list(fields)}")
        self._name = message.__name__
        self._make = record
        self._types = [kind for _, kind in declared]
        self._layouts: dict[Lengths, struct.Struct] = {}
        self._recent: tuple[Lengths, struct.Struct] = ((), struct.Struct("<"))
        self._text: dict[bytes, str] = {}
        names_in_scope = {"make": record, "text": self._string, "frombuffer": np.frombuffer}
        self._flatten = _compile("flatten", _flatten_source(declared), names_in_scope)
        self._build = _compile("build", _build_source(declared), names_in_scope)

    def encode(self, record: Sequence[Any]) -> bytes:
        """Serialise a named tuple to CDR bytes with encapsulation header.

        Raises:
            InvalidDataError: a number is beyond what its field holds.
        """
        lengths, values = self._flatten(*record)
        layout = self._layouts.get(lengths)
        if layout is None:
            layout = self._layout(lengths)
        try:
            return HEADER + layout.pack(*values)
        except struct.error as error:
            raise InvalidDataError(f"{self._name}: a number does not fit its field: {error}") from None

    def decode(self, data: bytes) -> T:
        """Read CDR bytes.

        Raises:
            InvalidDataError: the bytes are not a message of this type.
        """
        try:
            lengths, layout = self._recent
            if len(data) == layout.size + len(HEADER):
                record = self._build(lengths, *layout.unpack_from(data, len(HEADER)))
                if record is not None:
                    return record
            lengths = self._walk(data)
            layout = self._layout(lengths)
            self._recent = (lengths, layout)
            record = self._build(lengths, *layout.unpack_from(data, len(HEADER)))
        except (struct.error, UnicodeDecodeError, ValueError, MemoryError) as error:
            raise InvalidDataError(f"{self._name}: {len(data)} bytes are not such a message: {error}") from None
        if record is None:
            raise InvalidDataError(f"{self._name}: {len(data)} bytes contradict themselves")
        return record

    def _string(self, raw: bytes) -> str:
        text = self._text.get(raw)
        if text is None:
            text = raw.decode()
            if len(self._text) < 64:
                self._text[raw] = text
        return text

    def _layout(self, lengths: Lengths) -> struct.Struct:
        layout = self._layouts.get(lengths)
        if layout is None:
            layout = self._layouts[lengths] = _build_layout(self._types, lengths)
        return layout

    def _walk(self, data: bytes) -> Lengths:
        """Find the lengths of the variable fields by reading the message once from its front."""
        if data[: len(HEADER)] != HEADER:
            raise InvalidDataError(f"{self._name}: only plain little-endian CDR is read, got header {data[:4].hex()}")
        offset = 0
        lengths: list[Any] = []
        read_uint32 = partial(_read_uint32, data)
        for kind in self._types:
            if kind in _PRIMITIVES:
                size = _PRIMITIVES[kind][1]
                offset = _align(offset, size) + size
            elif kind == _TIME:
                offset = _align(offset, 4) + 8
            elif kind == "sequence<double>":
                count, offset = read_uint32(offset)
                lengths.append(count)
                offset = _align(offset, 8) + 8 * count if count else offset
            elif kind == "string":
                count, offset = read_uint32(offset)
                lengths.append(count - 1)
                offset += count
            else:
                number, offset = read_uint32(offset)
                sizes = []
                for _ in range(min(number, len(data))):
                    count, offset = read_uint32(offset)
                    sizes.append(count - 1)
                    offset += count
                lengths.append(tuple(sizes))
        return tuple(lengths)


def _declared(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, kind in fields.items():
        if kind == "std_msgs/Header":
            yield "stamp", _TIME
            yield "frame", "string"
        elif kind in _PRIMITIVES or kind in (_TIME, "string", "sequence<double>", "sequence<string>"):
            yield name, kind
        else:
            raise TypeError(f"field {name}: type {kind} has no codec; known: {', '.join(_PRIMITIVES)}, string, ...")


def _compile(name: str, source: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """Make a function from source, as ``namedtuple`` does: a third of the time of a loop over the fields."""
    namespace = dict(scope)
    exec(source, namespace)
    return namespace[name]


def _flatten_source(fields: Sequence[tuple[str, str]]) -> str:
    """``flatten(*record)``: the lengths of the variable fields and the values to pack."""
    lengths, values, prepare = [], [], []
    for name, kind in fields:
        if kind == "string":
            prepare.append(f"    {name} = {name}.encode()")
            values += [f"len({name}) + 1", name]
            lengths.append(f"len({name})")
        elif kind == "sequence<string>":
            prepare.append(f"    {name} = [text.encode() for text in {name}]")
            values += [f"len({name})", f"*[part for text in {name} for part in (len(text) + 1, text)]"]
            lengths.append(f"tuple(map(len, {name}))")
        elif kind == "sequence<double>":
            values += [f"len({name})", f"{name}.tobytes()"]
            lengths.append(f"len({name})")
        else:
            values += [f"*divmod({name}, {_SECOND})"] if kind == _TIME else [name]
    head = f"def flatten({', '.join(name for name, _ in fields)}):"
    return "\n".join([head, *prepare, f"    return ({''.join(n + ', ' for n in lengths)}), ({', '.join(values)},)"])


def _build_source(fields: Sequence[tuple[str, str]]) -> str:
    """``build(lengths, *values)``: the record; None when the message has other lengths than assumed."""
    arguments, checks, parts = [], [], []
    variable = 0
    for name, kind in fields:
        if kind in _PRIMITIVES:
            arguments.append(name)
            parts.append(name)
            continue
        if kind == _TIME:
            arguments += [f"{name}_s", f"{name}_n"]
            parts.append(f"{name}_s * {_SECOND} + {name}_n")
            continue
        expected = f"lengths[{variable}]"
        variable += 1
        arguments += [f"{name}_len", name] if kind != "sequence<string>" else [f"{name}_len", "*rest"]
        if kind == "sequence<double>":
            checks.append(f"{name}_len == {expected}")
            parts.append(f"frombuffer({name})")
        elif kind == "string":
            checks.append(f"{name}_len == {expected} + 1")
            parts.append(f"text({name})")
        else:
            checks.append(f"{name}_len == len({expected}) and rest[::2] == tuple(n + 1 for n in {expected})")
            parts.append("tuple(map(text, rest[1::2]))")
    head = f"def build(lengths, {', '.join(arguments)}):"
    guard = f"    if not ({' and '.join(checks) or 'True'}): return None"
    return "\n".join([head, guard, f"    return make({', '.join(parts)})"])


def _align(offset: int, size: int) -> int:
    return -(-offset // size) * size


def _read_uint32(data: bytes, offset: int) -> tuple[int, int]:
    offset = _align(offset, 4)
    return struct.unpack_from("<I", data, offset + len(HEADER))[0], offset + 4


def _build_layout(types: Sequence[str], lengths: Lengths) -> struct.Struct:
    """Format string with explicit padding (CDR aligns to the element's size, counted after the header)."""
    parts: list[str] = []
    offset = 0

    def add(code: str, size: int, alignment: int) -> None:
        nonlocal offset
        start = _align(offset, alignment)
        parts.append("x" * (start - offset) + code)
        offset = start + size

    expect = iter(lengths).__next__
    for kind in types:
        if kind in _PRIMITIVES:
            code, size = _PRIMITIVES[kind]
            add(code, size, size)
        elif kind == _TIME:
            add("iI", 8, 4)
        elif kind == "sequence<double>":
            count = expect()
            add("I", 4, 4)
            add(f"{8 * count}s", 8 * count, 8 if count else 1)
        elif kind == "string":
            _add_string(add, expect())
        else:
            sizes = expect()
            add("I", 4, 4)
            for size in sizes:
                _add_string(add, size)
    return struct.Struct("<" + "".join(parts))


def _add_string(add: Callable[[str, int, int], None], length: int) -> None:
    if length < 0:
        raise ValueError("string without its terminating zero")
    add("I", 4, 4)
    add(f"{length}sx", length + 1, 1)
