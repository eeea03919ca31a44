"""Where the Python module of a user's own environment is found: beside the task file that names it, or right here.

What a policy or a training run brings along is data and never code: the modules beside their copies of a task
specification are not looked at.
"""

import os
import sys
from pathlib import Path

_COPIES = ("policy.json", "config.json")
"""Beside a ``task.yaml`` these say that it is the copy in a policy or a training run."""


def look_beside(task_file: Path) -> None:
    """Find modules in the folder of a task file from now on, in this process and those that it starts."""
    folder = task_file.resolve().parent
    if task_file.name == "task.yaml" and any((folder / name).is_file() for name in _COPIES):
        return
    _append(str(folder))
    inherited = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(folder) not in inherited:
        os.environ["PYTHONPATH"] = os.pathsep.join([*filter(None, inherited), str(folder)])


def look_here() -> None:
    """Find modules in the current folder as well, after everything that is installed."""
    _append(os.getcwd())


def _append(folder: str) -> None:
    # Last, so that no file of the user's hides an installed module.
    if folder not in sys.path:
        sys.path.append(folder)
