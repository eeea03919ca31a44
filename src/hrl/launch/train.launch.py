"""Robots and a trainer: ``ros2 launch hrl train.launch.py algorithm:=NAME task:=NAME name:=value ...``.

The graph is data in ``hrl.graphs.train``; ``hrl launch train.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("train.launch.py")
