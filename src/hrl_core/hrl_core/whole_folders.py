"""Files and folders that appear whole: written beside their place under a hidden name, brought to disk, and renamed."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.errors import HrlError

PARTIAL, OLD = ".partial", ".old"
"""End the names of what is being written, and of what has stepped aside for it."""


@contextmanager
def writable(what: object) -> Iterator[None]:
    """Tell people what cannot be written, a file, a folder or a switch with one: ``OSError`` becomes ``HrlError``."""
    try:
        yield
    except OSError as error:
        raise HrlError(f"{what} cannot be written: {error.strerror or error}") from None


def partial_folder(place: Path) -> Path:
    """A new hidden folder beside ``place``, to be filled and put there; raises ``OSError``."""
    return Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=PARTIAL, dir=place.parent))


def put_in_place(part: Path, place: Path) -> None:
    """Rename a filled folder to ``place``, whatever is there; who is killed leaves that or this (``clean_up``)."""
    _settle(part)
    # Folders cannot be renamed over full ones.
    old = place.with_name(f".{place.name}{OLD}")
    if place.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.rename(place, old)
    os.rename(part, place)
    bring_to_disk(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def put_if_free(part: Path, place: Path) -> None:
    """Rename a filled folder to ``place`` unless something is there, as when another process was first."""
    _settle(part)
    try:
        os.rename(part, place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    bring_to_disk(place.parent)


def _settle(part: Path) -> None:
    """Have a filled folder outlast a power cut, and be read by others."""
    for written in (*part.rglob("*"), part):
        bring_to_disk(written)
    # Temporary folders are private by default; policies and data sets are shared.
    part.chmod(0o755)


def write_whole(path: Path, text: str) -> None:
    """Replace a file by a new one in one step, which a power cut after the return does not undo.

    Raises:
        OSError: it cannot be written; nothing has changed, and nothing is left beside it.
    """
    if path.is_dir():  # which may be called "." and give no name to write beside
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        bring_to_disk(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    bring_to_disk(path.parent)


def bring_to_disk(path: Path) -> None:
    """Have what a file holds, or the names in a folder, outlast a power cut; raises ``OSError``."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        # Some file systems know it of files alone.
        if not (error.errno == errno.EINVAL and path.is_dir()):
            raise
    finally:
        os.close(number)


def clean_up(folder: Path) -> None:
    """Remove what writers that were killed have left in a folder; what stepped aside for nothing comes back."""
    for part in folder.glob(f".*{PARTIAL}"):
        shutil.rmtree(part, ignore_errors=True)
    for old in folder.glob(f".*{OLD}"):
        place = folder / old.name.removeprefix(".").removesuffix(OLD)
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, place)
