"""Arrays that live in files instead of memory, and are there again when their process begins anew."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hrl_core.whole_folders import write_whole

_LAYOUT = "layout.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class MappedArrays:
    """Files of a folder as arrays that grow along their first axis; rows that nobody wrote take no room on the disk.

    The system keeps in memory what is used often and gives it up where memory is wanted otherwise. What a process wrote
    outlives its being killed; not so a power cut, so that files of another boot of the machine are not taken up again.
    """

    def __init__(self, folder: Path, layout: dict[str, Any], anew: bool) -> None:
        """Open the files of ``folder``, or begin with none.

        Args:
            folder: made if it is not there; emptied if it is of another layout or boot.
            layout: what rows mean, as plain data of JSON.
            anew: whether it is emptied in any case.
        """
        self._folder = folder
        self._told = json.dumps({**layout, "boot": _BOOT.read_text().strip()}, sort_keys=True)
        path = folder / _LAYOUT
        self.taken_up = not anew and path.is_file() and path.read_text() == self._told
        """Whether there were files to go on with."""
        if not self.taken_up:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)

    def seal(self) -> None:
        """Say that the files may be gone on with: until then, who is killed has written nothing that counts."""
        if not (self._folder / _LAYOUT).exists():
            write_whole(self._folder / _LAYOUT, self._told)

    def opened(self, name: str, shape: tuple[int, ...], dtype: np.dtype, fill: float) -> npt.NDArray:
        """The array of a name, with at least as many rows as ``shape`` has; new ones are ``fill``."""
        path = self._folder / f"{name}.bin"
        path.touch()
        # Of rows that hold nothing the file only says how many there are.
        row = max(1, dtype.itemsize * math.prod(shape[1:]))
        there = path.stat().st_size // row
        rows = max(there, shape[0])
        with path.open("r+b") as file:
            file.truncate(rows * row)
        if not math.prod(shape[1:]):
            return np.zeros((rows, *shape[1:]), dtype)
        # As a plain array: what is made of it is no longer of the file.
        array = np.asarray(np.memmap(path, dtype, "r+", shape=(rows, *shape[1:])))
        if fill:
            array[there:] = fill
        return array
