"""The formats by name; the packages that a format needs are looked for and imported only when it is used."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hrl_core.errors import HrlError, chosen
from hrl_core.imports.episodes import ForeignEpisode
from hrl_core.optional_packages import require_packages

_DAMAGED = (OSError, LookupError, ValueError, TypeError, AttributeError, AssertionError)
"""What libraries raise where a data set is damaged, or laid out in another way than its format says."""


@dataclass(frozen=True)
class Source:
    """A kind of data set that demonstrations can come from."""

    name: str
    packages: tuple[str, ...]
    """Importable packages it needs, beyond those of the stack."""
    module: str
    """Module whose ``read(path, keys)`` gives the episodes."""

    def read(self, path: Path, keys: tuple[str, ...]) -> Iterator[ForeignEpisode]:
        """Episodes of a data set, in its order.

        Args:
            path: file or folder.
            keys: names of what the observation is made of, in order; empty: the format's usual one.

        Raises:
            HrlError: a package is missing, or the data set cannot be read.
        """
        require_packages(f"--from {self.name}", self.packages)
        if not path.exists():
            raise HrlError(f"{path} does not exist: give the file or folder of the data set")
        try:
            yield from importlib.import_module(self.module).read(path, keys)
        except _DAMAGED as error:
            problem = f"{type(error).__name__}: {error}"
            raise HrlError(f"{path}: is no sound data set of {self.name} ({problem})") from error


SOURCES = {
    source.name: source
    for source in (
        Source("minari", ("minari", "h5py"), "hrl_core.imports.minari_dataset"),
        Source("lerobot", ("pyarrow",), "hrl_core.imports.lerobot_dataset"),
        Source("robomimic", ("h5py",), "hrl_core.imports.robomimic_file"),
    )
}


def source_named(name: str) -> Source:
    """Return a kind of data set.

    Raises:
        HrlError: there is none of that name; the message has those that there are.
    """
    return chosen("format", name, SOURCES)
