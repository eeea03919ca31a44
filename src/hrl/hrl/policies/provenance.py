"""Which code runs: the git commit of the working tree that this package belongs to."""

import json
import subprocess
from pathlib import Path
from typing import Any

from hrl_core.errors import HrlError

PROVENANCE = "provenance.json"
"""File of a training run that says what made it."""


def starts_of(run: Path) -> list[dict[str, Any]]:
    """What each start of a training run has noted, in order; none where none has.

    Raises:
        HrlError: the file is damaged.
    """
    path = run / PROVENANCE
    try:
        starts = json.loads(path.read_text()) if path.is_file() else []
    except ValueError as error:
        raise HrlError(f"{path} is damaged: {error}") from None
    if not isinstance(starts, list) or not all(isinstance(start, dict) for start in starts):
        raise HrlError(f"{path} is damaged: a list of objects is wanted")
    return starts


def git_commit() -> str:
    """Return the commit of the running code, with ``-dirty`` when files differ; empty when unknown."""
    here = Path(__file__).resolve().parent
    top = _git(here, "rev-parse", "--show-toplevel")
    if not top or not (Path(top) / "src" / "hrl_core").is_dir():
        return ""
    return _git(here, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
