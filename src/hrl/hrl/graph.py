"""The graph as data: what both launchers start, checked before anything does."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hrl.arguments import LaunchArgumentError, LaunchArguments, Value
from hrl.provenance import git_commit
from hrl.run_folder import RunFolder
from hrl.shipped_policies import resolve_policy
from hrl_core.checkpoint import Checkpoint, load_checkpoint
from hrl_core.errors import HrlError
from hrl_core.task import TaskSpec, load_task

REMAPPINGS = (("/clock", "clock"), ("/tf", "tf"), ("/tf_static", "tf_static"))
"""rclpy hard-codes these global names; without the remapping two simulators interleave their clocks."""

NODE_ENVIRONMENT: Mapping[str, str] = {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    # Measured faster than shared memory for small messages, and leaves nothing in /dev/shm.
    "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
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
    role: str = ""
    """``simulator``, ``manager``, ``worker`` or ``recorder``; a recorder is stopped last."""
    respawn: bool = False
    """Whether it is started again when it dies."""
    required: bool = False
    """Whether its clean exit ends the graph."""

    @property
    def logger(self) -> str:
        """Name of the node's ROS logger."""
        return ".".join([*self.namespace.split("/"), self.name]) if self.namespace else self.name


@dataclass(frozen=True)
class Graph:
    """Everything that is started together, in order, and where its results go."""

    nodes: Sequence[NodeDescription]
    folder: RunFolder
    log_level: str = "info"
    environment: Mapping[str, str] = field(default_factory=lambda: NODE_ENVIRONMENT)

    @property
    def recorded(self) -> bool:
        """Whether a recorder takes part."""
        return any(node.role == RECORDER for node in self.nodes)


def hiro_ant_graph(arguments: LaunchArguments) -> Graph:
    """Describe simulator, manager, worker and recorder; load task and policy to be sure that they fit.

    Raises:
        HrlError: what is asked for cannot be run; nothing has been started or written.
    """
    _refuse_unbuilt(arguments)
    task = load_task(arguments.task)
    if arguments.goal_vector:
        task.check_goal(np.array(arguments.goal_vector), "argument goal")
    policy = resolve_policy(arguments.policy, task)
    checkpoint = _checked_checkpoint(policy, task)
    folder = RunFolder.of(arguments, policy, checkpoint.trained, git_commit())
    folder.require_free()
    namespace = arguments.namespace.strip("/")
    shared = {"autostart": arguments.autostart}
    waiting = {**shared, "wait_limit": arguments.wait_limit}
    deciding = {**waiting, "policy": str(policy)}
    simulator = {**_simulator_parameters(arguments, folder), **waiting}
    recorder = {**shared, "bag": str(folder.bag), "git_commit": folder.git_commit}

    def node(package: str, role: str, parameters: Mapping[str, Value], respawn: bool = False) -> NodeDescription:
        required = role == SIMULATOR
        return NodeDescription(package, role, role, namespace, parameters, REMAPPINGS, role, respawn, required)

    nodes = [
        node("hrl_manager", MANAGER, deciding, arguments.respawn),
        node("hrl_worker", WORKER, deciding, arguments.respawn),
        node("hrl_sim", SIMULATOR, simulator),
    ]
    if arguments.record:
        nodes.insert(0, node("hrl_training", RECORDER, recorder))
    return Graph(tuple(nodes), folder, arguments.log_level)


GRAPHS: Mapping[str, Callable[[LaunchArguments], Graph]] = {"hiro_ant.launch.py": hiro_ant_graph}
"""Launch file -> the graph it stands for."""


def find_graph(launch_file: str) -> Callable[[LaunchArguments], Graph]:
    """Return the graph of a launch file, given by name or path; raises ``HrlError`` listing the known ones."""
    name = Path(launch_file).name
    if name not in GRAPHS:
        raise HrlError(f"unknown launch file '{launch_file}'; known: {', '.join(GRAPHS)}")
    return GRAPHS[name]


def _refuse_unbuilt(arguments: LaunchArguments) -> None:
    if arguments.robot == "real":
        raise HrlError("robot:=real: the bridge to a real robot is not built yet; use robot:=sim")
    if arguments.viewer:
        raise HrlError("viewer:=true: the web viewer is not built yet; use viewer:=false")
    if arguments.rviz and shutil.which("rviz2") is None:
        raise HrlError("rviz:=true: rviz2 is not installed (Debian package ros-$ROS_DISTRO-rviz2); use rviz:=false")
    if arguments.rviz:
        raise HrlError("rviz:=true: the rviz configuration is not built yet; use rviz:=false")


def _checked_checkpoint(policy: Path, task: TaskSpec) -> Checkpoint:
    """Load the policy as its nodes will; raises ``HrlError`` when they could not."""
    checkpoint = load_checkpoint(policy)
    try:
        checkpoint.require_task(task)
    except HrlError as error:
        raise LaunchArgumentError(f"policy {policy}: {error}") from None
    checkpoint.manager()
    checkpoint.worker()
    return checkpoint


def _simulator_parameters(arguments: LaunchArguments, folder: RunFolder) -> dict[str, Value]:
    return {
        "task": arguments.task,
        "clock": arguments.mode,
        "real_time_factor": arguments.rtf,
        "episodes": arguments.episodes,
        "seed": arguments.seed,
        "goal": arguments.goal,
        "episode_mode": "train" if arguments.explore else "eval",
        "robot": arguments.namespace.strip("/") or "robot",
        "out": str(folder.path),
        "recorder": arguments.record,
    }
