"""What tells a bag from another one: the digest of its files."""

import hashlib
from pathlib import Path

from hrl_core.bags.opening import is_storage_file


def bag_sha256(bag: Path) -> str:
    """SHA-256 of a bag directory, or of a storage file: names and contents of its files, in order of names."""
    digest = hashlib.sha256()
    for path in _files(bag):
        digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def bag_size(bag: Path) -> int:
    """Bytes of these files."""
    return sum(path.stat().st_size for path in _files(bag))


def _files(bag: Path) -> list[Path]:
    return [path for path in ([bag] if is_storage_file(bag) else sorted(bag.iterdir())) if path.is_file()]
