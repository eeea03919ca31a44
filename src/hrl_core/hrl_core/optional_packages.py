"""Packages that only some commands need."""

import importlib.util
from collections.abc import Sequence

from hrl_core.errors import HrlError


def require_packages(option: str, packages: Sequence[str], requirements: str = "requirements-export.txt") -> None:
    """Raise ``HrlError`` unless all of these importable packages are installed.

    Args:
        option: what needs them.
        packages: their names.
        requirements: file of this repository that names them.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise HrlError(
            f"{option} needs {' and '.join(missing)}, not installed here: "
            f"python -m pip install -r {requirements} -c constraints.txt"
        )
