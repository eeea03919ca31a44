"""What becomes of a bag when it is closed: its row in the catalogue, its way to where bags are gathered."""

import queue
import threading
from collections.abc import Mapping
from pathlib import Path

from hrl_core.bags.catalogue import PLACE, Catalogue
from hrl_core.bags.errors import BagError
from hrl_core.bags.remote import OccupiedError, RemoteFolder

FINISH_SECONDS = 60.0
"""Patience with a store when the recording ends."""
RETRY_SECONDS = 5.0


class ClosedBags:
    """Sees to closed bags in a thread of its own: a slow catalogue or store must not hold up a recorder."""

    def __init__(self, folder: Path, upload: str) -> None:
        """Begin.

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
        self._place_told = False
        self._closed: queue.Queue[tuple[Path, dict[str, str], str] | None] = queue.Queue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="closed bags", daemon=True)
        self._thread.start()

    def add(self, bag: Path, custom: Mapping[str, str], sha256: str) -> None:
        """See to a bag with that custom metadata and that ``bag_sha256``, soon."""
        self._closed.put((bag, dict(custom), sha256))

    def finish(self) -> None:
        """Wait until all is seen to; what a store does not take in time is told as a problem."""
        self._closed.put(None)
        self._ending.set()
        self._thread.join(FINISH_SECONDS)
        if self._thread.is_alive():
            self.problems.append(f"not all closed bags are seen to yet: {self._later()}")

    def _work(self) -> None:
        while (closed := self._closed.get()) is not None:
            bag, custom, sha256 = closed
            try:
                self._catalogue.add(bag, custom, sha256)
            except BagError as error:
                self.problems.append(str(error))
            if self._remote is not None:
                self._upload(bag, self._remote)

    def _upload(self, bag: Path, remote: RemoteFolder) -> None:
        """Until it is there, or the recording ends and once more was not enough."""
        told = False
        while True:
            last = self._ending.is_set()
            try:
                if not self._place_told and (self._folder / PLACE).is_file():
                    remote.put_text(self._folder / PLACE)
                self._place_told = True
                remote.put(bag)
                return
            except OccupiedError as error:
                # It would be no other the next time.
                self.problems.append(str(error))
                return
            except BagError as error:
                if not told or last:
                    self.problems.append(f"{error}; {self._later() if last else 'it is tried again'}")
                told = True
            if last:
                return
            self._ending.wait(RETRY_SECONDS)

    def _later(self) -> str:
        if self._remote is None:
            return f"hrl catalogue rebuild {self._folder}"
        return f"copy them with: hrl bag upload {self._folder} {self._remote.uri}"
