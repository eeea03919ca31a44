"""``hrl doctor``: checks the installation, the machine, the middleware and, if one runs, the graph."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.text import Text

from hrl.doctor.finding import Finding, Verdict, wrong
from hrl.launching.environment import need_ros
from hrl.watching.onlooker_node import onlooker

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
_STYLES = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.WRONG: "bold red"}


@dataclass(frozen=True)
class Doctor:
    """Check everything, one line each with how to mend it; exit code 0 only if nothing is wrong."""

    json: Flag = False
    """Print one JSON object and nothing else."""
    clean: Flag = False
    """First remove what dead processes have left: shared memory, and files of this user's clusters."""
    cluster: str = ""
    """Look after a cluster as well (docs/many_machines.md): its HOST:PORT, or local."""

    def run(self) -> int:
        """Check and tell; returns the exit code."""
        # First of all: it may start the process again.
        need_ros()
        removed = _clean() if self.clean else 0
        found = []
        for finding in _findings(self.cluster):
            found.append(finding)
            if not self.json:
                Console().print(_line(finding), soft_wrap=True, highlight=False)
        number = sum(finding.verdict is Verdict.WRONG for finding in found)
        if self.json:
            rows = [finding._asdict() | {"verdict": finding.verdict.value} for finding in found]
            sys.stdout.write(json.dumps({"wrong": number, "removed": removed, "findings": rows}) + "\n")
        else:
            tail = f" ({removed} leftovers removed)" if removed else ""
            Console().print(f"{f'{number} wrong' if number else 'nothing is wrong'}{tail}", highlight=False)
        return 1 if number else 0


def _clean() -> int:
    from hrl.doctor.dead_clusters import remove_dead_clusters
    from hrl.doctor.machine import clean

    return clean() + remove_dead_clusters()


def _findings(cluster: str) -> Iterator[Finding]:
    """Everything, in the order in which one thing needs the other."""
    from hrl.doctor.dead_clusters import dead_clusters
    from hrl.doctor.installation import installation
    from hrl.doctor.machine import machine

    yield from installation()
    yield from machine()
    yield dead_clusters()
    if cluster:
        from hrl.doctor.cluster import cluster as nodes_of

        yield from nodes_of(cluster)
    try:
        with onlooker("hrl_doctor") as eye:
            from hrl.doctor.middleware import middleware
            from hrl.doctor.running import running

            yield from middleware(eye)
            yield from running(eye)
    except ImportError as error:
        yield wrong("ROS", f"rclpy or a message package does not import: {error}", "make setup")


def _line(finding: Finding) -> Text:
    line = Text(f"{finding.verdict.value:<6}", style=_STYLES[finding.verdict])
    line.append(f"{finding.check:<17} {finding.detail}", style="")
    if finding.fix:
        line.append(f" -> {finding.fix}", style="")
    return line


def doctor(words: list[str]) -> int:
    """Run ``hrl doctor`` with the words that follow it; returns the exit code."""
    return tyro.cli(Doctor, prog="hrl doctor", description=__doc__, args=words).run()
