"""A file of JSON lines that only grows: what a run remembers of its recordings, however many there are."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hrl_core.errors import CheckpointError
from hrl_core.whole_folders import bring_to_disk


class GrowingLog:
    """Entries in the order in which they were added; saved states say how many of them are theirs."""

    def __init__(self, path: Path) -> None:
        """Nothing is read or written yet."""
        self.path, self.count = path, 0
        """Where it is; entries so far, written or not."""
        self._unwritten: list[str] = []
        self._sha256 = hashlib.sha256()

    def add(self, entries: Iterable[Any]) -> None:
        """Remember entries, plain data of JSON, until they are written."""
        for entry in entries:
            line = json.dumps(entry) + "\n"
            self._sha256.update(line.encode())
            self._unwritten.append(line)
            self.count += 1

    def write(self) -> None:
        """Append what has been added since, to outlast a power cut as states do; raises ``OSError``."""
        if self._unwritten:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The first lines of a run replace those of whatever was there before.
            with self.path.open("w" if self.count == len(self._unwritten) else "a") as file:
                file.writelines(self._unwritten)
            bring_to_disk(self.path)
            bring_to_disk(self.path.parent)
            self._unwritten.clear()

    def read(self, count: int) -> list[Any]:
        """The first ``count`` entries; later ones, of which no saved state knows, are forgotten.

        Raises:
            CheckpointError: there are fewer, or they are damaged.
        """
        lines = self.path.read_bytes().splitlines(keepends=True)[:count] if self.path.is_file() else []
        try:
            entries = [json.loads(line) for line in lines]
        except ValueError as error:
            raise CheckpointError(f"{self.path} is damaged: {error}; restore it or begin a new run") from None
        if len(entries) < count:
            told = f"{self.path} has {len(entries)} entries, {count} were saved"
            raise CheckpointError(f"{told}: restore it or begin a new run")
        with self.path.open("r+b") if count else self.path.open("wb") as file:
            file.truncate(sum(map(len, lines)))
        self._unwritten, self.count = [], count
        self._sha256 = hashlib.sha256(b"".join(lines))
        return entries

    @property
    def reference(self) -> dict[str, Any]:
        """What names the entries so far: file, how many, SHA-256 of their lines."""
        return {"file": self.path.name, "entries": self.count, "sha256": self._sha256.hexdigest()}
