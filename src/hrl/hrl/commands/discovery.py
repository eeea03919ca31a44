"""``hrl discovery``: a server by which the nodes of many hosts find each other where multicast does not reach."""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from hrl.launching.environment import need_ros
from hrl_core.errors import HrlError

PROGRAM = "fast-discovery-server"


@dataclass(frozen=True)
class Discovery:
    """Run Fast DDS's discovery server until Ctrl-C, for graphs with network:=subnet discovery_server:=HOST:PORT.

    Who reaches it is told what there is in the graph, as by multicast: keep it on the robots' own network.
    """

    address: str = "127.0.0.1"
    """IPv4 address of this machine to listen at."""
    port: int = 11811
    """UDP port."""

    def run(self) -> int:
        """Become the server."""
        if not 0 < self.port < 2**16:
            raise HrlError(f"--port must be between 1 and 65535, got {self.port}")
        need_ros()
        programs = os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ.get("PATH", "")])
        program = shutil.which(PROGRAM, path=programs)
        if program is None:
            raise HrlError(f"{PROGRAM} of Fast DDS is neither in {sys.prefix}/bin nor on the PATH")
        where = f"{self.address}:{self.port}"
        sys.stdout.write(f"discovery server: launch with network:=subnet discovery_server:={where}\n")
        sys.stdout.flush()
        os.execv(program, [program, "-i", "0", "-l", self.address, "-p", str(self.port)])


def discovery(words: list[str]) -> int:
    """Run ``hrl discovery`` with the words that follow it; returns the exit code."""
    return tyro.cli(Discovery, prog="hrl discovery", description=__doc__, args=words).run()
