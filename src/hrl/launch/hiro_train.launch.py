"""Robots that act and record, one trainer that follows them: ``ros2 launch hrl hiro_train.launch.py name:=value ...``.

The graph is data in ``hrl.graphs.train``; ``hrl launch hiro_train.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("hiro_train.launch.py")
