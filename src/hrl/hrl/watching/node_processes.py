"""Processes of this stack's nodes, found by what was started."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psutil

_NODE = re.compile(r"/lib/hrl_\w+/(?P<name>\w+)$")


class RunningNode(NamedTuple):
    """A node's process."""

    name: str
    """Of its executable."""
    process: psutil.Process


def node_processes(of: int | None = None) -> Iterator[RunningNode]:
    """The nodes that run, all of them or those that a process has started.

    Args:
        of: id of that process.
    """
    processes = psutil.process_iter() if of is None else psutil.Process(of).children(recursive=True)
    for process in processes:
        try:
            name = _name(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if name is not None:
            yield RunningNode(name, process)


def _name(command: Sequence[str]) -> str | None:
    """What a command line runs; the launcher's wrapper and Python come before it."""
    return next((match["name"] for word in command if (match := _NODE.search(word))), None)
