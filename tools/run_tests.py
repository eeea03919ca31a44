"""Run pytest with the variables of ROS 2 set, so that tests can import messages; arguments go to pytest.

Without arguments every test is run: first those that start no graph, on all cores, then those that do, two at a time
since a graph waits a third of its life, at last one by one those that judge by the clock. Left out is what learns a
task for minutes: `make test-learning` runs that, and CI does.
"""

import os
import subprocess
import sys

from hrl.environment import ensure_ros_environment

STAGES = (
    ["-m", "not ros and not learning", "--numprocesses", "auto", "--dist", "loadfile"],
    ["-m", "ros and not alone", "--numprocesses", "2", "--dist", "loadfile"],
    ["-m", "ros and alone"],
)


def main() -> int:
    """Run the tests and return the exit code of pytest, of the first stage that fails."""
    ensure_ros_environment()
    stages = [sys.argv[1:]] if sys.argv[1:] else STAGES
    # Threads of torch and BLAS that outnumber the cores wait for each other in a loop: every test ten times as slow.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    command = [sys.executable, "-m", "pytest"]
    codes = [subprocess.run([*command, *stage], env=environment, check=False).returncode for stage in stages]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
