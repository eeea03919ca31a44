"""Graphs as data: what both launchers start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrl.arguments import LaunchArguments, Value
from hrl.run_folder import RunFolder
from hrl_core.errors import HrlError

REMAPPINGS = (("/clock", "clock"), ("/tf", "tf"), ("/tf_static", "tf_static"))
"""rclpy hard-codes these global names; without the remapping two simulators interleave their clocks."""

NODE_ENVIRONMENT: Mapping[str, str] = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    # Read by Fast DDS 2 (Jazzy); its successor names the variable and the elements otherwise and ignores this.
    "FASTRTPS_DEFAULT_PROFILES_FILE": str(Path(__file__).with_name("fastdds.xml")),
    "OMP_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "RCUTILS_LOGGING_BUFFERED_STREAM": "1",
    "RCUTILS_CONSOLE_OUTPUT_FORMAT": "{severity}: {message}",
}
"""Environment of every node, each only where the user has not set it."""

SIMULATOR, MANAGER, WORKER, RECORDER = "simulator", "manager", "worker", "recorder"


@dataclass(frozen=True)
class NodeDescription:
    """One process to start."""

    package: str
    executable: str
    name: str
    namespace: str = ""
    """Without slash at either end, empty for the root."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    remappings: Sequence[tuple[str, str]] = REMAPPINGS
    arguments: Sequence[str] = ()
    """Of the program itself, before those of ROS."""
    role: str = ""
    """``simulator``, ``manager``, ``worker`` or ``recorder``; a recorder is stopped last."""
    respawn: bool = False
    """Whether it is started again when it dies."""
    required: bool = False
    """Whether its clean exit ends the graph."""
    expendable: bool = False
    """Whether the graph goes on without it when it dies: those who only look."""

    @property
    def logger(self) -> str:
        """Name of the node's ROS logger."""
        return ".".join([*self.namespace.split("/"), self.name]) if self.namespace else self.name


@dataclass(frozen=True)
class Processes:
    """Everything that is started together, in order."""

    nodes: Sequence[NodeDescription]
    log_level: str = "info"
    environment: Mapping[str, str] = field(default_factory=lambda: NODE_ENVIRONMENT)


@dataclass(frozen=True, kw_only=True)
class Graph(Processes):
    """The processes of a run, and where its results go."""

    folder: RunFolder

    @property
    def recorded(self) -> bool:
        """Whether a recorder takes part."""
        return any(node.role == RECORDER for node in self.nodes)


def _hiro_ant(arguments: LaunchArguments) -> Graph:
    # Loads torch: not before the arguments are known to be right.
    from hrl.hiro_ant import hiro_ant_graph

    return hiro_ant_graph(arguments)


GRAPHS: Mapping[str, Callable[[LaunchArguments], Graph]] = {"hiro_ant.launch.py": _hiro_ant}
"""Launch file -> the graph it stands for."""


def find_graph(launch_file: str) -> Callable[[LaunchArguments], Graph]:
    """Return the graph of a launch file (name or path); raises ``HrlError`` listing the known ones."""
    name = Path(launch_file).name
    if name not in GRAPHS:
        raise HrlError(f"unknown launch file '{launch_file}'; known: {', '.join(GRAPHS)}")
    return GRAPHS[name]
