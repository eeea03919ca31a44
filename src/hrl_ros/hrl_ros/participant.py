"""A DDS participant id of its own for every process: who takes that of a dead one is found late.

Fast DDS gives a new participant the first free ports, which are those of the process that died last. As long as the
others believe in the dead one (20 s), discovery of its successor on the same ports takes 1 to 2.5 s instead of 0.3 to
0.9 (measured over shared memory and UDP). So processes go through the ids in turn.
"""

import errno
import fcntl
import os
import socket
import tempfile
import time
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path

PROFILES = "FASTRTPS_DEFAULT_PROFILES_FILE"
AUTOMATIC = "<participantID>-1</participantID>"
"""What our profiles say, and the default: Fast DDS chooses."""
IDS = range(8, 32)
"""Ids in turn. On one machine participants are looked for up to 31; other programs take the first ones."""
_FIRST_PORT, _PER_DOMAIN, _PER_PARTICIPANT = 7410, 250, 2
"""Of discovery by unicast (DDSI-RTPS 2.2, 9.6.1.1)."""
_held: list[int] = []
"""Open files whose locks say which ids are in use; they end with the process."""


def take_participant_id(environment: MutableMapping[str, str] = os.environ) -> int | None:
    """Have the process, before it starts ROS, use the id that has been out of use for longest.

    Args:
        environment: its variables; ``FASTRTPS_DEFAULT_PROFILES_FILE`` is changed.

    Returns:
        The id; None where Fast DDS chooses: the profile is not ours, all are in use, or the folder that says so is not
        this user's alone.
    """
    folder = Path(tempfile.gettempdir(), f"hrl_participants_{os.getuid()}")
    domain = environment.get("ROS_DOMAIN_ID") or "0"
    try:
        profile = Path(environment.get(PROFILES, "")).read_text()
        number = _claim(folder, int(domain)) if AUTOMATIC in profile else None
        if number is not None:
            # Named after the id, which nobody else has: each process overwrites what its predecessor has left.
            own = folder / f"{domain}_{number}.xml"
            _replace(own, profile.replace(AUTOMATIC, AUTOMATIC.replace("-1", str(number))))
            environment[PROFILES] = str(own)
    except (OSError, ValueError, OverflowError):
        # No profile, a folder that cannot be written or is somebody else's, or a domain without ports: ROS says what is
        # wrong with the last, else discovery is slower, nothing more.
        return None
    return number


def _claim(folder: Path, domain: int) -> int | None:
    _require_private(folder)
    files = {number: folder / f"{domain}_{number}" for number in IDS}
    last_use = {number: file.stat().st_mtime_ns if file.exists() else 0 for number, file in files.items()}
    for number in sorted(IDS, key=last_use.__getitem__):
        if _lock(files[number], _FIRST_PORT + _PER_DOMAIN * domain + _PER_PARTICIPANT * number):
            return number
    return None


def _require_private(folder: Path) -> None:
    """Make a folder of this user alone; raises ``OSError`` where there is another: its name is known to everybody."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(opened).st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "belongs to somebody else", str(folder))
        # What is ours may have been opened to others.
        os.fchmod(opened, 0o700)
    finally:
        os.close(opened)


def _replace(file: Path, text: str) -> None:
    """Write a file anew, whatever is there: a link is not followed."""
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as written:
        written.write(text)


def _lock(file: Path, port: int) -> bool:
    """Whether the id is nobody's; if so it is ours until the process ends."""
    held = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", port))
    except OSError:
        os.close(held)
        return False
    now = time.time_ns()
    os.utime(held, ns=(now, now))
    _held.append(held)
    return True
