"""Opens bags, whoever made them: sizes are limited before anything is parsed, and all damage has one name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.rosbag2 import Reader

from hrl_core.bags.errors import BagError
from hrl_core.documents import MOST_RECORD, Document, read_limited, read_yaml
from hrl_core.errors import FileError, HrlError
from hrl_core.typed_fields import read_fields

METADATA = "metadata.yaml"
STORAGE_FILES = (".mcap", ".db3")
"""A storage file alone is a bag without metadata."""
NEWEST_VERSION = 9
"""Of the metadata that are understood."""
MOST_METADATA = MOST_RECORD
"""Bytes of a metadata.yaml; a recording of ten thousand episodes has 1 MB."""


class PlainFiles(NamedTuple):
    """What the metadata of a bag of uncompressed MCAP files (chunks may be compressed) says."""

    files: list[Path]
    messages: int | None


@dataclass(frozen=True)
class _Information:
    version: int
    storage_identifier: str
    relative_file_paths: tuple[str, ...]
    message_count: int
    compression_mode: str | None = ""


def is_storage_file(path: Path) -> bool:
    """Whether a path is a storage file that stands for a bag."""
    return path.suffix in STORAGE_FILES and path.is_file()


def unfinished(path: Path) -> str:
    """Why a path is not a bag that can be read, and what to do about it."""
    partial = path.with_name(f"{path.name}.partial")
    if not path.exists() and partial.exists():
        return f"was never finished: save what is there with: hrl bag recover {partial}"
    if not path.exists():
        return "does not exist"
    if any(path.rglob("*.mcap")) or any(path.rglob("*.db3")):
        return f"was never finished (no metadata.yaml): save what is there with: hrl bag recover {path}"
    return "is not a bag: it has no metadata.yaml"


@contextmanager
def damage(bag: Path) -> Iterator[None]:
    """Whatever goes wrong while a bag is read is a ``BagError`` that says what to do.

    The libraries that parse bags promise no set of errors: from damaged files came a MemoryError, KeyError and more.
    """
    try:
        yield
    except BagError:
        raise
    except FileNotFoundError:
        raise BagError(f"{bag} {unfinished(bag)}") from None
    except Exception as error:
        kind = "" if isinstance(error, (HrlError, OSError)) else f"{type(error).__name__}: "
        reason = f"{kind}{error}".partition("\n")[0].rstrip(": ")[:200]
        raise BagError(f"bag {bag} is damaged: {reason}; save what is sound with: hrl bag recover {bag}") from None


@contextmanager
def opened(bag: Path) -> Iterator[Reader]:
    """Open a finished bag, or a storage file, with rosbags.

    Raises:
        BagError: it is missing, unfinished or damaged; also for what goes wrong while the reader is used.
    """
    with damage(bag):
        if bag.is_dir():
            _information(bag)
        with Reader(bag) as reader:
            yield reader


def plain_files(bag: Path) -> PlainFiles | None:
    """Read the metadata where the files can be walked directly; None: leave it, and what is wrong with it, to rosbags.

    rosbags would parse it, and the QoS profiles of every topic, ten times as slowly: most of the time that a short bag
    takes.

    Raises:
        FileError: the metadata are larger, or nested more deeply, than any recorder writes them.
    """
    if bag.is_file():
        return PlainFiles([bag], None) if bag.suffix == ".mcap" else None
    information = _information(bag)
    if information is None or information.compression_mode or information.storage_identifier != "mcap":
        return None
    files = [bag / Path(name).name for name in information.relative_file_paths]
    if information.version > NEWEST_VERSION or not all(f.suffix == ".mcap" and f.is_file() for f in files):
        return None
    return PlainFiles(files, information.message_count)


def custom_data(bag: Path) -> dict[str, Any]:
    """What the recorder of a bag directory put into its metadata, twenty times as quickly as with rosbags.

    Raises:
        BagError: the bag is missing, unfinished or damaged.
    """
    with damage(bag):
        said: Any = _metadata(bag).data
        return dict(said["rosbag2_bagfile_information"].get("custom_data") or {})


def _metadata(bag: Path) -> Document:
    if not (bag / METADATA).is_file():
        raise FileNotFoundError(bag)
    return read_yaml(read_limited(bag / METADATA, MOST_METADATA), str(bag / METADATA), MOST_METADATA)


def _information(bag: Path) -> _Information | None:
    """The metadata; None: they are sound YAML, but not what a recorder writes."""
    document = _metadata(bag)
    said: Any = document.data
    try:
        document.data = said["rosbag2_bagfile_information"]
        return read_fields(_Information, document, others=True)
    except (LookupError, TypeError, FileError):
        return None
