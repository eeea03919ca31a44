"""Run pytest with the variables of ROS 2 set, so that tests can import messages; arguments go to pytest."""

import sys

from hrl.environment import ensure_ros_environment


def main() -> int:
    """Run the tests and return the exit code of pytest."""
    ensure_ros_environment()
    # Not before: the line above may start the process again, and importing pytest twice takes time.
    import pytest

    return pytest.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
