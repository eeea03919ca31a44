"""Packages that only some formats of data sets need."""

import importlib.util
from collections.abc import Sequence

from hrl_core.errors import HrlError


def require_packages(option: str, packages: Sequence[str]) -> None:
    """Raise ``HrlError`` unless all of these importable packages are installed; ``option`` is what needs them."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise HrlError(
            f"{option} needs {' and '.join(missing)}, not installed here: "
            "python -m pip install -r requirements-export.txt -c constraints.txt"
        )
