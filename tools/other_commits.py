"""The sources of another commit beside those here, and ``hrl`` run with either."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = "import sys; from hrl.cli import main; sys.exit(main())"


@contextmanager
def sources_of(root: Path, commit: str) -> Iterator[Path]:
    """A folder with the files of a commit of the repository at ``root``, while the context lasts."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "base"
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def hrl(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``hrl`` with the sources of a tree, whatever is installed, to its end; its output is text."""
    sources = os.pathsep.join(str(folder) for folder in sorted((tree / "src").iterdir()))
    command = [sys.executable, "-c", _PROGRAM, *words]
    environment = {**os.environ, "PYTHONPATH": sources}
    return subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=False)


def told_last(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of what a run said of itself."""
    lines: Sequence[str] = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), *words], check=True)
