"""Specifications as text: the shipped ones, files, YAML, and where two of them differ."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from hrl_core.documents import MOST_YAML, read_limited, read_yaml
from hrl_core.errors import FileError, TaskError, did_you_mean
from hrl_core.own_modules import look_beside
from hrl_core.task.earlier import RENAMED, is_earlier, read_earlier
from hrl_core.task.spec import TaskSpec
from hrl_core.typed_fields import read_fields

SHIPPED = resources.files("hrl_core.task")
"""Folder of the shipped specifications."""


def parse_task(text: str | bytes, source: str = "task specification") -> TaskSpec:
    """Read a specification from YAML text, or its bytes in UTF-8.

    Raises:
        TaskError: names the source, line, field, what was got and what is allowed.
    """
    try:
        return _parsed(text, source)
    except FileError as error:
        raise TaskError(str(error)) from None


@lru_cache(maxsize=64)
def _parsed(text: str | bytes, source: str) -> TaskSpec:
    """Parsed once: every bag of a recording repeats the specification, and names are looked for in all shipped ones."""
    document = read_yaml(text, source)
    return read_earlier(document) if is_earlier(document) else read_fields(TaskSpec, document)


def shipped_tasks() -> list[str]:
    """Names of the task specifications that come with the project."""
    return sorted(entry.name.removesuffix(".yaml") for entry in SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def load_task(task: str | Path) -> TaskSpec:
    """Load a specification by shipped name (``ant_maze``, any case, ``AntMaze``) or by path.

    Raises:
        TaskError: the name is unknown (the message lists the valid ones) or the file is malformed.
    """
    path = Path(task)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise TaskError(f"task file {path} does not exist; shipped tasks are: {', '.join(shipped_tasks())}")
        look_beside(path)
        return parse_task(read_task_file(path), str(path))
    for name in sorted(shipped_tasks(), key=lambda name: _plain(name) != _plain(task)):
        spec_text = (SHIPPED / f"{name}.yaml").read_text()
        spec = parse_task(spec_text, f"shipped task {name}")
        if str(task).lower() in (name, _plain(name), spec.env_id.lower(), spec.env_id.split(":")[-1].lower()):
            return spec
    if str(task) in RENAMED:
        today = RENAMED[str(task)][0]
        raise TaskError(
            f"task '{task}' is called '{today}' now: its subgoals are the policy's, of the goal spaces that "
            f"`hrl task show {today}` lists"
        )
    raise TaskError(
        f"unknown task '{task}'{did_you_mean(str(task), shipped_tasks())}: give a path to a .yaml task specification "
        f"or one of {', '.join(shipped_tasks())}"
    )


def _plain(name: str | Path) -> str:
    """A name of a task as people may write it."""
    return str(name).lower().replace("_", "")


def read_task_file(path: Path, follow_links: bool = True) -> bytes:
    """The text of a task file; raises ``TaskError`` where it cannot be read or is too large."""
    try:
        return read_limited(path, MOST_YAML, follow_links)
    except FileError as error:
        raise TaskError(str(error)) from None


def task_difference(ours: TaskSpec, theirs: TaskSpec) -> str:
    """Name the first fields in which two specifications differ, ``field: ours != theirs``; empty when equal."""
    return first_differences(ours.as_dict(), theirs.as_dict())


def first_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Name the first fields in which plain data differ, ``field: ours != theirs``; empty when equal."""
    return "; ".join(_differences("", ours, theirs)[:3])


def _differences(path: str, ours: object, theirs: object) -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = dict.fromkeys([*ours, *theirs])
        return [d for key in keys for d in _differences(f"{path}.{key}", ours.get(key), theirs.get(key))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [d for i, (a, b) in pairs for d in _differences(f"{path}[{i}]", a, b)]
    return [] if ours == theirs else [f"{path.lstrip('.')}: {ours!r} != {theirs!r}"]
