"""Folders that appear whole: they are written beside their place under a hidden name, and renamed."""

import os
import shutil
import tempfile
from pathlib import Path

PARTIAL, OLD = ".partial", ".old"
"""End the names of what is being written, and of what has stepped aside for it."""


def partial_folder(place: Path) -> Path:
    """A new hidden folder beside ``place``, to be filled and put there; raises ``OSError``."""
    return Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=PARTIAL, dir=place.parent))


def put_in_place(part: Path, place: Path) -> None:
    """Rename a filled folder to ``place``, whatever is there; a kill leaves that or this (``clean_up``)."""
    # Temporary folders are private by default; policies and data sets are shared.
    part.chmod(0o755)
    if not place.exists():
        os.rename(part, place)
        return
    # Folders cannot be renamed over full ones.
    old = place.with_name(f".{place.name}{OLD}")
    shutil.rmtree(old, ignore_errors=True)
    os.rename(place, old)
    os.rename(part, place)
    shutil.rmtree(old, ignore_errors=True)


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
