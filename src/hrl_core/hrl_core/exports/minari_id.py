"""The name of a Minari data set, from the folder it lies in; needs no Minari."""

import os
import re
from pathlib import Path

from hrl_core.errors import HrlError

_ROOT = "MINARI_DATASETS_PATH"
_NAME = re.compile(r"[-_\w]+-v\d+")
_NAMESPACE = re.compile(r"[-_\w]+")


def dataset_id(out: Path) -> str:
    """Return the id by which ``minari.load_dataset`` finds a data set in ``out``.

    Minari looks below ``$MINARI_DATASETS_PATH`` (``~/.minari/datasets``) and wants the id to be the path from there;
    elsewhere the folder's own name is taken, so that its parent can be made that place.

    Raises:
        HrlError: Minari has no such names.
    """
    root = Path(os.environ.get(_ROOT) or Path.home() / ".minari" / "datasets").absolute()
    path = Path(os.path.normpath(out.absolute()))
    parts = path.relative_to(root).parts if path.is_relative_to(root) else (path.name,)
    if not parts or not _NAME.fullmatch(parts[-1]) or not all(_NAMESPACE.fullmatch(part) for part in parts[:-1]):
        name = re.sub(r"[^-_\w]+", "-", path.name) or "data"
        raise HrlError(
            f"--out {out}: Minari names data sets NAME-vNUMBER, of letters, digits, - and _: try {out.parent / name}-v0"
        )
    return "/".join(parts)
