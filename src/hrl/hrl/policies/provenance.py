"""Which code runs: the git commit of the working tree that this package belongs to."""

import subprocess
from pathlib import Path

PROVENANCE = "provenance.json"
"""File of a training run that says what made it."""


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
