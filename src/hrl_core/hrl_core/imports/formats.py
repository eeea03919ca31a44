"""The formats by name; the packages that a format needs are looked for and imported only when it is used."""

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hrl_core.errors import HrlError, did_you_mean
from hrl_core.imports.episodes import ForeignEpisode


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
        missing = [package for package in self.packages if importlib.util.find_spec(package) is None]
        if missing:
            raise HrlError(
                f"--from {self.name} needs {' and '.join(missing)}, not installed here: "
                "python -m pip install -r requirements-export.txt -c constraints.txt"
            )
        if not path.exists():
            raise HrlError(f"{path} does not exist: give the file or folder of the data set")
        return importlib.import_module(self.module).read(path, keys)


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
    if name not in SOURCES:
        raise HrlError(f"unknown format '{name}'{did_you_mean(name, SOURCES)}; choose one of {', '.join(SOURCES)}")
    return SOURCES[name]
