"""Graphs as data: what both launchers start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrl.graphs.argument_table import Value
from hrl.graphs.run_folder import RunFolder

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


def environment_of(
    network: str, peers: str = "", discovery_server: str = "", *, commands_robot: bool = False, respawns: bool = False
) -> Mapping[str, str]:
    """Environment of the nodes of a run; ``network``, ``peers``, ``discovery_server`` as in the launch arguments.

    Where nodes are killed and come back no memory is shared: fastdds_respawn.xml says why. Where a robot is commanded
    no repair is put off either: fastdds_robot.xml. Both keep to this machine by themselves, since the range LOCALHOST
    would bring shared memory back.
    """
    subnet = network == "subnet"
    if commands_robot:
        profile = "fastdds_robot_subnet.xml" if subnet else "fastdds_robot.xml"
    else:
        profile = "fastdds_respawn.xml" if respawns and not subnet else "fastdds.xml"
    own_range = "SYSTEM_DEFAULT" if commands_robot or respawns else "LOCALHOST"
    ours = {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET" if subnet else own_range,
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(Path(__file__).with_name(profile)),
    }
    if peers:
        ours["ROS_STATIC_PEERS"] = ";".join(peer.strip() for peer in peers.split(","))
    if discovery_server:
        # Ours look at nodes by name: all must hear of all, not only of those whose topics they share.
        ours |= {"ROS_DISCOVERY_SERVER": discovery_server, "ROS_SUPER_CLIENT": "TRUE"}
    if respawns and subnet:
        ours["FASTDDS_BUILTIN_TRANSPORTS"] = "UDPv4"
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
