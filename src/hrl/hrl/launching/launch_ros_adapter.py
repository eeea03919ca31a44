"""Turns a graph into actions of ``launch_ros``; imported by launch files only, for it needs that package."""

# The package may be missing where types are checked, and `launch` then means this repository's folder.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import functools
import os
import signal
import time
from collections.abc import Iterable

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.logging import get_logger
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from rich.console import Console

from hrl.graphs.argument_table import arguments_of, parse_values, unknown_names
from hrl.graphs.graph import ENVIRONMENTS, RECORDER, TRAINER, Graph, NodeDescription
from hrl.graphs.launch_files import find_graph
from hrl.launching.ending import Ending
from hrl.launching.security import enclave_arguments
from hrl.launching.supervisor import Patience
from hrl.results.run_summaries import write_summaries
from hrl_core.control.restart_budget import RestartBudget
from hrl_core.errors import HrlError
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

_RESTART_DELAY = 0.5
"""Seconds; launch needs some to notice a shutdown, else it restarts a node that it is about to end."""
_ENDING = 2.5
"""Seconds that a node which has nothing to save may take to end; launch does not look whether it works on it."""
_OWN_OF_LAUNCH = ("emulate_tty", "global_params", "launch-prefix", "launch-prefix-filter", "ros_namespace")
_OWN_OF_LAUNCH += ("ros_params", "ros_remaps", "sigkill_timeout", "sigterm_timeout")
"""Configurations that launch itself reads, beside our arguments."""


def launch_description(launch_file: str) -> LaunchDescription:
    """Return what a launch file of this name describes: our arguments, and the graph made of their values."""
    declared = [
        DeclareLaunchArgument(a.name, default_value=a.shown_default, description=a.explanation)
        for a in arguments_of(find_graph(launch_file).arguments)
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_start, args=[launch_file])])


def _start(context: LaunchContext, launch_file: str) -> list[LaunchDescriptionEntity]:
    """Resolve the arguments; an ``HrlError`` raised here ends ``ros2 launch`` before anything has started."""
    file = find_graph(launch_file)
    rows = arguments_of(file.arguments)
    values = dict(context.launch_configurations)
    foreign = [name for name in unknown_names(list(values), file.arguments) if name not in _OWN_OF_LAUNCH]
    if foreign:
        valid = ", ".join(row.name for row in rows)
        get_logger("hrl").warning(f"ignored unknown arguments {', '.join(foreign)}; valid ones are: {valid}")
    values = {row.name: values[row.name] for row in rows}
    if (outer := _outer_namespace(context)) and not values["namespace"].startswith("/"):
        values["namespace"] = "/".join(part for part in (outer, values["namespace"]) if part)
    graph = file.build(parse_values(values, file.arguments))
    graph.prepare()
    run = _Run(graph)
    environment = [
        SetEnvironmentVariable(name, value)
        for name, value in graph.environment.items()
        if name not in context.environment
    ]
    return [*environment, *(run.action(node) for node in graph.nodes)]


def _outer_namespace(context: LaunchContext) -> str:
    """Return the namespace that a parent launch file has pushed, without slashes at its ends."""
    return context.launch_configurations.get("ros_namespace", "").strip("/")


class _Run:
    """Watches the ends of one graph's processes."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._budgets = {node.label: RestartBudget() for node in graph.nodes}
        self._required = {node.label for node in graph.nodes if node.required}
        self._awaited = {node.label for node in graph.nodes if node.role in (*ENVIRONMENTS, RECORDER, TRAINER)}
        """Nodes whose results the summaries need."""
        self._ending = False
        """Whether the graph has asked for the end itself: by its own end, or by a failure."""

    def action(self, node: NodeDescription) -> Node:
        """Return the action that runs ``node``."""
        # Typed values: launch_ros would read a text such as "2024" as a number.
        parameters = {name: ParameterValue(value, value_type=type(value)) for name, value in node.parameters.items()}
        return Node(
            package=node.package,
            executable=node.executable,
            name=node.name,
            namespace=f"/{node.namespace}" if node.namespace else None,
            exec_name=node.label,
            arguments=list(node.arguments),
            parameters=[parameters],
            remappings=list(node.remappings),
            ros_arguments=[
                "--log-level",
                f"{node.logger}:={self._graph.log_level}",
                *enclave_arguments(node, os.environ),
            ],
            output="screen",
            respawn=node.respawn,
            respawn_delay=_RESTART_DELAY,
            # Bags are to be closed and copied, the state of training written, whatever that takes.
            sigterm_timeout=str(Patience().saving if node.saves else _ENDING),
            sigkill_timeout="1.0",
            on_exit=functools.partial(self._on_exit, node),
        )

    def _on_exit(
        self, node: NodeDescription, event: ProcessExited, context: LaunchContext
    ) -> Iterable[LaunchDescriptionEntity] | None:
        """Sum up, end the graph, or raise: nothing else gives ``ros2 launch`` an exit code other than 0."""
        stopping = context.is_shutdown
        ending = Ending(event.returncode, (signal.SIGINT,) if stopping else ())
        well = ending.clean or ending.stuck
        dies = not well and not stopping
        if dies and node.respawn and self._budgets[node.label].take(time.monotonic()):
            return None
        whole = self._sum_up(node, stopped=stopping and not self._ending)
        if well or (stopping and ending.interrupted):
            self._required.discard(node.label)
            if not whole:
                raise self._failure("the run's summary could not be made or lacks messages, as is told above")
            if stopping or not node.required or self._required:
                return None
            self._ending = True
            return [EmitEvent(event=Shutdown(reason=f"{node.label} has ended"))]
        if node.expendable:
            get_logger("hrl").error(f"{node.label} died: {ending}; the run goes on without it")
            return None
        raise self._failure(f"{node.label} {'did not end cleanly' if stopping else 'died'}: {ending}")

    def _failure(self, message: str) -> HrlError:
        self._ending = True
        return HrlError(message)

    def _sum_up(self, node: NodeDescription, stopped: bool) -> bool:
        """Write the summaries once the last node has ended that they need; False: as ``write_summaries``."""
        if node.label not in self._awaited:
            return True
        self._awaited.discard(node.label)
        return bool(self._awaited) or write_summaries(self._graph, Console(), stopped)
