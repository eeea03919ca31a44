"""The nodes of a graph that only look: markers, web viewer, rviz. The graph goes on when they die."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hrl.graphs.argument_table import Value
from hrl.graphs.arguments import LaunchArguments
from hrl.graphs.graph import NodeDescription
from hrl.graphs.rviz_config import rviz_config
from hrl_core.errors import HrlError
from hrl_core.task.spec import TaskSpec

MARKERS, VIEWER, RVIZ = "markers", "viewer", "rviz"
PACKAGE = "hrl_viz"


def onlooker_nodes(arguments: LaunchArguments, task: TaskSpec) -> list[NodeDescription]:
    """Describe what ``viewer``, ``rviz`` and ``markers`` ask for.

    Raises:
        HrlError: rviz2 is asked for but not installed.
    """
    namespace = arguments.namespace.strip("/")
    nodes = []
    if arguments.markers or arguments.viewer or arguments.rviz:
        nodes.append(markers_node(namespace, task))
    if arguments.viewer:
        nodes.append(viewer_node(namespace, arguments.viewer_host, arguments.viewer_port))
    if arguments.rviz:
        nodes.append(rviz_node(namespace, task.frame))
    return nodes


def markers_node(namespace: str, task: TaskSpec | None, more: Mapping[str, Value] | None = None) -> NodeDescription:
    """Describe the markers node, which may import what ``task`` names; ``more`` are further parameters."""
    modules = "" if task is None else task.env_id.rpartition(":")[0]
    return onlooker(MARKERS, namespace, {"modules": modules, **(more or {})})


def viewer_node(namespace: str, host: str, port: int, more: Mapping[str, Value] | None = None) -> NodeDescription:
    """Describe the web viewer; ``more`` are further parameters."""
    return onlooker(VIEWER, namespace, {"host": host, "port": port, **(more or {})})


def onlooker(executable: str, namespace: str, parameters: Mapping[str, Value] | None = None) -> NodeDescription:
    """Describe a node of ``hrl_viz`` that only looks."""
    return NodeDescription(
        package=PACKAGE,
        executable=executable,
        name=executable,
        namespace=namespace,
        parameters=parameters or {},
        role=executable,
        expendable=True,
    )


def rviz_node(namespace: str, frame: str) -> NodeDescription:
    """Describe rviz2 with the shipped configuration; raises ``HrlError`` when it is not installed."""
    if shutil.which("rviz2") is None:
        raise HrlError(
            "rviz:=true: rviz2 is not installed (package ros-$ROS_DISTRO-rviz2, on a sourced ROS 2 installation); "
            "viewer:=true shows the same markers in a browser without it"
        )
    return NodeDescription(
        package="rviz2",
        executable="rviz2",
        name=RVIZ,
        namespace=namespace,
        arguments=_arguments(namespace, frame),
        role=RVIZ,
        expendable=True,
    )


def _arguments(namespace: str, frame: str) -> Sequence[str]:
    """Write the shipped configuration, fitted to the namespace, where rviz can read it."""
    folder = Path(tempfile.mkdtemp(prefix="hrl_rviz_"))
    path = folder / "hrl.rviz"
    path.write_text(rviz_config(namespace, frame))
    return ("-d", str(path))
