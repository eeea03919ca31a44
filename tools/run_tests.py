"""Run pytest with the variables of ROS 2 set, so that tests can import messages; arguments go to pytest.

Without arguments every test is run: first, on all cores and one more since those that start a graph wait a third of
their life, all that do not judge by the clock; then, one by one, those that do. Left out is what learns a task for
minutes, kills again and again, or drives a browser, which `learning` as the first argument runs in the same way; and
what starts clusters, which `cluster` runs. CI does all three.

At the end it is listed what was skipped and what to install. HRL_MAY_SKIP names the parts (``optional_parts``) that may
be missing, with commas between them: any other skip is then a failure. Without it nothing has to be there.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from optional_parts import MISSING

from hrl.launching.environment import ensure_ros_environment

CORES = len(os.sched_getaffinity(0))


def _beside_each_other(marks: str, count: int) -> list[str]:
    return ["-m", marks, "--numprocesses", str(count), "--dist", "loadfile", "--no-loadscope-reorder"]


STAGES = {
    "": (
        _beside_each_other("not alone and not learning and not cluster", CORES + 1),
        # All of them start graphs: nothing else is looked through.
        ["-m", "alone and not learning and not cluster", "tests/graph"],
    ),
    "learning": (_beside_each_other("learning and not alone", CORES), ["-m", "learning and alone"]),
    "cluster": (["-m", "cluster"],),
}


def stages(arguments: list[str]) -> tuple[list[str], ...]:
    """Arguments of each run of pytest: those given, if there are any, make it one run."""
    kind, given = (arguments[0], arguments[1:]) if arguments[:1] and arguments[0] in STAGES else ("", arguments)
    if not given:
        return STAGES[kind]
    return ([*(("-m", kind) if kind else ()), *given],)


def skip_reasons(reports: Iterable[Path]) -> Counter[str]:
    """Why tests were skipped, and how many, according to JUnit reports; a stage that broke off has left none."""
    trees = [ElementTree.parse(report) for report in reports if report.is_file()]
    return Counter(skipped.get("message", "") for tree in trees for skipped in tree.iter("skipped"))


def unexpected(reasons: Iterable[str], may_skip: str) -> list[str]:
    """Those of the reasons that are no missing part out of ``may_skip``, a list with commas."""
    allowed = {name.strip() for name in may_skip.split(",")}
    return [reason for reason in reasons if MISSING not in reason or reason.split(MISSING)[0] not in allowed]


def main() -> int:
    """Run the tests; return the exit code of the first stage that fails, or 1 where something must not be skipped."""
    ensure_ros_environment()
    # Ignored where a shell has started this in the background; tests that press Ctrl-C would press it in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runs = stages(sys.argv[1:])
    # Threads of torch and BLAS that outnumber the cores wait for each other in a loop: every test ten times as slow.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    # Each process of pytest would rewrite all tests anew, which takes as long as many of them.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest"]
    with tempfile.TemporaryDirectory() as folder:
        reports = [Path(folder, f"{number}.xml") for number in range(len(runs))]
        codes = [
            subprocess.run([*command, f"--junit-xml={report}", *stage], env=environment, check=False).returncode
            for report, stage in zip(reports, runs, strict=True)
        ]
        skipped = skip_reasons(reports)
    if skipped:
        print(f"\nSkipped: {skipped.total()}")
        for reason, count in skipped.most_common():
            print(f"{count:5}  {reason}")
    may_skip = os.environ.get("HRL_MAY_SKIP")
    forbidden = [] if may_skip is None else unexpected(skipped, may_skip)
    for reason in forbidden:
        print(f"This must not be skipped here (HRL_MAY_SKIP={may_skip}): {reason}")
    return next((code for code in codes if code), int(bool(forbidden)))


if __name__ == "__main__":
    sys.exit(main())
