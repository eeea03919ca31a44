"""Has the machine what a run needs, and is nothing left of runs that were killed?"""

import fcntl
import os
import pwd
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hrl.doctor.finding import Finding, ok, wrong
from hrl_core.wording import counted

LEAST_DISK = 2e9
"""Bytes; a day of recording takes a few GB."""
LEAST_SHARED_MEMORY = 64e6
"""Bytes; Fast DDS takes half a megabyte a process."""
SHARED_MEMORY = Path("/dev/shm")
PROCESSES = Path("/proc")
GRACE = 10.0
"""Seconds in which a new segment may not be mapped yet."""
_SEGMENT = re.compile(r"(?:sem\.)?(?P<base>(?:fastrtps|fastdds)_(?:port\d+|[0-9a-f]{16}))(?:_el|_mutex)?")


def machine() -> Iterable[Finding]:
    """All checks of the machine."""
    yield disk(Path.cwd())
    yield shared_memory(SHARED_MEMORY)
    yield leftovers(SHARED_MEMORY, PROCESSES)


def disk(folder: Path) -> Finding:
    """There is room for recordings."""
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    return ok("disk", detail) if free >= LEAST_DISK else wrong("disk", detail, "make room, or give out:= elsewhere")


def shared_memory(folder: Path) -> Finding:
    """There is room for what DDS passes messages through."""
    if not folder.is_dir():
        return wrong("shared memory", f"{folder} is not there", f"mount -t tmpfs tmpfs {folder}")
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e6:.0f} MB free in {folder}"
    fix = f"remove what is left there, or enlarge it: mount -o remount,size=512m {folder}"
    return ok("shared memory", detail) if free >= LEAST_SHARED_MEMORY else wrong("shared memory", detail, fix)


def leftovers(folder: Path, processes: Path) -> Finding:
    """No shared memory of DDS participants is left that died without cleaning up.

    Args:
        folder: where shared memory shows.
        processes: where processes show.
    """
    dead = abandoned(folder, processes)
    if not dead:
        return ok("leftovers", f"no shared memory of dead processes in {folder}")
    size = sum(path.stat().st_size for path in dead if path.exists())
    detail = f"{counted(len(dead), 'file')} ({size / 1e6:.0f} MB) of dead processes in {folder}"
    others = _other_owners(dead)
    whose = f", as the user they belong to ({', '.join(others)}) or as root" if others else ""
    return wrong("leftovers", detail, f"hrl doctor --clean{whose}")


def abandoned(folder: Path = SHARED_MEMORY, processes: Path = PROCESSES) -> list[Path]:
    """Files of DDS participants that no living process maps or holds the lock of, and that are not brand-new."""
    used, young = _mapped(folder, processes), time.time() - GRACE
    segments: dict[str, list[Path]] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _SEGMENT.fullmatch(path.name)
        if match:
            segments.setdefault(match["base"], []).append(path)
    dead = []
    for base, paths in segments.items():
        # A process of another container may share the folder without being seen: it still holds the lock.
        if base not in used and not any(_recent(path, young) or _locked(path) for path in paths):
            dead += paths
    return sorted(dead)


def clean() -> int:
    """Remove what ``leftovers`` finds, but for what is another user's; returns how many files that were."""
    removed = 0
    for path in abandoned():
        with suppress(PermissionError):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _other_owners(paths: Iterable[Path]) -> list[str]:
    """Users other than this one who have to remove them; root may remove all."""
    owners = set()
    for path in paths:
        with suppress(FileNotFoundError):
            owners.add(path.stat().st_uid)
    return sorted(map(_user, owners - {os.geteuid()})) if os.geteuid() else []


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _recent(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime > since
    except FileNotFoundError:
        return True


def _locked(path: Path) -> bool:
    """Whether a living process holds the lock of a segment."""
    if not path.name.endswith("_el"):
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _mapped(folder: Path, processes: Path) -> set[str]:
    """Segments that a living process maps."""
    used = set()
    for maps in processes.glob("[0-9]*/maps"):
        try:
            lines = maps.read_text().splitlines()
        except OSError:
            # It has ended meanwhile, or belongs to somebody else.
            continue
        for line in lines:
            path = Path(line.split(maxsplit=5)[-1].removesuffix(" (deleted)"))
            match = _SEGMENT.fullmatch(path.name)
            if match and path.parent == folder:
                used.add(match["base"])
    return used
