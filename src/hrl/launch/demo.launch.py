"""A scripted expert shows how a task is done: ``ros2 launch hrl demo.launch.py task:=push_point ...``.

The graph is data in ``hrl.graphs.demo``; ``hrl launch demo.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("demo.launch.py")
