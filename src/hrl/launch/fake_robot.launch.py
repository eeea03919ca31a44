"""The fake robot in the place of a robot's drivers: ``ros2 launch hrl fake_robot.launch.py namespace:=robot_1 ...``.

The graph is data in ``hrl.graphs.fake_robot``; ``hrl launch fake_robot.launch.py`` starts it without this file.
"""

from hrl.launching.launch_ros_adapter import launch_description
from launch import LaunchDescription  # pyright: ignore[reportMissingImports, reportAttributeAccessIssue]


def generate_launch_description() -> LaunchDescription:
    """Describe arguments and nodes."""
    return launch_description("fake_robot.launch.py")
