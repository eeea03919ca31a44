"""The virtual environment: pinned packages, and the ROS 2 wheels made fit for building."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from hrl_setup.errors import SetupError
from hrl_setup.host import base_python
from hrl_setup.product import Product, content_hash, remove_tree
from hrl_setup.progress import CommandRunner, StageLine

# The wheels were built in a container; these are the paths of its Python.
_BUILD_MACHINE = r"/opt/python/cp3\d+-cp3\d+"
_PYTHON_INCLUDE = re.compile(_BUILD_MACHINE + r"/include/python3\.\d+")
_NUMPY_INCLUDE = re.compile(_BUILD_MACHINE + r"/lib/python3\.\d+/site-packages/numpy/(?:_core|core)/include")


_ROBOT = ("requirements-robot.txt", "requirements-build.txt")
_LEARNER = (*_ROBOT, "requirements.txt", "requirements-cluster.txt")
ROLES = {"": (*_LEARNER, "requirements-export.txt", "requirements-dev.txt"), "learner": _LEARNER, "robot": _ROBOT}
"""What a machine is for -> requirement files; empty: for everything, development included."""


class VenvStage:
    """Makes `.venv` and brings it up to date with the requirement files."""

    def __init__(self, root: Path, ros: str, role: str = "") -> None:
        """Store what the environment depends on.

        Args:
            root: Top of the repository.
            ros: The sourced ROS 2 distribution; empty to use the wheels.
            role: What the machine is for, of `ROLES`.

        Raises:
            SetupError: There is no such role.
        """
        if role not in ROLES:
            raise SetupError(f"HRL_ROLE={role}: choose robot or learner, or leave it out for everything")
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.identity = {"root": str(root), "python": "{}.{}".format(*sys.version_info), "ros": ros, "role": role}
        """What an environment cannot be changed to afterwards."""
        self._root = root
        self._product = Product(self.folder)
        names = ROLES[role]
        self._requirements = [root / name for name in (names if ros else [*names, "requirements-ros.txt"])]

    def run(self, runner: CommandRunner) -> bool:
        """Bring the environment up to date; does nothing if it is. Returns whether it was not.

        Raises:
            SetupError: A command failed, or `.venv` belongs to someone else.
        """
        stamp = {**self.identity, "inputs": self._inputs()}
        if self._product.stamp() == stamp and self.python.exists():
            return False
        self._discard_unusable()
        self._product.begin()
        log = self.folder / "log"
        if not self.python.exists():
            self._create(runner, log)
        # The one that came with Python may be years old; today's finds a set of packages in half the time.
        runner.run("renew pip", self._pip_install("pip"), log / "pip_itself.log", {**os.environ})
        count = _count_lines(self._requirements)
        files = [part for file in self._requirements for part in ("--requirement", file)]
        label = f"install {count} packages and what they need (several minutes the first time)"
        runner.run(label, self._pip_install(*files), log / "pip.log", {**os.environ})
        if not self.identity["ros"]:
            with StageLine("correct the paths in the wheels' CMake files"):
                correct_cmake_paths(self.folder / "share", *self._include_folders())
        self._product.finish(stamp)
        return True

    def _inputs(self) -> str:
        """Return the digest of the files that say what to install."""
        return content_hash([*self._requirements, self._root / "constraints.txt"], self._root)

    def _discard_unusable(self) -> None:
        """Remove an environment that is half made or of another kind, but never one that we did not make."""
        if self._product.is_foreign:
            raise SetupError(f"{self.folder} was not made by this set-up: move it away, or `make distclean`")
        present = self._product.stamp() or {}
        if any(present.get(key) != value for key, value in self.identity.items()):
            if self._product.is_interrupted:
                print("[setup] the last set-up was interrupted: starting again with a new .venv", flush=True)
            remove_tree(self.folder)

    def _create(self, runner: CommandRunner, log: Path) -> None:
        """Create the environment; with a sourced ROS 2 it sees the packages of the system."""
        options = ["--system-site-packages"] if self.identity["ros"] else []
        command = [base_python(), "-m", "venv", *options, self.folder]
        runner.run("create .venv", command, log / "venv.log", {**os.environ})
        # Without it, `colcon build` in the top folder would look for packages in here.
        (self.folder / "COLCON_IGNORE").touch()

    def _pip_install(self, *what: str | Path) -> list[str | Path]:
        """Return the call of pip that installs something.

        Compiling takes as long as installing; first_imports.py compiles what is used.
        """
        options = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-compile"]
        return [self.python, "-m", "pip", "install", *options, "--constraint", self._root / "constraints.txt", *what]

    def _include_folders(self) -> IncludeFolders:
        """Ask the environment's Python where the headers are."""
        program = "import numpy, sysconfig; print(sysconfig.get_path('include')); print(numpy.get_include())"
        command = [self.python, "-c", program]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return IncludeFolders(*output.splitlines())


class IncludeFolders(NamedTuple):
    """Folders of C headers that generated extension modules need."""

    python: str
    """Headers of Python."""
    numpy: str
    """Headers of numpy."""


def correct_cmake_paths(share: Path, python_include: str, numpy_include: str) -> int:
    """Replace the header paths of the wheels' build machine by those of this one.

    Args:
        share: The environment's `share/` folder.
        python_include: Headers of Python.
        numpy_include: Headers of numpy.

    Returns:
        How many files changed.
    """
    changed = 0
    for file in share.glob("*/cmake/*.cmake"):
        text = file.read_text()
        # Functions, since a replacement string would interpret backslashes.
        corrected = _NUMPY_INCLUDE.sub(lambda _: numpy_include, text)
        corrected = _PYTHON_INCLUDE.sub(lambda _: python_include, corrected)
        if corrected != text:
            file.write_text(corrected)
            changed += 1
    return changed


def _count_lines(requirements: list[Path]) -> int:
    """Count the packages that requirement files name."""
    lines = [line for file in requirements for line in file.read_text().splitlines()]
    return sum(1 for line in lines if line and not line.startswith("#"))
