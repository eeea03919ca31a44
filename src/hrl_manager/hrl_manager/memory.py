"""The manager's last subgoal on disk: what is lost when manager and worker die within one segment."""

import os
import struct
import zlib
from pathlib import Path

from hrl_core.errors import InvalidDataError
from hrl_core.types import Subgoal
from hrl_ros import messages
from hrl_ros.waiting import WarningLogger

_FRAME = struct.Struct("<II")
"""Length and CRC-32 of the message that follows."""


class SubgoalMemory:
    """A file that holds one serialised ``Subgoal``, overwritten at every decision.

    In place, in one call: a new file and a rename take half a millisecond, a twentieth of the time between two
    decisions in lock-step. What a full disk or a falling machine leaves half-written is known by its checksum.
    """

    def __init__(self, path: Path | None, logger: WarningLogger) -> None:
        """Remember nothing yet.

        Args:
            path: the file; None: there is no memory.
            logger: told once when the disk refuses.
        """
        self._path, self._logger = path, logger
        self._file: int | None = None

    def recall(self, run: int) -> Subgoal | None:
        """Return the last subgoal of ``run``; None where there is none that can be read."""
        if self._path is None:
            return None
        try:
            subgoal = messages.SUBGOAL.decode(_unframed(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, InvalidDataError) as error:
            self._logger.warning(f"the last subgoal cannot be recalled: {error}")
            return None
        return subgoal if subgoal.run == run else None

    def keep(self, data: bytes) -> None:
        """Remember a serialised subgoal; a disk that refuses is told of once and then left alone."""
        if self._path is None:
            return
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.pwrite(self._file, _FRAME.pack(len(data), zlib.crc32(data)) + data, 0)
        except OSError as error:
            self._logger.warning(f"subgoals are no longer kept for a restart: {error}")
            self.forget()
            self._path = None

    def forget(self) -> None:
        """Remove the file: the run has ended in order."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._path is not None and self._path.is_file():
            self._path.unlink()


def _unframed(content: bytes) -> bytes:
    if len(content) < _FRAME.size:
        raise InvalidDataError(f"{len(content)} bytes hold no subgoal")
    length, checksum = _FRAME.unpack_from(content)
    data = content[_FRAME.size :][:length]
    if len(data) != length or zlib.crc32(data) != checksum:
        raise InvalidDataError(f"{len(data)} of {length} bytes, or another checksum")
    return data
