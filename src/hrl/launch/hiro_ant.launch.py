"""The Ant in its maze, led by a manager and a worker: ``ros2 launch hrl hiro_ant.launch.py name:=value ...``.

The graph is data in ``hrl.graphs.policy``; ``hrl launch hiro_ant.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("hiro_ant.launch.py")
