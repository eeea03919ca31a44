"""The name of a Minari data set, from the folder it lies in; needs no Minari."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from hrl_core.errors import HrlError

_ROOT = "MINARI_DATASETS_PATH"
_NAME = re.compile(r"[-_\w]+-v\d+")
_NAMESPACE = re.compile(r"[-_\w]+")


class Place(NamedTuple):
    """Where Minari finds a data set."""

    root: Path
    """What $MINARI_DATASETS_PATH must be."""
    id: str
    """Path below ``root``: Minari takes no other id."""

    def __str__(self) -> str:
        """Say how to load it."""
        return f"minari.load_dataset('{self.id}') where {_ROOT} is {self.root}"


def place(out: Path) -> Place:
    """Return where a data set in ``out`` is found, whatever folder it is named from.

    The root is ``$MINARI_DATASETS_PATH`` (``~/.minari/datasets``) where ``out`` lies below it, else the folder the
    command runs in, else the parent of ``out``. What is between the two is the namespace.

    Raises:
        HrlError: Minari has no such names.
    """
    path = out.absolute()
    path = path.parent.resolve() / path.name
    minari = Path(os.environ.get(_ROOT) or Path.home() / ".minari" / "datasets").resolve()
    for root in (minari, Path.cwd(), path.parent):
        parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
        if _valid(parts):
            return Place(root, "/".join(parts))
    name = re.sub(r"[^-_\w]+", "-", path.name) or "data"
    raise HrlError(
        f"--out {out}: Minari names data sets NAME-vNUMBER, of letters, digits, - and _: try {out.parent / name}-v0"
    )


def _valid(parts: tuple[str, ...]) -> bool:
    return bool(parts) and bool(_NAME.fullmatch(parts[-1])) and all(map(_NAMESPACE.fullmatch, parts[:-1]))
