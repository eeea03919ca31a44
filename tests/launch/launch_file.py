"""Does what ``ros2 launch FILE name:=value ...`` does, for machines that have launch but no ros2cli."""

import sys

from launch.actions import IncludeLaunchDescription  # pyright: ignore[reportMissingImports]
from launch.launch_description_sources import (  # pyright: ignore[reportMissingImports]
    PythonLaunchDescriptionSource,
)

from launch import LaunchDescription, LaunchService  # pyright: ignore


def main() -> int:
    path, *words = sys.argv[1:]
    arguments = [tuple(word.split(":=", 1)) for word in words]
    source = PythonLaunchDescriptionSource(path)
    service = LaunchService(argv=words)
    service.include_launch_description(
        LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
    )
    return service.run()


if __name__ == "__main__":
    sys.exit(main())
