"""Variables that a ROS 2 process needs, set from inside Python so that nobody has to source a file.

The wheels bring no `setup.bash`, and generated message modules load only where LD_LIBRARY_PATH named their
libraries before the process started. Hence a process that lacks the variables starts itself again with them.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from hrl_core.errors import HrlError

_INDEX_ENTRY = Path("share", "ament_index", "resource_index", "packages", "hrl")


def ros_environment(prefix: Path, venv: Path) -> dict[str, str]:
    """Return the variables for a process that uses ROS 2, on top of the current ones.

    Where an installation is sourced, only this workspace is added to it. Otherwise the libraries come from
    the wheels in the virtual environment.

    Args:
        prefix: Folder that colcon installed the workspace to.
        venv: Root of the virtual environment.

    Returns:
        The variables to set. Applying them a second time changes nothing.
    """
    prefixes, library_folders = [prefix], [prefix / "lib"]
    variables = {}
    if not _ros_is_sourced(venv):
        prefixes.append(venv)
        library_folders += [venv / "lib", *sorted(venv.glob("lib/python3*/site-packages/ros_*.libs"))]
        # The wheels start every Python process twice to set a path of their own, unless told that it is set.
        variables["_ROS_WHEELS_BOOTSTRAP_COMPLETE"] = "1"
    variables["AMENT_PREFIX_PATH"] = _put_first(prefixes, "AMENT_PREFIX_PATH")
    variables["LD_LIBRARY_PATH"] = _put_first(library_folders, "LD_LIBRARY_PATH")
    return variables


def ensure_ros_environment() -> None:
    """Start the current process again with the variables of ROS 2, unless it has them already.

    Call it first: whatever the process did before is done again.
    """
    variables = ros_environment(install_prefix(), Path(sys.prefix))
    if all(os.environ.get(name) == value for name, value in variables.items()):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **variables})


def need_ros() -> None:
    """Make sure that ROS is usable, if need be by starting this process again.

    Raises:
        HrlError: the workspace is not built.
    """
    try:
        ensure_ros_environment()
    except RuntimeError as error:
        raise HrlError(str(error)) from None


def install_prefix() -> Path:
    """Return the folder that colcon installed this package to; its files are in `share/hrl` there.

    Raises:
        RuntimeError: The package was not installed by colcon.
    """
    sourced = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    for folder in [*Path(__file__).parents, *map(Path, sourced)]:
        if (folder / _INDEX_ENTRY).exists():
            return folder
    raise RuntimeError(f"{Path(__file__).parent} was not installed by colcon; run `make setup`")


def _ros_is_sourced(venv: Path) -> bool:
    """Tell whether rclpy comes from a sourced installation and not from the virtual environment."""
    if "ROS_DISTRO" not in os.environ:
        return False
    spec = importlib.util.find_spec("rclpy")
    return spec is not None and spec.origin is not None and not Path(spec.origin).is_relative_to(venv)


def _put_first(folders: Iterable[Path], variable: str) -> str:
    """Join folders and the present entries of a path variable, without repeating any."""
    present = os.environ.get(variable, "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([*map(str, folders), *filter(None, present)]))
