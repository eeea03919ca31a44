"""What becomes of a bag when it is closed: its row in the catalogue, its way to where bags are gathered."""

import queue
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hrl_core.bags.catalogue import PLACE, Catalogue
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import METADATA
from hrl_core.bags.remote import WAITING, OccupiedError, RemoteFolder, waiting_mark
from hrl_core.whole_folders import bring_to_disk
from hrl_core.wording import counted

FINISH_SECONDS = 60.0
"""Patience with a store when the recording ends."""
RETRY_SECONDS = 5.0
"""Until what a store did not take is tried again."""
_SLICE = 0.2
"""Seconds that are waited at a time: a launcher takes a main thread that stands still for longer to hang."""


class _Closed(NamedTuple):
    path: Path
    custom: dict[str, str]
    sha256: str


class ClosedBags:
    """Sees to closed bags in a thread of its own: a slow catalogue or store must not hold up a recorder."""

    def __init__(self, folder: Path, upload: str) -> None:
        """Begin, with what an earlier recorder of that folder has left to be copied.

        Args:
            folder: of the bags.
            upload: URI that they are copied to; empty: nowhere.

        Raises:
            HrlError: there is no such store, or the catalogue's place cannot be read.
        """
        self.problems: list[str] = []
        """What went wrong and costs nothing that is recorded, for people."""
        self._catalogue = Catalogue(folder)
        self._folder, self._remote = folder, RemoteFolder(upload) if upload else None
        self._place_told, self._ending = False, False
        self._closed: queue.Queue[_Closed | None] = queue.Queue()
        self._waiting: deque[Path] = deque(_left(folder) if upload else ())
        """Bags to be copied now."""
        self._refused: list[Path] = []
        """Those that the store did not take; they are tried again, at that time."""
        self._retry_at, self._why, self._trouble = 0.0, "", False
        """That time, why it did not take the last of them, and whether it took nothing since."""
        self._told: set[Path] = set()
        """Bags of whose trouble has been told."""
        self._thread = threading.Thread(target=self._work, name="closed bags", daemon=True)
        self._thread.start()

    def expect(self, bag: Path) -> None:
        """Have a bag stay until it is copied; before it is closed: a trainer may learn from it and delete it at once.

        Raises:
            BagError: the disk refuses.
        """
        if self._remote is None:
            return
        mark = waiting_mark(bag)
        try:
            mark.touch()
            # A power cut takes the mark of no bag that it leaves.
            bring_to_disk(mark.parent)
        except OSError as error:
            raise BagError(f"cannot write {mark}: {error.strerror or error}") from error

    def add(self, bag: Path, custom: Mapping[str, str], sha256: str) -> None:
        """See to a bag with that custom metadata and that ``bag_sha256``, soon."""
        self._closed.put(_Closed(bag, dict(custom), sha256))

    def finish(self) -> None:
        """Wait until all is seen to; what a store does not take in time is told as a problem."""
        self._closed.put(None)
        end = time.monotonic() + FINISH_SECONDS
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(_SLICE)
        if self._thread.is_alive():
            self.problems.append(f"not all closed bags are seen to yet: {self._later()}")

    def _work(self) -> None:
        while self._waiting or not self._ending:
            self._take_in()
            if self._remote is not None and self._waiting:
                self._copy(self._waiting.popleft(), self._remote)
        if self._refused:
            self.problems.append(f"{counted(len(self._refused), 'bag')} not copied, {self._why}; {self._later()}")

    def _take_in(self) -> None:
        """Register what has been closed; waits for it as long as there is nothing to copy."""
        with suppress(queue.Empty):
            while not self._ending:
                closed = self._closed.get(timeout=self._spare_seconds())
                if closed is not None:
                    self._register(closed)
                    continue
                self._ending = True
                self._try_again()
        if not self._ending and time.monotonic() >= self._retry_at:
            self._try_again()

    def _try_again(self) -> None:
        self._waiting += self._refused
        self._refused.clear()

    def _spare_seconds(self) -> float | None:
        """Until something is to be copied; None: nothing is."""
        if self._waiting:
            return 0.0
        return max(0.0, self._retry_at - time.monotonic()) if self._refused else None

    def _register(self, closed: _Closed) -> None:
        try:
            self._catalogue.add(*closed)
        except BagError as error:
            self.problems.append(str(error))
        if self._remote is not None:
            self._waiting.append(closed.path)

    def _copy(self, bag: Path, remote: RemoteFolder) -> None:
        """Try it once; a bag that is refused keeps no other from being copied."""
        try:
            if not self._place_told and (self._folder / PLACE).is_file():
                remote.put_text(self._folder / PLACE)
            self._place_told = True
            remote.put(bag)
            self._trouble = False
        except OccupiedError as error:
            # It would be no other the next time.
            self.problems.append(str(error))
        except BagError as error:
            if (bag / METADATA).is_file():
                self._refuse(bag, str(error))
            else:
                self.problems.append(f"{bag} is gone: it was deleted before it was copied to {remote.uri}")
                with suppress(OSError):
                    waiting_mark(bag).unlink(missing_ok=True)

    def _refuse(self, bag: Path, why: str) -> None:
        """Keep it for later, and tell of it once; not of each while a store is away."""
        if not self._refused:
            self._retry_at = time.monotonic() + RETRY_SECONDS
        self._refused.append(bag)
        if not self._trouble and bag not in self._told:
            self._told.add(bag)
            self.problems.append(f"{why}; it is tried again")
        self._why, self._trouble = why, True

    def _later(self) -> str:
        if self._remote is None:
            return f"hrl catalogue rebuild {self._folder}"
        return f"copy them with: hrl bag upload {self._folder} {self._remote.uri}"


def _left(folder: Path) -> list[Path]:
    """Bags that wait to be copied since an earlier recording ended, or was killed; of one that was never closed not."""
    marks = sorted(folder.glob(f".*{WAITING}"))
    bags = [folder / mark.name.removeprefix(".").removesuffix(WAITING) for mark in marks]
    return [bag for bag in bags if (bag / METADATA).is_file()]
