"""Any policy, with whom it needs, a manager or none: ``ros2 launch hrl policy.launch.py policy:=NAME_OR_FOLDER ...``.

The graph is data in ``hrl.graphs.policy``; ``hrl launch policy.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("policy.launch.py")
