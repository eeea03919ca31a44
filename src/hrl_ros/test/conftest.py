"""Installed nodes, to be started as processes."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def find_node(monkeypatch):
    """Path of the executable of an installed node; what is started from now on stays on this machine."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

    def find(package, name):
        candidates = [Path(p, "lib", package, name) for p in os.environ["AMENT_PREFIX_PATH"].split(os.pathsep)]
        return next(str(path) for path in candidates if path.is_file())

    return find
