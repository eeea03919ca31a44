"""Makes runs of one folder side by side, shown as they go, with nobody else at work there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from hrl.results.lines import tell
from hrl.sweeps.lock import only_sweep
from hrl.sweeps.processes import StopRequests, make_all
from hrl.sweeps.progress import SweepProgress
from hrl.sweeps.sweep_run import SweepRun
from hrl_core.errors import HrlError
from hrl_core.whole_folders import writable


@dataclass(frozen=True)
class Workers:
    """What runs are made by."""

    jobs: int | None = None
    """Most runs at a time; None: one, or as many as the cluster has cores for."""
    cluster: str = ""
    """Address of a cluster; empty: processes of this machine."""
    cores: int = 1
    """That a run takes of the cluster."""


_Make = Callable[[Sequence[SweepRun], int, StopRequests, SweepProgress], None]
"""Makes runs; the number is a file descriptor that their processes inherit."""


def make_runs(
    folder: Path,
    runs: Sequence[SweepRun],
    workers: Workers,
    console: Console,
    begin: Callable[[], object] = lambda: None,
) -> tuple[list[tuple[str, str]], bool]:
    """Make what is left of some runs.

    Args:
        folder: that they lie in.
        runs: all of them, those that are finished included.
        workers: by what.
        console: where it is shown.
        begin: called once nobody else is at work there.

    Returns:
        Folders of those that failed with the reason, and whether it was stopped before the end.

    Raises:
        HrlError: the folder cannot be written, somebody else is at work there, or there is no such cluster.
    """
    with writable(f"--out {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    left = [run for run in runs if not run.finished]
    with _maker(folder, workers if left else Workers()) as (jobs, where, make):
        # After the cluster, which takes over signals.
        stop = StopRequests()
        try:
            with only_sweep(folder, lambda line: tell(line, console), stop) as lock:
                with writable(f"--out {folder}"):
                    begin()
                progress = SweepProgress(runs, console)
                progress.begin(jobs, where)
                try:
                    make(left, lock, stop, progress)
                finally:
                    progress.close()
        finally:
            stop.close()
    failed = [(str(run.folder), why) for run, why in progress.failed.items()]
    return failed, stop() and not all(run.finished for run in left)


@contextmanager
def _maker(folder: Path, workers: Workers) -> Iterator[tuple[int, str, _Make]]:
    """Most runs at a time, where, and what makes them."""
    if not workers.cluster:
        jobs = workers.jobs or 1
        yield jobs, "", lambda runs, lock, stop, progress: make_all(runs, jobs, lock, stop, progress)
        return
    from hrl.sweeps.on_cluster import make_on_cluster
    from hrl_cluster.connection import connected

    with connected(workers.cluster) as cluster:
        room = cluster.room_for(workers.cores)
        if not room:
            most = max((int(node.cores) for node in cluster.nodes), default=0)
            raise HrlError(f"--cpus {workers.cores}: a run has the cores of one node, at most {most} of the {cluster}")
        jobs = workers.jobs or room
        make = partial(make_on_cluster, folder, cluster=cluster, jobs=jobs, cores=workers.cores)
        yield jobs, f" on {cluster}", lambda runs, lock, stop, progress: make(runs, stop=stop, watcher=progress)
