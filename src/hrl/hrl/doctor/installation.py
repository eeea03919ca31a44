"""Is what was installed there, whole, and of the right version?"""

import json
import os
import platform
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from hrl.doctor.finding import Finding, note, ok, wrong
from hrl.film.gl_backend import choose_backend
from hrl.launching.environment import install_prefix
from hrl.launching.node_process import find_executable
from hrl.policies.shipped import shipped_policies
from hrl_core.checkpoints.checkpoint import load_checkpoint
from hrl_core.errors import HrlError

OLDEST, NEWEST = (3, 10), (3, 13)
"""Python versions that there are ROS wheels for."""
EXECUTABLES = {
    "hrl_sim": ("simulator",),
    "hrl_manager": ("manager",),
    "hrl_worker": ("worker",),
    "hrl_training": ("recorder", "relabeler", "trainer", "dashboard"),
    "hrl_robot": ("bridge", "fake_robot", "supervisor"),
    "hrl_viz": ("markers", "viewer", "player"),
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox")
ROBOT, ALL, ROS = "requirements-robot.txt", "requirements.txt", "requirements-ros.txt"
"""What is needed to act; to do anything else; where no ROS is installed otherwise."""
_SETUP = "make setup"


def installation() -> Iterable[Finding]:
    """All checks of the installation."""
    yield python()
    yield packages(install_prefix().parent)
    yield interfaces()
    yield executables(os.environ)
    yield from policies()
    yield rendering()
    yield browser()


def python() -> Finding:
    """Python is one that there are wheels for, or ROS is installed otherwise."""
    found = platform.python_version()
    if OLDEST <= sys.version_info[:2] <= NEWEST or "ROS_DISTRO" in os.environ:
        return ok("Python", found)
    return wrong("Python", f"{found}; 3.10 to 3.13 are supported", "make setup PYTHON=python3.12")


def packages(root: Path) -> Finding:
    """What the requirement files name is installed, in the version that the constraints name.

    Args:
        root: top of the repository.
    """
    pins = root / "constraints.txt"
    if not pins.is_file():
        return note("packages", f"{pins} is not there, so nothing to compare with", "run it from the built workspace")
    files = [ROBOT, *([] if _role() == "robot" else [ALL]), *([] if "ROS_DISTRO" in os.environ else [ROS])]
    needed = {named.name for file in files for named in _requirements(root / file)}
    problems, checked = [], 0
    for pinned in _requirements(pins):
        found = _version(pinned.name)
        checked += found is not None
        if found is not None and not pinned.specifier.contains(found, prereleases=True):
            problems.append(f"{pinned.name} {found} instead of {str(pinned.specifier).removeprefix('==')}")
    problems += [f"{name} is missing" for name in sorted(needed) if _version(name) is None]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        return wrong("packages", ", ".join(problems[:3]) + more, _SETUP)
    return ok("packages", f"{checked} as pinned")


def interfaces() -> Finding:
    """The generated messages import."""
    try:
        from hrl_msgs import msg
    except ImportError as error:
        return wrong("interfaces", f"hrl_msgs does not import: {error}", _SETUP)
    kinds = [name for name in dir(msg) if name[0].isupper()]
    return ok("interfaces", f"hrl_msgs with {len(kinds)} messages")


def executables(environment: Mapping[str, str]) -> Finding:
    """Every node is installed."""
    try:
        found = [
            find_executable(package, name, environment) for package, names in EXECUTABLES.items() for name in names
        ]
    except HrlError as error:
        return wrong("nodes", str(error), _SETUP)
    return ok("nodes", f"{len(found)} executables")


def policies() -> Iterable[Finding]:
    """Shipped policies are what they were when they were shipped."""
    try:
        shipped = shipped_policies()
    except HrlError as error:
        yield wrong("policies", str(error), "git checkout src/hrl/policies && make setup")
        return
    damaged = [f"{name}: {problem}" for name, policy in shipped.items() if (problem := _damage(policy.folder))]
    if damaged or not shipped:
        detail = "; ".join(damaged) or "none is shipped"
        yield wrong("policies", detail, "git checkout src/hrl/policies && make setup")
    else:
        yield ok("policies", f"{', '.join(shipped)}: hashes are right")


def rendering() -> Finding:
    """Films need OpenGL without a screen."""
    try:
        return ok("rendering", f"without a screen by {choose_backend()}")
    except HrlError:
        return note("rendering", "no OpenGL without a screen; only hrl video needs it", "apt install libosmesa6")


def browser() -> Finding:
    """The web viewer's page is looked at with a browser, here or on another machine."""
    found = next((name for name in BROWSERS if shutil.which(name)), None)
    if found:
        return ok("browser", found)
    return note("browser", "none here; the web viewer can be looked at from another machine", "viewer_host:=0.0.0.0")


def _damage(folder: Path) -> str:
    """What is wrong with a policy's files; empty: nothing."""
    try:
        load_checkpoint(folder)
    except HrlError as error:
        return str(error)
    return ""


def _role() -> str:
    """What this machine was set up for (HRL_ROLE); empty: everything."""
    stamp = Path(sys.prefix, ".hrl-stamp.json")
    try:
        return str(json.loads(stamp.read_text()).get("role", ""))
    except (OSError, ValueError):
        return ""


def _requirements(file: Path) -> list[Requirement]:
    """What a requirement or constraint file says for this Python."""
    lines = [line.partition("#")[0].strip() for line in file.read_text().splitlines()] if file.is_file() else []
    parsed = [Requirement(line) for line in lines if line]
    return [requirement for requirement in parsed if requirement.marker is None or requirement.marker.evaluate()]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
