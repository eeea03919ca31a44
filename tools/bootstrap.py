"""Set the workspace up: virtual environment, pinned packages, build. Run it with `make setup`.

A second run finds nothing to do and ends at once; a run that was interrupted is repaired by the next one.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from hrl_setup.build_stage import BuildStage
from hrl_setup.errors import SetupError
from hrl_setup.host import check_machine, check_tools, sourced_ros
from hrl_setup.lock import SetupLock
from hrl_setup.progress import CommandRunner
from hrl_setup.venv_stage import VenvStage

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Run the stages and return the exit code."""
    started = time.monotonic()
    try:
        check_machine()
        check_tools()
        with SetupLock(ROOT / ".setup.lock") as lock:
            ros = sourced_ros()
            runner = CommandRunner(ROOT, lock)
            venv = VenvStage(ROOT, ros, os.environ.get("HRL_ROLE", ""))
            installed = venv.run(runner)
            built = BuildStage(ROOT, venv).run(runner)
            if installed or built:
                program = ROOT / "tools" / "hrl_setup" / "first_imports.py"
                log = venv.folder / "log" / "imports.log"
                runner.run("import everything once", [venv.python, program], log, {**os.environ})
    except SetupError as error:
        print(f"[setup] error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("[setup] interrupted; the next run repairs it", file=sys.stderr)
        return 130
    print(f"[setup] ready, {f'ROS 2 {ros} as sourced' if ros else 'ROS 2 from wheels'}", end=" ")
    print(f"({time.monotonic() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
