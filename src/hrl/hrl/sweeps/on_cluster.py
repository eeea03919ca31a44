"""The runs of a sweep on a cluster: each one call, which makes ``hrl train`` on a node that has a core for it."""

import dataclasses
import os
import platform
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hrl.launching.ending import Ending
from hrl.sweeps.lock import is_held_here
from hrl.sweeps.processes import RunProcess, StopRequests, Watcher
from hrl.sweeps.sweep_run import SweepRun
from hrl_cluster.connection import Cluster
from hrl_core.errors import HrlError
from hrl_core.folder_locks import only_process

_STOPPED = Ending(128 + signal.SIGINT, (signal.SIGTERM,))
"""Of a run that was stopped before it had begun."""


class _Place(NamedTuple):
    """What the nodes need to know."""

    folder: Path
    """Of the sweep."""
    cwd: Path
    """Where it was called."""
    cores: int
    """Of a run."""


def make_on_cluster(
    folder: Path,
    runs: Sequence[SweepRun],
    cluster: Cluster,
    jobs: int,
    cores: int,
    stop: StopRequests,
    watcher: Watcher,
) -> None:
    """Make runs, so many at a time, until all have ended or a stop is asked for.

    A run whose process or node is lost goes on from its last state, wherever there is a core.

    Args:
        folder: of the sweep, which all nodes share.
        runs: in the order in which they begin.
        cluster: where.
        jobs: most at a time.
        cores: that each may use.
        stop: asks them to end.
        watcher: is told.
    """
    place = _Place(folder.absolute(), Path.cwd(), cores)
    # Nodes work elsewhere than here; whoever watches knows the runs as they were given.
    known = {dataclasses.replace(run, folder=run.folder.absolute()): run for run in runs}
    calls = cluster.calls(_make, place, cores=cores)
    for outcome in calls.outcomes(list(known), jobs, stop, lambda run: watcher.started(known[run]), watcher.look):
        if outcome.error is not None:
            watcher.lost(known[outcome.item], str(outcome.error))
        else:
            watcher.ended(known[outcome.item], outcome.result or _STOPPED)


def _make(run: SweepRun, place: _Place) -> Ending:
    """Make a run on this node, or go on with it.

    Raises:
        HrlError: the node does not share the folders.
        MakeAgainError: something has killed it.
    """
    from hrl_cluster.calls import MakeAgainError

    if not (is_held_here(place.folder) and place.cwd.is_dir()):
        raise HrlError(
            f"{platform.node()} does not see {place.folder} or {place.cwd}: the folder of a sweep, and that in which it"
            " is called, must be the same on all nodes"
        )
    process: RunProcess | None = None
    try:
        with only_process(run.folder) as lock:
            if run.finished:
                return Ending(os.EX_OK)
            process = RunProcess(run, lock, place.cores, place.cwd)
            ending = process.wait()
    except OSError as error:
        raise HrlError(f"{run.folder} cannot be written on {platform.node()}: {error.strerror}") from None
    except KeyboardInterrupt:
        # Somebody stops the sweep.
        if process is None:
            return _STOPPED
        process.ask_to_end()
        return process.wait()
    if ending.returncode < 0:
        raise MakeAgainError(str(ending))
    return ending
