"""Folders that stages make, and how a finished one is told from a stale or an interrupted one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Product:
    """A folder made by one stage.

    While the stage works, the folder holds a marker; afterwards it holds a stamp: what it was made from.
    Whatever stops the stage leaves the marker behind.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is created yet."""
        self.folder = folder
        self._stamp = folder / ".hrl-stamp.json"
        self._marker = folder / ".hrl-in-progress"

    @property
    def is_interrupted(self) -> bool:
        """Whether a stage began to make the folder and never finished."""
        return self._marker.exists()

    @property
    def is_foreign(self) -> bool:
        """Whether the folder was made by someone else."""
        return self.folder.exists() and not self._marker.exists() and not self._stamp.exists()

    def stamp(self) -> dict[str, Any] | None:
        """Return what the folder was made from, or None unless it is complete."""
        if self.is_interrupted or not self._stamp.exists():
            return None
        return json.loads(self._stamp.read_text())

    def begin(self) -> None:
        """Mark the folder as incomplete, creating it where needed."""
        self.folder.mkdir(exist_ok=True)
        self._marker.touch()

    def finish(self, stamp: dict[str, Any]) -> None:
        """Record what the folder was made from and call it complete."""
        self._stamp.write_text(json.dumps(stamp, indent=1))
        self._marker.unlink()


def remove_tree(folder: Path) -> None:
    """Remove a folder so that an interruption leaves it whole or gone, never half."""
    doomed = folder.with_name(folder.name + ".removed")
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
        shutil.rmtree(doomed)


def content_hash(files: Iterable[Path], root: Path) -> str:
    """Return a digest of the names and contents of files; names count relative to a root."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
