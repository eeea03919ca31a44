"""Are the nodes of a cluster there, and do they compute as this machine does?"""

import platform
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hrl.doctor.finding import Finding, note, ok, wrong
from hrl.policies.provenance import git_commit
from hrl_core.errors import HrlError
from hrl_core.training.rounds.arithmetic import arithmetic

_CLOCKS = 1.0
"""Seconds that clocks may differ by: what is written is told apart by its time of day."""


class NodeTold(NamedTuple):
    """What a node says of itself."""

    host: str
    time: float
    """Of its clock [s since 1970]."""
    commit: str
    """Of the running code; empty: unknown."""
    arithmetic: dict[str, str]
    folder: bool
    """Whether it sees the folder that this was called in."""


def look(node: str, folder: Path) -> NodeTold:
    """On a node."""
    del node
    return NodeTold(platform.node(), time.time(), git_commit(), arithmetic(), folder.is_dir())


def cluster(address: str) -> Iterable[Finding]:
    """All checks of a cluster, ``local`` or HOST:PORT."""
    from hrl_cluster.connection import connected

    try:
        with connected(address) as joined:
            yield ok("cluster", str(joined))
            asked = time.time()
            told = joined.ask_each(look, Path.cwd())
            patience = time.time() - asked + _CLOCKS
            for node, answer in zip(joined.nodes, told, strict=True):
                name = f"node {node.name}"
                if isinstance(answer, HrlError):
                    yield wrong(
                        name, f"cannot work: {answer}", "install the same hrl there, with ray, and start it again"
                    )
                else:
                    yield _judge(name, node.cores, answer, patience)
    except HrlError as error:
        yield wrong("cluster", str(error), "docs/many_machines.md")


def _judge(name: str, cores: float, told: NodeTold, patience: float) -> Finding:
    """One finding of a node that answers, the worst there is."""
    ours, theirs = git_commit(), told.commit
    if theirs != ours:
        return wrong(
            name,
            f"{told.host} runs hrl of commit {theirs or 'unknown'}, this machine {ours or 'unknown'}",
            "git pull, make setup",
        )
    if abs(told.time - time.time()) > patience:
        return wrong(
            name, f"the clock of {told.host} is {told.time - time.time():+.1f} s off", "run chrony or ntpd on both"
        )
    if not told.folder:
        return note(name, f"{told.host} does not see {Path.cwd()}", "sweeps need a folder that all nodes share")
    mine = arithmetic()
    other = [
        f"{key} {told.arithmetic.get(key)} (here {value})"
        for key, value in mine.items()
        if told.arithmetic.get(key) != value
    ]
    if other:
        return note(
            name,
            f"{told.host} computes otherwise: {'; '.join(other)}",
            "exact rounds need machines alike: --rounds free",
        )
    return ok(name, f"{told.host}, {cores:g} cores, same code, clock, folder and arithmetic")
