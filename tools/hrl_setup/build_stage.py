"""The workspace: built by colcon, and reachable from the virtual environment without sourcing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from hrl_setup.product import Product, content_hash, remove_tree
from hrl_setup.progress import CommandRunner
from hrl_setup.venv_stage import VenvStage

_NOT_BUILT = {"__pycache__", "test", ".pytest_cache", ".ruff_cache"}

_LAUNCHER = """#!/bin/sh
# Both a shell script and a Python one: a path with blanks or of any length cannot stand after "#!".
# The variable keeps the ROS wheels from starting Python twice; hrl sets their path itself.
# Ctrl-C waits until it can be no traceback: Python takes a while to start, twice.
'''exec' {env} _ROS_WHEELS_BOOTSTRAP_COMPLETE=1 "{python}" "$0" "$@"
' '''
import signal
import sys

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    from hrl.launching.environment import ensure_ros_environment

    ensure_ros_environment()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])

    from hrl.cli import main

    sys.exit(main())
"""


class BuildStage:
    """Builds what changed under `src/` into `install/`."""

    def __init__(self, root: Path, venv: VenvStage) -> None:
        """Store where things are.

        Args:
            root: Top of the repository.
            venv: The stage that made the virtual environment.
        """
        self._root = root
        self._venv = venv
        self._product = Product(root / "install")

    def run(self, runner: CommandRunner) -> bool:
        """Build the packages that changed; does nothing if none did. Returns whether it built any.

        Raises:
            SetupError: The build failed.
        """
        packages = self._package_hashes()
        stamp = {"common": self._common_inputs(packages), "packages": packages}
        built = self._product.stamp()
        if built != stamp:
            self._build(runner, stamp, built)
        self._link_venv()
        return built != stamp

    def _build(self, runner: CommandRunner, stamp: dict, built: dict | None) -> None:
        """Build what differs between two stamps, or everything where they do not compare."""
        names = stamp["packages"]
        if built is not None and built["common"] == stamp["common"]:
            changed = [name for name in names if built["packages"][name] != names[name]]
        else:
            if self._product.is_interrupted:
                print("[setup] the last build was interrupted: building everything again", flush=True)
            remove_tree(self._root / "build")
            remove_tree(self._product.folder)
            changed = list(names)
        self._product.begin()
        for name in changed:
            forget_package(self._root / "build" / name)
        label = f"build {len(changed)} of {len(names)} packages with colcon"
        log = self._venv.folder / "log" / "build.log"
        runner.run(label, self._command(changed), log, self._environment())
        self._product.finish(stamp)

    def _package_hashes(self) -> dict[str, str]:
        """Return a digest of the files of every package."""
        folders = sorted(file.parent for file in (self._root / "src").glob("*/package.xml"))
        return {folder.name: content_hash(_source_files(folder), folder) for folder in folders}

    def _common_inputs(self, packages: dict[str, str]) -> dict[str, object]:
        """Return what the whole build depends on.

        The messages and the list of packages are among it: what a removed one left in `install/` would stay.
        """
        meta = content_hash([self._root / "colcon.meta"], self._root)
        return {
            "venv": self._venv.identity,
            "meta": meta,
            "messages": packages["hrl_msgs"],
            "names": list(packages),
        }

    def _command(self, packages: list[str]) -> list[str | Path]:
        """Return the call of colcon that builds some packages."""
        command = [self._venv.python, "-m", "colcon", "build", "--base-paths", "src", "--merge-install"]
        command += ["--event-handlers", "console_direct+", "--packages-select", *packages]
        return [*command, "--cmake-args", f"-DPython3_EXECUTABLE={self._venv.python}"]

    def _environment(self) -> dict[str, str]:
        """Return the variables of the build: CMake finds the wheels in the virtual environment."""
        if self._venv.identity["ros"]:
            return {**os.environ}
        folder = str(self._venv.folder)
        return {**os.environ, "AMENT_PREFIX_PATH": folder, "CMAKE_PREFIX_PATH": folder}

    def _link_venv(self) -> None:
        """Make packages importable and `hrl` callable in the virtual environment."""
        libraries = sorted(self._product.folder.glob("lib/python3*/*-packages"))
        (site_packages,) = self._venv.folder.glob("lib/python3*/site-packages")
        _write(site_packages / "hrl_workspace.pth", "".join(f"{folder}\n" for folder in libraries))
        launcher = self._venv.folder / "bin" / "hrl"
        _write(launcher, _LAUNCHER.format(python=self._venv.python, env=_env()))
        launcher.chmod(0o755)


def _env() -> str:
    """Return the call of ``env`` that keeps Ctrl-C waiting, where it can (coreutils 8.31)."""
    blocking = ["env", "--block-signal=INT"]
    return " ".join(blocking if subprocess.run([*blocking, "true"], capture_output=True).returncode == 0 else ["env"])


def forget_package(build_folder: Path) -> None:
    """Remove what the last build of a Python package copied: colcon leaves the files of removed modules.

    Args:
        build_folder: The package's folder under `build/`; it may not exist yet.
    """
    record = build_folder / "install.log"
    installed = record.read_text().splitlines() if record.exists() else []
    for file in map(Path, installed):
        # A data folder without files is recorded by itself.
        if not file.is_dir():
            file.unlink(missing_ok=True)
    shutil.rmtree(build_folder / "build", ignore_errors=True)


def _source_files(folder: Path) -> Iterable[Path]:
    """List the files of a package that end up in its build."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_BUILT]
        yield from (Path(path, name) for name in names)


def _write(file: Path, text: str) -> None:
    """Write a file unless it has that text already."""
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
