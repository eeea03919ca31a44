"""What tells a bag from another one: the digest of its files."""

import hashlib
from collections.abc import Iterator
from io import BufferedWriter
from pathlib import Path

from hrl_core.bags.opening import METADATA, is_storage_file


def bag_sha256(bag: Path) -> str:
    """SHA-256 of a bag directory, or of a storage file: names and contents of its files, in order of names.

    Metadata come last, so that whoever writes a bag knows its digest without reading it again (``HashedStorage``).
    """
    digest = hashlib.sha256()
    for path in _files(bag):
        _add(digest, path)
    return digest.hexdigest()


def bag_size(bag: Path) -> int:
    """Bytes of these files."""
    return sum(path.stat().st_size for path in _files(bag))


class HashedStorage:
    """The storage file of a bag that is being written, hashed on the way."""

    def __init__(self, file: BufferedWriter, path: Path) -> None:
        """Take over a file and what has been written to it."""
        self._file, self._digest = file, hashlib.sha256()
        file.flush()
        _add(self._digest, path)

    def write(self, data: bytes | memoryview) -> int:
        """Append."""
        self._digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def bag_sha256(self, bag: Path) -> str:
        """``bag_sha256`` of the bag of which it is the storage, once that is complete."""
        digest = self._digest.copy()
        _add(digest, bag / METADATA)
        return digest.hexdigest()


def _add(digest: "hashlib._Hash", path: Path) -> None:
    digest.update(path.name.encode() + b"\0")
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)


def _files(bag: Path) -> Iterator[Path]:
    there = (
        [bag] if is_storage_file(bag) else sorted(bag.iterdir(), key=lambda path: (path.name == METADATA, path.name))
    )
    return (path for path in there if path.is_file())
