"""Makes runs of one folder side by side, shown as they go, with nobody else at work there."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from hrl.sweeps.lock import only_sweep
from hrl.sweeps.processes import StopRequests, make_all
from hrl.sweeps.progress import SweepProgress
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError


def make_runs(
    folder: Path,
    runs: Sequence[SweepRun],
    jobs: int,
    console: Console,
    begin: Callable[[], object] = lambda: None,
) -> tuple[list[tuple[str, str]], bool]:
    """Make what is left of some runs.

    Args:
        folder: that they lie in.
        runs: all of them, those that are finished included.
        jobs: most processes at a time.
        console: where it is shown.
        begin: called once nobody else is at work there.

    Returns:
        Folders of those that failed with the reason, and whether it was stopped before the end.

    Raises:
        HrlError: the folder cannot be written, or somebody else is at work there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HrlError(f"--out {folder} cannot be written: {error.strerror}") from None
    stop = StopRequests()
    try:
        with only_sweep(folder, lambda line: console.print(line, soft_wrap=True), stop) as lock:
            begin()
            progress = SweepProgress(runs, console)
            left = [run for run in runs if not run.finished]
            progress.begin(jobs)
            try:
                make_all(left, jobs, lock, stop, progress)
            finally:
                progress.close()
    finally:
        stop.close()
    failed = [(str(run.folder), why) for run, why in progress.failed.items()]
    return failed, stop() and not all(run.finished for run in left)
