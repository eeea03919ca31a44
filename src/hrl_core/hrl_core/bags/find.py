"""Finds bags: a bag directory or storage file itself, or all directories that lie below a folder."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from hrl_core.bags.errors import BagError
from hrl_core.bags.opening import METADATA, is_storage_file, unfinished
from hrl_core.bags.writer import PARTIAL_SUFFIX


def find_bags(paths: Iterable[Path]) -> list[Path]:
    """Return the finished bags at or below ``paths``, each once, those of a folder by name.

    Symbolic links count as what they lead to. Recordings still being written (below ``.partial``) are not among them.

    Raises:
        BagError: there is none at one of the paths; the message says why.
    """
    found: dict[str, Path] = {}
    for path in paths:
        alone = (path / METADATA).is_file() or is_storage_file(path)
        bags = [path] if alone else sorted(_finished(path))
        if not bags:
            raise BagError(f"{path} {unfinished(path)}")
        for bag in bags:
            found.setdefault(os.path.realpath(bag), bag)
    return list(found.values())


def find_partial(path: Path) -> list[Path]:
    """Return the recordings below ``path`` that are being written or were never finished."""
    below = (folder for folder, _, _ in _folders(path) if folder != str(path))
    # Hidden are those that are being deleted.
    return sorted(
        folder for folder in map(Path, below) if folder.name.endswith(PARTIAL_SUFFIX) and folder.name[0] != "."
    )


def in_progress(path: Path) -> bool:
    """Whether a path lies in a recording that has not been finished."""
    return any(part.endswith(PARTIAL_SUFFIX) for part in path.parts)


def _finished(path: Path) -> Iterator[Path]:
    """Finished bags below ``path``."""
    for folder, below, files in _folders(path):
        below[:] = [name for name in below if not in_progress(Path(name))]
        if METADATA in files:
            yield Path(folder)


def _folders(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """What ``os.walk`` tells of ``path`` and of what its links lead to: each folder once, if possible by its own name.

    Links are followed last: one such as ``latest`` leads elsewhere tomorrow. Folders may be made, renamed and removed
    meanwhile.
    """
    seen: set[str] = set()
    waiting = deque([str(path)])
    while waiting:
        top = waiting.popleft()
        real = os.path.realpath(top)
        for folder, below, files in os.walk(top):
            here = real + folder[len(top) :]
            if here in seen:
                below.clear()
                continue
            seen.add(here)
            below.sort()
            yield folder, below, files
            waiting.extend(link for name in below if os.path.islink(link := os.path.join(folder, name)))
