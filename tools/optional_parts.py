"""What some tests need and not every machine has: ``@pytest.mark.needs("osmesa")`` skips where it is missing.

Whether a part is there is asked of the part itself, once per run and process; what an error says when it is not is
another text with every library. The reason of such a skip names the part and how to get it.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from hrl.film.gl_backend import BACKENDS, backend_works

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = " is missing: "


class Part(NamedTuple):
    """Something that is not on every machine."""

    there: Callable[[], bool]
    install: str
    """What a person does to get it."""


def browser() -> str | None:
    """The browser that drives the web viewer, if one starts here."""
    return next((found for name in BROWSERS if (found := shutil.which(name)) and _succeeds([found, "--version"])), None)


def _succeeds(command: Sequence[str]) -> bool:
    # From the root folder: within the repository `import launch` finds the folder of launch files.
    return subprocess.run(command, cwd=os.sep, capture_output=True, check=False).returncode == 0


def _imports(module: str) -> bool:
    return _succeeds([sys.executable, "-c", f"import {module}"])


def _makes_networks() -> bool:
    """Whether this user may make network namespaces with a cable between them, and call programs there."""
    name = f"hrl_try_{os.getpid()}"
    if shutil.which("ip") is None or not _succeeds(["ip", "netns", "add", name]):
        return False
    cable = ["type", "veth", "peer", "name", "other", "netns", name]
    made = _succeeds(["ip", "link", "add", "cable", "netns", name, *cable])
    works = made and _succeeds(["ip", "netns", "exec", name, "true"])
    return _succeeds(["ip", "netns", "del", name]) and works


def postgresql() -> Path | None:
    """Folder of the programs of a PostgreSQL server, where Debian puts them or on the path."""
    here = shutil.which("initdb")
    found = [Path(here).parent] if here else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(found) if (folder / "initdb").exists()), None)


def _serves_objects() -> bool:
    return _imports("s3fs") and _imports("moto.server, flask_cors")


def _renders() -> bool:
    return any(backend_works(name) for name in BACKENDS)


PARTS = {
    "egl": Part(partial(backend_works, "egl"), "apt install libegl1 libgl1-mesa-dri"),
    "osmesa": Part(partial(backend_works, "osmesa"), "apt install libosmesa6"),
    "gl": Part(_renders, "apt install libegl1 libgl1-mesa-dri, or libosmesa6"),
    "browser": Part(lambda: browser() is not None, "apt install chromium"),
    "gpu": Part(
        partial(_succeeds, [sys.executable, "-c", "import torch; raise SystemExit(not torch.cuda.is_available())"]),
        "an NVIDIA GPU, and a torch built for it: https://pytorch.org/get-started",
    ),
    "launch_ros": Part(
        partial(_imports, "launch_ros.actions"), "part of a ROS 2 installation, not to be had as a wheel"
    ),
    "lerobot": Part(
        partial(_imports, "lerobot.datasets.lerobot_dataset"), "pip install lerobot, elsewhere: another torch"
    ),
    "lerobot-dataset": Part(
        partial(_imports, "ledataset.datasets.lerobot_dataset"),
        "pip install lerobot-dataset torchvision, elsewhere: 1 GB, another torchvision",
    ),
    "netns": Part(_makes_networks, "apt install iproute2, and be root or have CAP_SYS_ADMIN and CAP_NET_ADMIN"),
    "postgresql": Part(
        lambda: postgresql() is not None and _imports("psycopg"),
        "apt install postgresql; pip install -r requirements-cluster.txt -c constraints.txt",
    ),
    "s3": Part(_serves_objects, "pip install -r requirements-cluster.txt -r requirements-dev.txt -c constraints.txt"),
    "ray": Part(partial(_imports, "ray"), "pip install -r requirements-cluster.txt -c constraints.txt"),
    "wandb": Part(partial(_imports, "wandb"), "pip install wandb"),
}


@functools.cache
def is_there(name: str) -> bool:
    """Whether a part is on this machine."""
    return PARTS[name].there()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", f"needs(part): is skipped where it is missing; parts are {', '.join(PARTS)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse parts that nobody knows."""
    for item in items:
        unknown = [name for mark in item.iter_markers("needs") for name in mark.args if name not in PARTS]
        if unknown:
            raise pytest.UsageError(f"{item.nodeid} needs '{unknown[0]}', which is none of {', '.join(PARTS)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what cannot be tried here."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            if not is_there(name):
                pytest.skip(f"{name}{MISSING}{PARTS[name].install}")
