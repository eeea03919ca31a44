"""Graphs as data: what both launchers start."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from hrl.arguments import Arguments, LaunchArguments, Value
from hrl.learning_arguments import HiroTrainArguments, ReplayTrainArguments
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


def environment_of(arguments: LaunchArguments) -> Mapping[str, str]:
    """Environment of the nodes of a run.

    Where a robot is commanded, no memory is shared and no repair put off: fastdds_robot.xml says why. It keeps to this
    machine by itself, since the range LOCALHOST would bring shared memory back.
    """
    subnet = arguments.network == "subnet"
    discovery, profile = "SUBNET" if subnet else "LOCALHOST", "fastdds.xml"
    if arguments.robot == "real":
        discovery = "SUBNET" if subnet else "SYSTEM_DEFAULT"
        profile = "fastdds_robot_subnet.xml" if subnet else "fastdds_robot.xml"
    ours = {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": discovery,
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(Path(__file__).with_name(profile)),
    }
    return {**NODE_ENVIRONMENT, **ours}


SIMULATOR, MANAGER, WORKER, RECORDER = "simulator", "manager", "worker", "recorder"
BRIDGE, ROBOT_SUPERVISOR, FAKE_ROBOT = "bridge", "supervisor", "fake_robot"
ENVIRONMENTS = (SIMULATOR, BRIDGE)
"""Roles that close the loop and report on it."""
RELABELER, TRAINER, DASHBOARD = "relabeler", "trainer", "dashboard"


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
    """``simulator``, ``manager``, ``worker``, ``recorder``, ...; a recorder is stopped last."""
    respawn: bool = False
    """Whether it is started again when it dies."""
    required: bool = False
    """Whether the graph ends once it, and all others of which that is said, have ended cleanly."""
    expendable: bool = False
    """Whether the graph goes on without it when it dies: those who only look."""
    moves_robot: bool = False
    """Whether it commands a robot, or stands for one: it is never killed without being asked first."""
    label: str = ""
    """What people are shown, distinct in the graph; empty: the name."""

    def __post_init__(self) -> None:
        """Fill in the label."""
        object.__setattr__(self, "label", self.label or self.name)

    @property
    def saves(self) -> bool:
        """Whether it has something to save when it is told to end."""
        return self.role in (RECORDER, TRAINER, RELABELER)

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

    @property
    def learns(self) -> bool:
        """Whether a trainer takes part."""
        return any(node.role == TRAINER for node in self.nodes)


@dataclass(frozen=True, kw_only=True)
class Graph(Processes):
    """The processes of a run, and where its results go."""

    folder: RunFolder
    robots: Sequence[RunFolder] = ()
    """Folders of the robots where there are several, each with a recording and a report."""

    def prepare(self) -> None:
        """Create the folders; raises ``HrlError`` when they cannot be written."""
        for folder in (self.folder, *self.robots):
            folder.prepare()

    @property
    def reports(self) -> Sequence[RunFolder]:
        """Folders in which a simulator or bridge leaves its report."""
        if any(node.role in ENVIRONMENTS for node in self.nodes):
            return self.robots or (self.folder,)
        return ()

    @property
    def recorded(self) -> bool:
        """Whether a recorder takes part."""
        return any(node.role == RECORDER for node in self.nodes)


class LaunchFile(NamedTuple):
    """What a launch file stands for."""

    arguments: type[Arguments]
    build: Callable[[Any], Graph]
    """Graph of given arguments."""


def _hiro_ant(arguments: LaunchArguments) -> Graph:
    # Loads torch: not before the arguments are known to be right.
    from hrl.hiro_ant import hiro_ant_graph

    return hiro_ant_graph(arguments)


def _hiro_train(arguments: HiroTrainArguments) -> Graph:
    from hrl.hiro_train import hiro_train_graph

    return hiro_train_graph(arguments)


def _replay_train(arguments: ReplayTrainArguments) -> Graph:
    from hrl.replay_train import replay_train_graph

    return replay_train_graph(arguments)


GRAPHS: Mapping[str, LaunchFile] = {
    "hiro_ant.launch.py": LaunchFile(LaunchArguments, _hiro_ant),
    "hiro_train.launch.py": LaunchFile(HiroTrainArguments, _hiro_train),
    "replay_train.launch.py": LaunchFile(ReplayTrainArguments, _replay_train),
}
"""Launch file -> the graph it stands for."""


def find_graph(launch_file: str) -> LaunchFile:
    """Return what a launch file (name or path) stands for; raises ``HrlError`` listing the known ones."""
    name = Path(launch_file).name
    if name not in GRAPHS:
        raise HrlError(f"unknown launch file '{launch_file}'; known: {', '.join(GRAPHS)}")
    return GRAPHS[name]
