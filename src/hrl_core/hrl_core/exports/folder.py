"""A folder that is there whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.errors import HrlError
from hrl_core.whole_folders import partial_folder
from hrl_core.wording import encodable


def refuse_existing(out: Path) -> None:
    """Raise ``HrlError`` if something is at ``out`` already."""
    if out.exists() or out.is_symlink():
        raise HrlError(f"{out} exists already: name a new folder with --out, or remove it")


def require_utf8(out: Path) -> None:
    """Raise ``HrlError`` where a path has bytes that are no UTF-8, for libraries that take no others."""
    out = out.absolute()
    if encodable(out) != str(out):
        raise HrlError(f"--out {out}: its name is not UTF-8 text, which the data set's library needs: name another")


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes ``out`` if no error is raised, and is removed otherwise.

    Raises:
        HrlError: ``out`` exists, or the disk refuses.
    """
    refuse_existing(out)
    part: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = partial_folder(out)
        yield part
        # Temporary folders are private by default; data sets are shared.
        part.chmod(0o755)
        os.rename(part, out)
    except OSError as error:
        raise HrlError(f"{out} cannot be written: {error}") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def require_space(folder: Path, size: int) -> None:
    """Find out whether ``size`` bytes can be written in ``folder``, for libraries that do not survive a full disk.

    Raises:
        OSError: they cannot.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, size)
