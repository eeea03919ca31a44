"""Arrays that live in files instead of memory, and are there again when their process begins anew."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.errors import HrlError
from hrl_core.whole_folders import write_whole

_LAYOUT = "layout.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class NoRoomError(HrlError):
    """The disk has no room for what is to be written."""


@dataclass(frozen=True)
class _Room:
    """What of an array's file has its place on the disk."""

    path: Path
    row: int
    """Bytes of a row."""
    entry: int
    """Bytes of one entry of its second axis."""
    reserved: npt.NDArray[np.int64]
    """Entries of each row that this process has asked for, (rows,)."""


class MappedArrays:
    """Files of a folder as arrays that grow along their first axis; rows that nobody wrote take no room on the disk.

    Who writes rows has to ``reserve`` them before: a mapping knows no errors, and a process that writes to it where the
    disk is full is killed (SIGBUS).

    The system keeps in memory what is used often and gives it up where memory is wanted otherwise. What a process wrote
    outlives its being killed; not so a power cut, so that files of another boot of the machine are not taken up again.
    """

    def __init__(self, folder: Path, layout: dict[str, Any], anew: bool) -> None:
        """Open the files of ``folder``, or begin with none.

        Args:
            folder: made if it is not there; emptied if it is of another layout or boot.
            layout: what rows mean, as plain data of JSON.
            anew: whether it is emptied in any case.

        Raises:
            NoRoomError: it cannot be made.
        """
        self._folder, self._rooms = folder, dict[str, _Room]()
        self._told = json.dumps({**layout, "boot": _BOOT.read_text().strip()}, sort_keys=True)
        path = folder / _LAYOUT
        self.taken_up = not anew and path.is_file() and path.read_text() == self._told
        """Whether there were files to go on with."""
        if not self.taken_up:
            shutil.rmtree(folder, ignore_errors=True)
            with self._refusals():
                folder.mkdir(parents=True)

    def seal(self) -> None:
        """Say that the files may be gone on with: until then, who is killed has written nothing that counts."""
        if not (self._folder / _LAYOUT).exists():
            write_whole(self._folder / _LAYOUT, self._told)

    def opened(self, name: str, shape: tuple[int, ...], dtype: np.dtype, fill: float) -> npt.NDArray:
        """The array of a name, with at least as many rows as ``shape`` has; new ones are ``fill``.

        There is room for all rows of one number, which are few bytes and read as a whole.

        Raises:
            NoRoomError: the disk is full.
        """
        path = self._folder / f"{name}.bin"
        # Of rows that hold nothing the file only says how many there are.
        row = max(1, dtype.itemsize * math.prod(shape[1:]))
        with self._refusals():
            path.touch()
            there = path.stat().st_size // row
            rows = max(there, shape[0])
            with path.open("r+b") as file:
                # Before it says that it has them.
                if len(shape) == 1 and rows:
                    os.posix_fallocate(file.fileno(), 0, rows * row)
                file.truncate(rows * row)
        if not math.prod(shape[1:]):
            return np.zeros((rows, *shape[1:]), dtype)
        before = self._rooms[name].reserved if name in self._rooms else np.zeros(0, np.int64)
        reserved = np.concatenate((before, np.zeros(rows - len(before), np.int64)))
        self._rooms[name] = _Room(path, row, dtype.itemsize * math.prod(shape[2:]), reserved)
        # As a plain array: what is made of it is no longer of the file.
        array = np.asarray(np.memmap(path, dtype, "r+", shape=(rows, *shape[1:])))
        if fill:
            array[there:] = fill
        return array

    def reserve(self, name: str, row: int, entries: int) -> None:
        """Have room for the first ``entries`` of a row of at least two axes, before they are written.

        Raises:
            NoRoomError: the disk is full.
        """
        room = self._rooms.get(name)
        if room is None or entries <= room.reserved[row]:
            return
        with self._refusals(), room.path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), row * room.row, entries * room.entry)
        room.reserved[row] = entries

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the disk refuses, as an error of ours."""
        try:
            yield
        except OSError as error:
            raise NoRoomError(f"cannot write {self._folder}: {error.strerror or error}") from error
