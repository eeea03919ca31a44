"""Where the fields of a serialised message lie, as a NumPy type, from the message definition in the bag.

CDR has no tags: the place of a field follows from the fields before it, that is, from the lengths of the strings and
sequences among them. Messages of one topic nearly always agree in these lengths, so that one structured type reads
thousands of them at once: ``Layout.dtype`` gives that type for one message, ``Layout.fits`` who shares it.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from hrl_core.bags.errors import BagError
from hrl_core.bags.topic import Topic

HEADER_BYTES = 4
_LITTLE_ENDIAN = b"\x00\x01"
_PADDING = 4
"""Some middlewares round the length of a message up to this."""
_STRING = "string"
_ELEMENTS = {
    "bool": "?", "byte": "u1", "char": "u1", "uint8": "u1", "int8": "i1", "uint16": "<u2", "int16": "<i2",
    "uint32": "<u4", "int32": "<i4", "uint64": "<u8", "int64": "<i8", "float32": "<f4", "float64": "<f8",
}  # fmt: skip
Lengths = tuple[int, ...]


class Field(NamedTuple):
    """One field, those of nested messages with the outer name before the inner: ``header.stamp.sec``."""

    name: str
    element: str
    """NumPy type of an element, or ``string``."""
    count: int | None
    """Number of elements, 1: a single value; None: it stands before them in the message."""

    @property
    def size(self) -> int:
        """Bytes of an element, which it is aligned to as well."""
        return 1 if self.element == _STRING else np.dtype(self.element).itemsize


class Layout:
    """The fields of one message type, up to the first that has no place in an array (a sequence of strings)."""

    def __init__(self, topic: Topic) -> None:
        """Derive the layout from the definition that the bag holds.

        Raises:
            BagError: the bag has no definition of the type, or one that cannot be understood.
        """
        self.fields: list[Field] = []
        self.complete = True
        """Whether ``fields`` are all that the message has."""
        self._types: dict[Lengths, np.dtype] = {}
        store = definitions(topic)
        with _sound_definition(topic):
            for field in _flatten(store, topic.type, ""):
                if field is None:
                    self.complete = False
                    break
                self.fields.append(field)

    def lengths(self, data: bytes) -> Lengths:
        """Lengths of the strings (closing zero included) and sequences of a message, in order.

        Raises:
            ValueError: the bytes are not such a message.
        """
        if data[:2] != _LITTLE_ENDIAN:
            raise ValueError(f"only plain little-endian CDR is read, got header {data[:4].hex()}")
        offset, lengths = 0, []
        for field in self.fields:
            count = field.count
            if count is None:
                offset = _aligned(offset, 4) + 4
                if offset + HEADER_BYTES > len(data):
                    raise ValueError(f"{len(data)} bytes end before field {field.name}")
                (count,) = struct.unpack_from("<I", data, offset - 4 + HEADER_BYTES)
                if field.element == _STRING and not count:
                    raise ValueError(f"string {field.name} has no closing zero")
                lengths.append(count)
            offset = (_aligned(offset, field.size) if count else offset) + field.size * count
            if offset + HEADER_BYTES > len(data):
                raise ValueError(f"{len(data)} bytes end within field {field.name}")
        if self.complete and len(data) - HEADER_BYTES - offset >= _PADDING:
            raise ValueError(f"{len(data) - HEADER_BYTES - offset} bytes too many")
        return tuple(lengths)

    def dtype(self, lengths: Lengths) -> np.dtype:
        """Structured type of messages with these lengths; ``<name>#`` is the length that stands before a field."""
        known = self._types.get(lengths)
        if known is None:
            known = self._types[lengths] = self._build(lengths)
        return known

    def fits(self, rows: npt.NDArray[Any], lengths: Lengths) -> npt.NDArray[np.bool_]:
        """Which of ``rows`` (n,), read with ``dtype(lengths)``, really have these lengths."""
        fits = rows["#header"] == int.from_bytes(_LITTLE_ENDIAN, "little")
        variable = [field.name for field in self.fields if field.count is None]
        for name, length in zip(variable, lengths, strict=True):
            fits &= rows[f"{name}#"] == length
        return fits

    def _build(self, lengths: Lengths) -> np.dtype:
        names, formats, offsets = ["#header"], [np.dtype("<u2")], [0]
        offset, expected = 0, iter(lengths)

        def put(name: str, kind: np.dtype, alignment: int) -> None:
            nonlocal offset
            offset = _aligned(offset, alignment)
            names.append(name)
            formats.append(kind)
            offsets.append(offset + HEADER_BYTES)
            offset += kind.itemsize

        for field in self.fields:
            count = field.count
            if count is None:
                put(f"{field.name}#", np.dtype("<u4"), 4)
                count = next(expected)
            if field.element == _STRING:
                put(field.name, np.dtype(f"S{count}"), 1)
            elif field.count == 1:
                put(field.name, np.dtype(field.element), field.size)
            else:
                put(field.name, np.dtype((field.element, (count,))), field.size if count else 1)
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": offset + HEADER_BYTES})


def definitions(topic: Topic) -> Typestore:
    """A typestore of the topic's type and what it depends on.

    Raises:
        BagError: the bag has no definition of the type, or one that cannot be understood.
    """
    if not topic.definition:
        raise BagError(
            f"topic {topic.name}: the bag holds no definition of {topic.type}, and none of that name and hash is "
            "installed; record with ROS 2 Jazzy or newer, or convert it there with ros2 bag convert"
        )
    with _sound_definition(topic):
        return _store_of(topic.type, topic.definition, topic.idl)


@contextmanager
def _sound_definition(topic: Topic) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # rosbags parses and compiles it, and promises no set of errors
        raise BagError(f"topic {topic.name}: the definition of {topic.type} is damaged: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]


def decoded(store: Typestore, type_name: str, data: bytes) -> Any:  # noqa: ANN401 - classes are made from definitions
    """One message as an object; raises ``ValueError`` whatever is wrong with it."""
    try:
        return store.deserialize_cdr(data, type_name)
    except Exception as error:  # as above
        raise ValueError(_reason(error)) from None


@lru_cache(maxsize=64)
def _store_of(type_name: str, definition: str, idl: bool) -> Typestore:
    """Made once: a typestore compiles code for every type, and the bags of a recording hold the same definitions."""
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_idl(definition) if idl else get_types_from_msg(definition, type_name))
    return store


def _flatten(store: Typestore, type_name: str, prefix: str) -> Iterator[Field | None]:
    """The fields in order; None: here begins what cannot be held in arrays."""
    for name, description in store.fielddefs[type_name][1]:
        path = f"{prefix}{name}"
        node, content = cast(tuple[Nodetype, Any], description)
        if node == Nodetype.NAME:
            yield from _flatten(store, content, f"{path}.")
            continue
        element, count = ((node, content), 1) if node == Nodetype.BASE else content
        kind = element[1][0] if element[0] == Nodetype.BASE else ""
        if kind in _ELEMENTS:
            yield Field(path, _ELEMENTS[kind], None if node == Nodetype.SEQUENCE else count)
        elif kind == _STRING and node == Nodetype.BASE:
            yield Field(path, _STRING, None)
        else:
            yield None


def _aligned(offset: int, size: int) -> int:
    return -(-offset // size) * size
