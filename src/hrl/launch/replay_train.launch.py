"""A trainer that learns from recordings only: ``ros2 launch hrl replay_train.launch.py bags:=DIR ...``.

The graph is data in ``hrl.graphs.replay_train``; ``hrl launch replay_train.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("replay_train.launch.py")
