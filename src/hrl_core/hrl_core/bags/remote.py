"""Folders of bags elsewhere, named by a URI: closed bags go there whole, and are fetched from there once.

Anything that ``fsspec`` knows: ``file://``, ``s3://`` (with ``s3fs``), ... Keys and addresses of a store are told as
its own tools are told: ``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``~/.aws/config``.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrl_core.bags.catalogue import PLACE, Catalogue, catalogue_place
from hrl_core.bags.digest import bag_sha256
from hrl_core.bags.errors import BagError
from hrl_core.bags.find import find_bags
from hrl_core.bags.opening import METADATA
from hrl_core.errors import HrlError
from hrl_core.optional_packages import require_packages
from hrl_core.whole_folders import partial_folder, put_if_free

CACHE = "HRL_CACHE"
"""Environment variable: folder of what is fetched; ~/.cache/hrl unless told."""
WAITING = ".upload"
"""Ends the name of a bag's ``waiting_mark``."""


def waiting_mark(bag: Path) -> Path:
    """The hidden file beside a closed bag that is yet to be copied elsewhere; as long as it is there, the bag stays."""
    bag = bag.absolute()
    return bag.with_name(f".{bag.name}{WAITING}")


def is_uri(text: str) -> bool:
    """Whether a source is a URI and not a path."""
    return re.match("[A-Za-z][A-Za-z0-9+.-]*://.", text) is not None


def mirror_of(uri: str) -> Path:
    """Where the bags of a URI are fetched to: always the same place, so that a run that goes on finds them."""
    cache = os.environ.get(CACHE) or Path.home() / ".cache" / "hrl"
    return Path(cache).absolute() / "bags" / hashlib.sha256(uri.rstrip("/").encode()).hexdigest()[:16]


class OccupiedError(BagError):
    """There is another recording under that name."""


class RemoteFolder:
    """A folder of bags at a URI."""

    def __init__(self, uri: str) -> None:
        """Nothing is asked yet.

        Raises:
            HrlError: it is no URI, or nothing here knows such URIs.
        """
        if not is_uri(uri):
            # fsspec would take it for a folder here.
            raise HrlError(f"'{uri}' is no URI: give one such as s3://BUCKET/FOLDER or file:///FOLDER")
        # Not before: who keeps bags on this machine need not have it.
        require_packages("a folder of bags elsewhere", ("fsspec",), "requirements-cluster.txt")
        from fsspec.core import url_to_fs

        self.uri = uri.rstrip("/")
        try:
            # What others put there must be seen.
            self._files, self._root = url_to_fs(self.uri, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            wanted = "pip install -r requirements-cluster.txt -c constraints.txt"
            raise HrlError(f"'{uri}': {error} ({wanted} brings s3fs, for s3://)") from None

    def put(self, bag: Path, name: str = "") -> None:
        """Copy a closed bag there under its name, or another; its metadata last: whoever sees them sees a whole bag.

        Raises:
            OccupiedError: another recording is there under that name.
            BagError: it cannot be.
        """
        name = name or bag.name
        self._require_below(name)
        target = f"{self._root}/{name}"
        with self._trouble(f"cannot put {bag} at"):
            if not self._is_there(bag, name):
                self._files.makedirs(target, exist_ok=True)
                for path in sorted(bag.iterdir(), key=lambda path: path.name == METADATA):
                    place = f"{target}/{path.name}"
                    # In one step: half of them, in a store that shows files as they grow, would be another bag's.
                    part = f"{target}/.{METADATA}.part" if path.name == METADATA else place
                    self._files.put_file(str(path), part)
                    if part != place:
                        self._files.mv(part, place)
            waiting_mark(bag).unlink(missing_ok=True)

    def _is_there(self, bag: Path, name: str) -> bool:
        """Whether a bag is there under a name; raises ``OccupiedError`` where another one is."""
        metadata = f"{self._root}/{name}/{METADATA}"
        if not self._files.exists(metadata):
            return False
        theirs, ours = self._files.cat_file(metadata), (bag / METADATA).read_bytes()
        if theirs != ours:
            if ours.startswith(theirs):
                # What an earlier version left of a copy that was interrupted.
                return False
            raise OccupiedError(
                f"{self.uri}/{name} is another recording than {bag}: nothing is overwritten; give each recording a "
                "URI of its own"
            )
        return True

    def put_text(self, path: Path) -> None:
        """Copy a file that lies beside the bags; raises ``BagError``."""
        with self._trouble(f"cannot put {path} at"):
            self._files.makedirs(self._root, exist_ok=True)
            self._files.put_file(str(path), f"{self._root}/{path.name}")

    def bags(self) -> list[str]:
        """Names of the whole bags there, in their order; none where nothing is there yet; raises ``BagError``."""
        with self._trouble("cannot look at"):
            if not self._files.exists(self._root):
                return []
            inside = (Path(path).relative_to(self._root) for path in self._files.find(self._root))
            return sorted(path.parent.as_posix() for path in inside if path.name == METADATA and len(path.parts) > 1)

    def fetch(self, name: str, folder: Path) -> Path:
        """Copy a bag into a folder of this machine, where it appears when it is whole, and on disk.

        Raises:
            BagError: it cannot be had, or not be kept.
        """
        self._require_below(name)
        folder.mkdir(parents=True, exist_ok=True)
        part = partial_folder(folder / Path(name).name)
        try:
            with self._trouble(f"cannot fetch {name} from"):
                for path in self._files.find(f"{self._root}/{name}"):
                    self._files.get_file(path, str(part / Path(path).name))
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                with self._trouble(f"cannot keep {name} of"):
                    # Never replaced: others read what they have fetched into the same cache.
                    put_if_free(part, target)
            return target
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def fetch_text(self, name: str, folder: Path) -> bool:
        """Copy a file that lies beside the bags, if it is there; raises ``BagError``."""
        with self._trouble(f"cannot fetch {name} from"):
            if not self._files.exists(f"{self._root}/{name}"):
                return False
            folder.mkdir(parents=True, exist_ok=True)
            self._files.get_file(f"{self._root}/{name}", str(folder / name))
            return True

    def _require_below(self, name: str) -> None:
        """Refuse a name that leads elsewhere: in a store it is whatever somebody has written there."""
        parts = name.split("/")
        if not name or any(part in ("", ".", "..") for part in parts):
            raise BagError(f"{self.uri}: '{name}' names no bag below it")

    @contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        """Stores and networks promise no set of errors."""
        try:
            yield
        except BagError:
            raise
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise BagError(f"{what} {self.uri}: {type(error).__name__}: {reason}") from None


class Mirror:
    """A folder of this machine that gets the bags of a URI, each once."""

    def __init__(self, uri: str) -> None:
        """Nothing is fetched yet; raises ``HrlError`` as ``RemoteFolder``."""
        self._remote, self.folder = RemoteFolder(uri), mirror_of(uri)
        self._catalogue: Catalogue | None = None
        self._asked, self._seq = False, 0
        self._awaited: dict[str, str] = {}
        """Bags that a catalogue tells of and that are not fetched, with their digests."""

    def fetch(self) -> Iterator[Path]:
        """Fetch what is new, bag by bag; one that cannot be had keeps no other from coming, and is told in the end.

        A catalogue on a server that the recorder has told is asked for what is new; else the store lists what it has.

        Raises:
            BagError: the store or the server do not answer, a bag is another than the catalogue tells of, or the store
                tells of a catalogue that is not asked.
        """
        if not self._asked:
            self._catalogue = self._told_catalogue()
            self._asked = True
        trouble: BagError | None = None
        for name in self._new():
            try:
                yield self._fetched(name)
            except BagError as error:
                trouble = trouble or error
        if trouble is not None:
            raise trouble

    def _told_catalogue(self) -> Catalogue | None:
        """That of which the recorder has told; None: it has told of none."""
        if not self._remote.fetch_text(PLACE, self.folder):
            return None
        try:
            return Catalogue(self.folder)
        except HrlError as error:
            raise BagError(f"{self._remote.uri} tells of a catalogue that is not asked: {error}") from None

    def _new(self) -> list[str]:
        if self._catalogue is None:
            return [name for name in self._remote.bags() if not (self.folder / name).exists()]
        for row in self._catalogue.after(self._seq):
            self._seq = row.seq
            if not (self.folder / row.path).exists():
                self._awaited[row.path] = row.sha256
        there = set(self._remote.bags()) if self._awaited else set()
        return sorted(self._awaited.keys() & there)

    def _fetched(self, name: str) -> Path:
        bag = self._remote.fetch(name, self.folder)
        if name in self._awaited:
            if bag_sha256(bag) != self._awaited[name]:
                shutil.rmtree(bag)
                raise BagError(f"{self._remote.uri}/{name} is another bag than its catalogue tells of")
            del self._awaited[name]
        return bag


def upload_missing(folder: Path, uri: str) -> list[Path]:
    """Copy all closed bags of a folder that are not there yet to a URI, under their names below it; returns them.

    One that cannot be copied keeps no other from it, and is told in the end.

    Raises:
        OccupiedError: there is another recording under one of the names.
        HrlError: they cannot be copied, or the file that tells of their catalogue is none to be passed on.
    """
    # A name that says what it is: of "." and ".." that would be nothing.
    remote, folder = RemoteFolder(uri), folder.resolve()
    there = set(remote.bags())
    if catalogue_place(folder) is not None:
        remote.put_text(folder / PLACE)
    missing, trouble = [], list[BagError]()
    for bag in find_bags([folder]):
        # The folder itself may be a bag.
        name = bag.relative_to(folder).as_posix() if bag != folder else bag.name
        try:
            remote.put(bag, name)
        except BagError as error:
            trouble.append(error)
        else:
            missing += [bag] if name not in there else []
    if trouble:
        raise trouble[0]
    return missing
