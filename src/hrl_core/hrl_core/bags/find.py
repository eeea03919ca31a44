"""Finds bags: a bag directory or storage file itself, or all directories that lie below a folder."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hrl_core.bags.errors import BagError
from hrl_core.bags.opening import METADATA, is_storage_file, unfinished
from hrl_core.bags.writer import PARTIAL_SUFFIX


def find_bags(paths: Iterable[Path]) -> list[Path]:
    """Return the finished bags at or below ``paths``, each once, those of a folder by name.

    Recordings still being written (below ``.partial``) are not among them.

    Raises:
        BagError: there is none at one of the paths; the message says why.
    """
    found: dict[Path, None] = {}
    for path in paths:
        alone = (path / METADATA).is_file() or is_storage_file(path)
        bags = [path] if alone else sorted(_finished(path))
        if not bags:
            raise BagError(f"{path} {unfinished(path)}")
        found.update(dict.fromkeys(bags))
    return list(found)


def find_partial(path: Path) -> list[Path]:
    """Return the recordings below ``path`` that are being written or were never finished."""
    return sorted(p for p in path.rglob(f"*{PARTIAL_SUFFIX}") if p.is_dir())


def in_progress(path: Path) -> bool:
    """Whether a path lies in a recording that has not been finished."""
    return any(part.endswith(PARTIAL_SUFFIX) for part in path.parts)


def _finished(path: Path) -> Iterator[Path]:
    """Finished bags below ``path``; folders may be made, renamed and removed meanwhile."""
    for folder, below, files in os.walk(path):
        below[:] = [name for name in below if not in_progress(Path(name))]
        if METADATA in files:
            yield Path(folder)
