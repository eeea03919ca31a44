"""Is anything left of clusters of this machine whose commands were killed?"""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from hrl.doctor.finding import Finding, note, ok
from hrl_cluster.connection import IN_USE, LOGS, PREFIX
from hrl_core.folder_locks import take
from hrl_core.wording import counted

PROCESSES = Path("/proc")
GRACE = 10.0
"""Seconds in which a new cluster may have no processes yet."""


def dead_clusters(folder: Path = Path(LOGS), processes: Path = PROCESSES) -> Finding:
    """No files of clusters of this user are left that nobody uses."""
    dead = abandoned_clusters(folder, processes)
    if not dead:
        return ok("dead clusters", f"no files of killed clusters in {folder}")
    return note("dead clusters", f"{counted(len(dead), 'folder')} of killed clusters in {folder}", "hrl doctor --clean")


def remove_dead_clusters(folder: Path = Path(LOGS), processes: Path = PROCESSES) -> int:
    """Remove what ``dead_clusters`` finds; returns how many clusters that were."""
    dead = abandoned_clusters(folder, processes)
    for each in dead:
        shutil.rmtree(each, ignore_errors=True)
    return len(dead)


def abandoned_clusters(folder: Path, processes: Path) -> list[Path]:
    """Folders of clusters of this user that are not brand-new, and that no living process holds or was begun with."""
    words = b"\n".join(_command_lines(processes))
    return [each for each in sorted(folder.glob(f"{PREFIX}*")) if os.fsencode(each) not in words and _is_dead(each)]


def _is_dead(cluster: Path) -> bool:
    try:
        told = cluster.lstat()
    except FileNotFoundError:
        # It ends in order just now.
        return False
    ours = stat.S_ISDIR(told.st_mode) and told.st_uid == os.geteuid()
    return ours and told.st_mtime < time.time() - GRACE and not _held(cluster / IN_USE)


def _command_lines(processes: Path) -> Iterator[bytes]:
    for path in processes.glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            # It has ended meanwhile.
            continue


def _held(lock: Path) -> bool:
    """Whether the command still runs, be it in a container whose processes are not seen."""
    try:
        with lock.open("rb") as file:
            return not take(file.fileno())
    except FileNotFoundError:
        return False
