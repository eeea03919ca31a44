"""The part of a graph that runs on this machine, where others run the rest."""

import dataclasses
from collections.abc import Mapping, Sequence

from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import ENVIRONMENTS, MANAGER, RECORDER, WORKER, NodeDescription, environment_of
from hrl_core.errors import HrlError, did_you_mean

_FOLLOWERS = (MANAGER, WORKER, RECORDER)
"""Nodes that can end with a run that ends on another machine."""


def of_this_machine(nodes: Sequence[NodeDescription], names: str) -> list[NodeDescription]:
    """The nodes that are named by their roles, with commas between them; none named: all.

    Without simulator and bridge among them nobody here says when the run is over: they end by what those tell.

    Raises:
        HrlError: this graph has no such node; names the closest.
    """
    if not names:
        return list(nodes)
    wanted = {name.strip() for name in names.split(",")}
    roles = list(dict.fromkeys(node.role for node in nodes))
    for name in sorted(wanted - set(roles)):
        raise HrlError(
            f"nodes:={names}: this graph has no '{name}'{did_you_mean(name, roles)}; it has {', '.join(roles)}"
        )
    here = [node for node in nodes if node.role in wanted]
    if any(node.role in ENVIRONMENTS for node in here):
        return here
    return [
        dataclasses.replace(node, parameters={**node.parameters, "ends_with_run": True})
        if node.role in _FOLLOWERS
        else node
        for node in here
    ]


def environment_for(arguments: LaunchArguments) -> Mapping[str, str]:
    """Environment of the nodes that a launch starts: how they find those of other machines."""
    return environment_of(
        arguments.network,
        arguments.peers,
        arguments.discovery_server,
        commands_robot=arguments.robot == "real",
        respawns=arguments.restarts,
    )
