"""Messages of a bag in bulk, undecoded: many at a time as they lie in one piece of memory.

MCAP files are walked directly, chunk by chunk, which also works on what a killed recorder left behind; everything else
(sqlite3, compression by message or file) comes through rosbags.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Schema
from mcap.stream_reader import CRCValidationError, get_chunk_data_stream
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat, Qos
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.rosbag2.metadata import parse_qos
from zstandard import ZstdError, frame_content_size  # what mcap decompresses with

from hrl_core.bags.errors import BagError
from hrl_core.bags.known_types import known_definition
from hrl_core.bags.opening import damage, opened, plain_files
from hrl_core.bags.topic import Topic

MAGIC = b"\x89MCAP0\r\n"
MOST_CHUNK = 128 * 2**20
"""Bytes of an unpacked chunk; recorders close theirs at a few MiB, or behind one message that is longer."""
_RECORD = struct.Struct("<BQ")
_HEAD = {"size": (1, "<u8"), "channel": (9, "<u2"), "log_time": (15, "<u8")}
_MESSAGE = np.dtype(
    {
        "names": list(_HEAD),
        "offsets": [offset for offset, _ in _HEAD.values()],
        "formats": [kind for _, kind in _HEAD.values()],
        "itemsize": 31,
    }
)
"""What stands before the data of a message record."""
_TOGETHER = 20_000
"""Messages per block where the file has no chunks."""
_DAMAGE = (struct.error, McapError, CRCValidationError, ZstdError, RuntimeError, ValueError, LookupError, MemoryError)
_DAMAGE += (OverflowError,)  # a length beyond 2^63


class Block(NamedTuple):
    """Messages in one piece of memory; arrays have shape (n,)."""

    buffer: npt.NDArray[np.uint8]
    topics: npt.NDArray[np.int64]
    """Key of the topic in ``topics`` of the scan."""
    stamps: npt.NDArray[np.int64]
    """Receive time [ns]."""
    starts: npt.NDArray[np.int64]
    """Where each message begins in the buffer."""
    lengths: npt.NDArray[np.int64]

    def message(self, row: int) -> bytes:
        """The bytes of one message."""
        start = self.starts[row]
        return self.buffer[start : start + self.lengths[row]].tobytes()


@dataclass
class McapScan:
    """One pass over an MCAP file that goes as far as the file is sound."""

    path: Path
    topics: dict[int, Topic] = field(default_factory=dict)
    problem: str = ""
    """Why the pass ended before the regular end; empty: the file is whole."""
    sound_bytes: int = 0
    """Length of the part that was read."""
    _schemas: dict[int, Schema] = field(default_factory=dict)

    def blocks(self) -> Iterator[Block]:
        """Yield the messages; afterwards ``problem`` and ``sound_bytes`` tell how it ended.

        Raises:
            BagError: this is no MCAP file, or it cannot be opened.
        """
        try:
            size = self.path.stat().st_size
            data = np.memmap(self.path, np.uint8, "r") if size else np.empty(0, np.uint8)
        except OSError as error:
            raise BagError(f"cannot read {self.path}: {error.strerror or error}") from None
        if data[: len(MAGIC)].tobytes() != MAGIC[:size]:
            raise BagError(f"{self.path} is not an MCAP file")
        yield from self._walk_file(data)

    def _walk_file(self, data: npt.NDArray[np.uint8]) -> Iterator[Block]:
        view, offset, footer = memoryview(cast(Any, data)), len(MAGIC), False
        loose: list[int] = []
        try:
            while offset + _RECORD.size <= len(view) and not footer:
                code, size = _RECORD.unpack_from(view, offset)
                end = offset + _RECORD.size + size
                if end > len(view) or not 0 < code <= max(Opcode):
                    break
                if code == Opcode.CHUNK:
                    yield self._chunk(view[offset + _RECORD.size : end])
                elif code == Opcode.MESSAGE:
                    loose.append(offset)
                    if len(loose) == _TOGETHER:
                        yield _block(data, loose)
                        loose = []
                else:
                    self._note(code, view[offset + _RECORD.size : end])
                    footer = code == Opcode.FOOTER
                self.sound_bytes = offset = end
        except _DAMAGE as error:
            self.problem = f"damaged at byte {offset}: {error or type(error).__name__}"
        if loose:
            yield _block(data, loose)
        if not self.problem and not (footer and bytes(view[offset:]) == MAGIC):
            at = f"cut off or damaged at byte {min(offset, len(view))} of {len(view)}"
            self.problem = at if len(view) else "damaged: the file is empty"

    def _chunk(self, content: memoryview) -> Block:
        chunk = Chunk.read(ReadDataStream(io.BytesIO(content)))
        if max(chunk.uncompressed_size, _packed_size(chunk)) > MOST_CHUNK:
            raise ValueError(f"a chunk of more than {MOST_CHUNK} bytes")
        stream, size = get_chunk_data_stream(chunk, validate_crc=True)
        data = stream.read(size)
        if size != chunk.uncompressed_size:
            raise ValueError(f"chunk of {size} bytes instead of {chunk.uncompressed_size}")
        found, offset = [], 0
        unpack, message = _RECORD.unpack_from, int(Opcode.MESSAGE)
        while offset < size:
            code, length = unpack(data, offset)
            end = offset + _RECORD.size + length
            if code == message:
                found.append(offset)
            else:
                self._note(code, memoryview(data)[offset + _RECORD.size : end])
            offset = end
        if offset != size:
            raise ValueError("a record reaches beyond its chunk")
        return _block(np.frombuffer(data, np.uint8), found)

    def _note(self, code: int, content: memoryview) -> None:
        """Remember a schema or a topic."""
        if code == Opcode.SCHEMA:
            schema = Schema.read(ReadDataStream(io.BytesIO(content)))
            self._schemas[schema.id] = schema
        elif code == Opcode.CHANNEL:
            channel = Channel.read(ReadDataStream(io.BytesIO(content)))
            schema = self._schemas.get(channel.schema_id)
            name, text = (schema.name, schema.data.decode()) if schema else ("", "")
            profiles = _profiles(channel.metadata.get("offered_qos_profiles", ""))
            idl = schema is not None and "idl" in schema.encoding
            self.topics[channel.id] = Topic(channel.topic, name, text, idl, profiles)


def _packed_size(chunk: Chunk) -> int:
    """What the packed data themselves say of their size, which is what would be allocated."""
    if chunk.compression == "zstd":
        return frame_content_size(chunk.data)
    if chunk.compression == "lz4":
        from lz4.frame import get_frame_info

        # A frame that does not tell could become any size.
        return get_frame_info(chunk.data)["content_size"] or MOST_CHUNK + 1
    return len(chunk.data)


def _block(buffer: npt.NDArray[np.uint8], offsets: list[int]) -> Block:
    """The message records that begin at ``offsets``."""
    begins = np.array(offsets, np.int64)
    places = max(len(buffer) - _MESSAGE.itemsize + 1, 0)
    # Every byte as the beginning of a record; only the real ones are looked at.
    records = np.ndarray((places,), f"V{_MESSAGE.itemsize}", buffer, strides=(1,))[begins].view(_MESSAGE)
    lengths = records["size"].astype(np.int64) - (_MESSAGE.itemsize - _RECORD.size)
    if (lengths < 0).any():
        raise ValueError("a message is shorter than its own head")
    stamps = records["log_time"].astype(np.int64)
    if (stamps < 0).any():
        raise ValueError("a message received after the year 2262")
    return Block(buffer, records["channel"].astype(np.int64), stamps, begins + _MESSAGE.itemsize, lengths)


@dataclass
class BagScan:
    """One pass over a finished bag directory of any storage, or over a storage file alone."""

    path: Path
    topics: dict[int, Topic] = field(default_factory=dict)
    announced: int | None = 0
    """Messages that the bag's metadata tells of; None: it has none."""

    def blocks(self) -> Iterator[Block]:
        """Yield all messages.

        Raises:
            BagError: the bag is missing, unfinished or damaged; the message says what to do.
        """
        with damage(self.path):
            plain = plain_files(self.path)
            if plain:
                self.announced = plain.messages
                yield from self._mcap(plain.files)
                return
        with opened(self.path) as reader:
            self.announced = reader.message_count
            yield from self._any(reader)

    def _mcap(self, files: list[Path]) -> Iterator[Block]:
        for path in files:
            scan = McapScan(path)
            for block in scan.blocks():
                # Numbers of topics are each file's own.
                keys = {number: self._key(topic) for number, topic in scan.topics.items()}
                lookup = np.full(max(keys, default=0) + 1, -1, np.int64)
                lookup[list(keys)] = list(keys.values())
                yield block._replace(topics=lookup[block.topics])
            if scan.problem:
                raise BagError(f"{path} is {scan.problem}; save what is sound with: hrl bag recover {self.path}")

    def _key(self, topic: Topic) -> int:
        for key, known in self.topics.items():
            if known[:2] == topic[:2]:
                return key
        self.topics[len(self.topics)] = topic
        return len(self.topics) - 1

    def _any(self, reader: Reader) -> Iterator[Block]:
        keys: dict[int, int] = {}
        for connection in reader.connections:
            keys[connection.id] = self._key(recorded_topic(reader, connection))
        messages = reader.messages()
        while batch := list(islice(messages, _TOGETHER)):
            parts = [bytes(data) for _, _, data in batch]
            lengths = np.array([len(part) for part in parts], np.int64)
            yield Block(
                buffer=np.frombuffer(b"".join(parts), np.uint8),
                topics=np.array([keys[c.id] for c, _, _ in batch], np.int64),
                stamps=np.array([stamp for _, stamp, _ in batch], np.int64),
                starts=np.cumsum(lengths) - lengths,
                lengths=lengths,
            )


def recorded_topic(reader: Reader, connection: Connection) -> Topic:
    """A topic of an open bag; a definition that the bag does not hold is the known one that the first message fits."""
    text, extra = connection.msgdef, cast(ConnectionExtRosbag2, connection.ext)
    topic = Topic(
        connection.topic,
        connection.msgtype,
        text.data,
        text.format == MessageDefinitionFormat.IDL,
        tuple(extra.offered_qos_profiles),
    )
    if text.data:
        return topic
    first = next((bytes(data) for _, _, data in reader.messages([connection])), b"")
    return topic._replace(definition=known_definition(topic, connection.digest, first))


@lru_cache(maxsize=64)
def _profiles(text: str) -> tuple[Qos, ...]:
    try:
        return tuple(parse_qos(text))
    except (ReaderError, AttributeError, TypeError, LookupError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"QoS profiles that cannot be read: {reason}") from None
