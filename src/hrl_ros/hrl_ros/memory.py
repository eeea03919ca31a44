"""The last words of a node on disk: what is lost when it is killed while it speaks, or its peer with it."""

import json
import os
import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hrl_core.checkpoints.loading import PolicyReference
from hrl_core.errors import InvalidDataError
from hrl_ros.waiting import WarningLogger

_FRAME = struct.Struct("<II")
"""Length and CRC-32 of what follows: run id, what a recurrent policy remembers, what names the policy, and messages."""
_RUN = struct.Struct("<Q")
_PART = struct.Struct("<I")


class Recalled(NamedTuple):
    """What a predecessor has left behind."""

    messages: list[bytes]
    """What it said last."""
    memory: bytes
    """What its policy remembers (``hierarchy.recall``); empty for one that does not."""
    policy: PolicyReference | None
    """What it acted with; None: the policy that it was launched with."""


class LastWords:
    """A file that holds the messages a node says next, overwritten before each time it speaks.

    Before, so that whoever is started again can say what only some have heard. In place, in one call: a new file and a
    rename take half a millisecond, most of a step in lock-step. What a full disk or a falling machine leaves
    half-written is known by its checksum.
    """

    def __init__(self, path: Path | None, logger: WarningLogger) -> None:
        """Remember nothing yet.

        Args:
            path: the file; None: there is no memory.
            logger: told once when the disk refuses.
        """
        self._path, self._logger = path, logger
        self._file: int | None = None
        self._policy = b""
        self.certain = path is not None
        """Whether what ``recall`` does not know has never been said."""

    def recall(self, run: int) -> Recalled:
        """Return what was kept last of ``run``; nothing where there is nothing that can be read."""
        parts: list[bytes] = []
        try:
            if self._path is not None:
                parts = _unframed(self._path.read_bytes(), run)
        except FileNotFoundError:
            pass
        except (OSError, InvalidDataError) as error:
            self._logger.warning(f"what was said last cannot be recalled: {error}")
            self.certain = False
        memory, policy, *said = parts or (b"", b"")
        return Recalled(said, memory, PolicyReference(**json.loads(policy)) if policy else None)

    def acts_with(self, policy: PolicyReference) -> None:
        """Name the policy that acts in the place of the one launched, with all that is said from now on."""
        self._policy = json.dumps(policy._asdict()).encode()

    def keep(self, run: int, messages: Sequence[bytes], memory: bytes = b"") -> None:
        """Remember serialised messages, and what the policy remembers as they are said.

        A disk that refuses is told of once and then left alone.
        """
        if self._path is None:
            return
        kept = memory, self._policy, *messages
        parts = [part for each in kept for part in (_PART.pack(len(each)), each)]
        body = b"".join([_RUN.pack(run), *parts])
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.pwrite(self._file, _FRAME.pack(len(body), zlib.crc32(body)) + body, 0)
        except OSError as error:
            self._logger.warning(f"nothing is kept any more for a restart: {error}")
            if self._file is not None:
                # What a successor cannot read it does not take for all there was.
                with suppress(OSError):
                    os.ftruncate(self._file, 0)
            self.close()
            self._path, self.certain = None, False

    def forget(self) -> None:
        """Remove the file: the run has ended in order."""
        self.close()
        if self._path is not None:
            # Of a run that is over, it tells nobody anything.
            with suppress(OSError):
                self._path.unlink()

    def close(self) -> None:
        """Let go of the file, which stays for a successor."""
        if self._file is not None:
            # Some file systems write what they were given only now.
            with suppress(OSError):
                os.close(self._file)
            self._file = None


def _unframed(content: bytes, run: int) -> list[bytes]:
    """The parts of a file; none of another run."""
    if len(content) < _FRAME.size:
        raise InvalidDataError(f"{len(content)} bytes hold no message")
    length, checksum = _FRAME.unpack_from(content)
    body = content[_FRAME.size :][:length]
    if len(body) != length or zlib.crc32(body) != checksum:
        raise InvalidDataError(f"{len(body)} of {length} bytes, or another checksum")
    messages, rest = [], body[_RUN.size :]
    while rest and body.startswith(_RUN.pack(run)):
        (size,) = _PART.unpack_from(rest)
        messages.append(rest[_PART.size :][:size])
        rest = rest[_PART.size + size :]
    return messages
