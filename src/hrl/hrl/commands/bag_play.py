"""``hrl bag play``: a recording on its topics again, seen in the web viewer or in rviz."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from hrl.graphs.argument_table import Value
from hrl.graphs.arguments import PORT, require_namespace
from hrl.graphs.graph import NodeDescription, Processes
from hrl.graphs.onlookers import markers_node, rviz_node, viewer_node
from hrl.launching.environment import need_ros
from hrl.policies.shipped import resolve_policy
from hrl_core.bags.find import find_bags
from hrl_core.errors import HrlError

PLAYER = "player"
_FULL = {"observations": "observation"}
"""A recording holds the full topic of observations, not the thinned one."""
_Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class Play:
    """Play a recording onto its topics, with /clock, and show it in a browser."""

    dir: tyro.conf.Positional[Path]
    """Bag directory, a folder of bags, or the folder of a run."""
    rate: float = 1.0
    """Simulated seconds per wall second; 0: as fast as possible."""
    loop: _Flag = False
    """Begin again after the last episode."""
    paused: _Flag = False
    """Begin paused; the page's buttons and the service set_paused go on."""
    viewer: bool = True
    """Show it in the web viewer; without it (and without rviz) the command ends with the recording."""
    viewer_port: int = 8080
    """Port of the page; the next free one if it is taken."""
    viewer_host: str = "127.0.0.1"
    """Address the page listens at; 0.0.0.0 opens it to other machines."""
    rviz: _Flag = False
    """Show it in rviz2."""
    policy: str = ""
    """Checkpoint folder or shipped name whose worker relabels the subgoals, to be seen beside the original ones."""
    namespace: str = ""
    """Namespace to play into; empty: the recorded one."""

    def run(self) -> int:
        """Exit code 0: played to the end, or stopped on request."""
        if not (self.rate == 0 or 0.001 <= self.rate <= 1000):
            raise HrlError(f"--rate {self.rate:g}: must be 0 (as fast as possible) or between 0.001 and 1000")
        if self.viewer and not PORT.holds(self.viewer_port):
            raise HrlError(f"--viewer-port {self.viewer_port}: must be {PORT.text}")
        find_bags([self.dir])
        need_ros()
        if self.viewer:
            from hrl_viz.gate import require_address

            require_address(self.viewer_host)
        from hrl.launching.supervisor import Supervisor

        console = Console()
        return Supervisor(Processes(self._nodes()), os.environ, console).run()

    def _nodes(self) -> tuple[NodeDescription, ...]:
        from hrl_viz.recorded_ticks import open_recording

        recording = open_recording([self.dir])
        namespace = require_namespace(self.namespace) or recording.namespace
        frame = recording.task.frame if recording.task is not None else "odom"
        looking = self.viewer or self.rviz
        policy = str(resolve_policy(self.policy, recording.task)) if self.policy else ""
        parameters: dict[str, Value] = {
            "bag": str(self.dir.absolute()),
            "rate": float(self.rate),
            "loop": self.loop,
            "paused": self.paused,
            "stay": looking,
            "policy": policy,
        }
        nodes = [
            NodeDescription("hrl_viz", PLAYER, PLAYER, namespace, parameters, role=PLAYER, required=True),
            markers_node(namespace, recording.task, _FULL),
        ]
        if self.viewer:
            viewer = viewer_node(namespace, self.viewer_host, self.viewer_port, _FULL)
            # The player stays for who looks: were that the viewer alone and it died, it would play to nobody for ever.
            nodes.append(replace(viewer, expendable=self.rviz))
        if self.rviz:
            nodes.append(rviz_node(namespace, frame))
        return tuple(nodes)
