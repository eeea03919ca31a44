"""What the machine must offer before anything is installed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hrl_setup.errors import SetupError

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)


class Tool(NamedTuple):
    """A program that the build calls, with the Debian package that brings it."""

    name: str
    """What it is called in messages."""
    commands: tuple[str, ...]
    """Programs that will do; the first found is used."""
    variable: str
    """Environment variable that may name another one; empty if there is none."""
    package: str
    """Debian package."""


TOOLS = (
    Tool("make", ("make", "gmake"), "", "make"),
    Tool("C compiler", ("cc", "gcc", "clang"), "CC", "gcc"),
    Tool("C++ compiler", ("c++", "g++", "clang++"), "CXX", "g++"),
    Tool("cmake", ("cmake",), "", "cmake"),
)


def check_machine() -> None:
    """Refuse machines for which there are no wheels.

    Raises:
        SetupError: The operating system, the processor or the Python version is not supported.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise SetupError(
            f"this is {sys.platform} on {platform.machine()}; ROS 2 wheels exist for Linux on x86-64 only. "
            "With a ROS 2 installation, build with colcon as the README describes."
        )
    if not OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        raise SetupError(f"this is Python {platform.python_version()}; 3.10 to 3.13 are supported. {_python_hint()}")


def check_tools(find: Callable[[str], str | None] = shutil.which) -> None:
    """Refuse to start where a program of the build is missing, and name its Debian package.

    Args:
        find: Looks a program up, like `shutil.which`.

    Raises:
        SetupError: Something is missing; the message names all of it.
    """
    missing = {tool.name: tool.package for tool in TOOLS if not _is_found(tool, find)}
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        missing["Python headers"] = "python3-dev"
    try:
        import ensurepip  # noqa: F401 - Debian splits it off, and without it no virtual environment gets pip
    except ImportError:
        missing["Python module ensurepip"] = "python3-venv"
    if missing:
        listing = "".join(f"\n  {name}: Debian package {package}" for name, package in missing.items())
        command = "sudo apt-get install " + " ".join(dict.fromkeys(missing.values()))
        raise SetupError(f"missing on this machine:{listing}\nTry: {command}")


def sourced_ros() -> str:
    """Return the name of the sourced ROS 2 distribution, or an empty string where there is none.

    Raises:
        SetupError: A distribution is sourced whose rclpy does not import here.
    """
    distribution = os.environ.get("ROS_DISTRO", "")
    if not distribution:
        return ""
    command = [base_python(), "-c", "import rclpy"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return distribution
    reason = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
    if reason == "ModuleNotFoundError: No module named 'rclpy'":
        return ""
    raise SetupError(
        f"ROS_DISTRO={distribution} is sourced, but its rclpy fails with {base_python()}: {reason}\n"
        "Use the Python of that installation (make setup PYTHON=/usr/bin/python3), "
        "or a shell where no ROS is sourced."
    )


def base_python() -> str:
    """Return the interpreter outside of any virtual environment; ours may be about to be removed."""
    return getattr(sys, "_base_executable", sys.executable)


def _is_found(tool: Tool, find: Callable[[str], str | None]) -> bool:
    """Tell whether one of the tool's programs exists."""
    # CC may hold options after the program ("ccache gcc"): the first word has to exist.
    chosen = os.environ.get(tool.variable, "").split()[:1] if tool.variable else []
    return any(find(command) for command in chosen or tool.commands)


def _python_hint() -> str:
    """Say how to get a supported Python."""
    versions = range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1)
    for command in (f"python3.{minor}" for minor in versions):
        if shutil.which(command):
            return f"Try: make setup PYTHON={command}"
    return "Debian packages: python3 python3-venv python3-dev"
