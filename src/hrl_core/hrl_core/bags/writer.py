"""Writes one rosbag2 directory (MCAP, zstd chunks, metadata version 9); it appears under its name only when whole.

Every chunk is handed to the operating system as soon as it is full or a second old, so that a killed process loses no
more than the chunk it was filling; ``hrl_core.bags.recovery`` makes a bag of what is left.
"""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore
from zstandard import ZstdCompressor

from hrl_core.bags.cdr_layout import definitions
from hrl_core.bags.digest import HashedStorage
from hrl_core.bags.errors import BagError, WriteError
from hrl_core.bags.topic import Topic
from hrl_core.whole_folders import bring_to_disk

__all__ = ["BagError", "BagWriter", "typestore_with"]

PARTIAL_SUFFIX = ".partial"
CHUNK_BYTES = 2**19
"""Uncompressed size at which a chunk is closed; below the 1 MiB at which rosbags would close it without flushing."""
CHUNK_SECONDS = 1.0
"""Age [s of steady time] at which a chunk is closed: what a killed recorder may lose of a slow stream."""
_INFINITE = QosTime(sec=0x7FFFFFFF, nsec=0)


class BagWriter:
    """One open bag."""

    def __init__(self, path: Path, typestore: Typestore) -> None:
        """Write below ``path.partial``; ``close`` moves the bag to ``path``.

        Args:
            path: bag directory to be.
            typestore: knows every message type that will be written.

        Raises:
            BagError: the directory exists already or cannot be made.
        """
        self.path = path
        self.messages = 0
        # The writer names the file inside after its folder, which must therefore have its final name from the start.
        self._partial = path.with_name(path.name + PARTIAL_SUFFIX) / path.name
        self._typestore = typestore
        self._connections: dict[str, Connection] = {}
        self._chunk_since: float | None = None
        for existing in (path, self._partial.parent):
            if existing.exists():
                raise BagError(f"{existing} exists already; recordings are never overwritten - choose another folder")
        self._writer = Writer(self._partial, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        try:
            self._writer.open()
            self._storage = cast(McapWriter, self._writer.storage)
            self._hashed = HashedStorage(self._storage.bio, self._storage.path)
        except OSError as error:
            raise WriteError(f"cannot create bag {self._partial}: {error}") from error
        self._storage.bio = cast(Any, self._hashed)
        # Unlike rosbags' own, with a checksum, and at level 1: the same size in half the time for what robots say.
        self._storage.compressor = ZstdCompressor(level=1, write_checksum=True).compress

    @property
    def size(self) -> int:
        """Bytes handed over for the file so far."""
        return self._storage.bio.tell()

    def add_topic(self, topic: str, message_type: str, latched: bool) -> None:
        """Announce a topic; ``ros2 bag play`` offers it with the given durability."""
        durability = QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE
        profile = Qos(
            history=QosHistory.KEEP_LAST,
            depth=1 if latched else 10,
            reliability=QosReliability.RELIABLE,
            durability=durability,
            deadline=_INFINITE,
            lifespan=_INFINITE,
            liveliness=QosLiveliness.AUTOMATIC,
            liveliness_lease_duration=_INFINITE,
            avoid_ros_namespace_conventions=False,
        )
        self._connections[topic] = self._writer.add_connection(
            topic, message_type, typestore=self._typestore, offered_qos_profiles=[profile]
        )

    def add_copied_topic(self, topic: Topic) -> None:
        """Announce a topic as another bag has it.

        Raises:
            BagError: that bag holds no sound definition of its type.
        """
        self._connections[topic.name] = self._writer.add_connection(
            topic.name,
            topic.type,
            msgdef=topic.definition,
            rihs01=definitions(topic).hash_rihs01(topic.type),
            offered_qos_profiles=topic.profiles,
        )

    def write(self, topic: str, stamp: int, data: bytes | memoryview) -> None:
        """Append a serialised message received at ``stamp`` [ns, wall time].

        Raises:
            BagError: the disk refuses; what was written stays below ``.partial``, recoverable.
        """
        try:
            self._writer.write(self._connections[topic], stamp, data)
            self.messages += 1
            now = time.monotonic()
            if self._chunk_since is None:
                self._chunk_since = now
            elif self._storage.chunk.bio.tell() >= CHUNK_BYTES or now - self._chunk_since > CHUNK_SECONDS:
                self._close_chunk()
        except (OSError, WriterError) as error:
            raise self._failed("write to", error) from error

    def flush(self, older_than: float = 0.0) -> None:
        """Close the chunk if it is older than ``older_than`` seconds, and hand it to the operating system.

        Raises:
            BagError: the disk refuses.
        """
        if self._chunk_since is None or time.monotonic() - self._chunk_since < older_than:
            return
        try:
            self._close_chunk()
        except OSError as error:
            raise self._failed("write to", error) from error

    def close(self, custom_data: Mapping[str, str]) -> str:
        """Finish the bag, have it on disk, and give it its name.

        Args:
            custom_data: what ``metadata.yaml`` is to say of the recording.

        Returns:
            Its ``bag_sha256``, of what was written: nothing is read again but the metadata.

        Raises:
            BagError: the disk refuses; what was written stays below ``.partial``, recoverable.
        """
        for key, value in custom_data.items():
            self._writer.set_custom_data(key, value)
        try:
            self._writer.close()
            sha256 = self._hashed.bag_sha256(self._partial)
            for path in (*self._partial.iterdir(), self._partial):
                bring_to_disk(path)
            os.replace(self._partial, self.path)
            self._partial.parent.rmdir()
            bring_to_disk(self.path.parent)
        except OSError as error:
            raise self._failed("close", error) from error
        return sha256

    def _close_chunk(self) -> None:
        self._storage.close_chunk()
        self._storage.bio.flush()
        self._chunk_since = None

    def _failed(self, what: str, error: Exception) -> WriteError:
        """Let go of the file, whose buffer cannot be written either, and say what is left."""
        with suppress(OSError):
            self._writer.abort()
        hint = f"save what is there with: hrl bag recover {self._partial.parent}"
        return WriteError(f"cannot {what} bag {self._partial}: {error}; {hint}")


def typestore_with(definitions: Iterable[tuple[str, str]]) -> Typestore:
    """Typestore of the standard messages and of ``(type name, .msg text)`` definitions."""
    return _typestore(tuple(definitions))


@lru_cache(maxsize=4)
def _typestore(definitions: tuple[tuple[str, str], ...]) -> Typestore:
    """Made once: a typestore compiles code for every type it writes."""
    typestore = get_typestore(Stores.ROS2_JAZZY)
    for name, text in definitions:
        typestore.register(get_types_from_msg(text, name))
    return typestore
