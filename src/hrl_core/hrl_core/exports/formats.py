"""The formats by name; the packages that a format needs are looked for and imported only when it is used."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hrl_core.errors import chosen
from hrl_core.exports.folder import refuse_existing, require_utf8, whole_folder
from hrl_core.exports.minari_id import place
from hrl_core.exports.selection import Selection
from hrl_core.optional_packages import require_packages


@dataclass(frozen=True)
class Format:
    """One layout that episodes can be exported to."""

    name: str
    packages: tuple[str, ...]
    """Importable packages it needs, beyond those of the stack."""
    module: str
    """Module whose ``write(selection, folder, out)`` fills a folder."""
    found_by: Callable[[Path], object] = lambda _: ""
    """Says how its reader finds a folder, where that takes more than the path; raises ``HrlError`` if it cannot."""

    def check(self, out: Path) -> None:
        """Find out what would fail, before anything is read.

        Raises:
            HrlError: a package is missing, or ``out`` cannot be used.
        """
        require_packages(f"--to {self.name}", self.packages)
        self.found_by(out)
        require_utf8(out)
        refuse_existing(out)

    def export(self, selection: Selection, out: Path) -> None:
        """Write the episodes to a new folder ``out``.

        Raises:
            HrlError: it cannot be written; nothing is left behind.
        """
        self.check(out)
        writer = importlib.import_module(self.module)
        # Absolute: Minari's storage joins a relative path with itself.
        with whole_folder(out.absolute()) as folder:
            writer.write(selection, folder, out)


FORMATS = {
    form.name: form
    for form in (
        Format("parquet", ("pyarrow",), "hrl_core.exports.parquet_tables"),
        Format("minari", ("minari", "h5py"), "hrl_core.exports.minari_dataset", place),
        Format("lerobot", ("pyarrow",), "hrl_core.exports.lerobot_dataset"),
    )
}


def format_named(name: str) -> Format:
    """Return a format.

    Raises:
        HrlError: there is none of that name; the message has those that there are.
    """
    return chosen("format", name, FORMATS)
