"""Writes one rosbag2 directory (MCAP, zstd chunks, metadata version 9); it appears under its name only when whole."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from hrl_core.errors import HrlError

PARTIAL_SUFFIX = ".partial"
_INFINITE = QosTime(sec=0x7FFFFFFF, nsec=0)


class BagError(HrlError):
    """A bag cannot be written or read."""


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
        for existing in (path, self._partial.parent):
            if existing.exists():
                raise BagError(f"{existing} exists already; recordings are never overwritten - choose another folder")
        self._writer = Writer(self._partial, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
        try:
            self._writer.open()
        except OSError as error:
            raise BagError(f"cannot create bag {self._partial}: {error}") from error

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

    def write(self, topic: str, stamp: int, data: bytes) -> None:
        """Append a serialised message received at ``stamp`` [ns, wall time].

        Raises:
            BagError: the disk refuses; what was written stays below ``.partial``.
        """
        try:
            self._writer.write(self._connections[topic], stamp, data)
        except (OSError, WriterError) as error:
            raise BagError(f"cannot write to bag {self._partial}: {error}") from error
        self.messages += 1

    def close(self, custom_data: Mapping[str, str]) -> None:
        """Finish the bag and give it its name.

        Args:
            custom_data: what ``metadata.yaml`` is to say of the recording.

        Raises:
            BagError: the disk refuses; what was written stays below ``.partial``.
        """
        for key, value in custom_data.items():
            self._writer.set_custom_data(key, value)
        try:
            self._writer.close()
            os.replace(self._partial, self.path)
            self._partial.parent.rmdir()
        except OSError as error:
            raise BagError(f"cannot close bag {self._partial}: {error}") from error


def typestore_with(definitions: Iterable[tuple[str, str]]) -> Typestore:
    """Typestore of the standard messages and of ``(type name, .msg text)`` definitions."""
    typestore = get_typestore(Stores.ROS2_JAZZY)
    for name, text in definitions:
        typestore.register(get_types_from_msg(text, name))
    return typestore
