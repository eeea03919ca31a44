"""Where a sweep can be made: in folders whose file system locks files, on nodes that have room for a run."""

import errno
import fcntl
import os
from contextlib import contextmanager

import pytest
from rich.console import Console

from hrl.sweeps.lock import only_sweep
from hrl.sweeps.making import Workers, make_runs
from hrl.sweeps.sweep_run import SweepRun
from hrl_cluster.connection import Cluster, Node
from hrl_core.errors import HrlError
from hrl_core.folder_locks import only_process


def test_a_folder_without_locks_is_refused_by_name(tmp_path, monkeypatch):
    def refuse(number, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    why = rf"the file system of {tmp_path} does not lock files \(flock: No locks available\)"
    with pytest.raises(HrlError, match=why), only_sweep(tmp_path, print, lambda: False):
        pass
    with pytest.raises(HrlError, match=why), only_process(tmp_path):
        pass


def test_runs_that_no_single_node_has_the_cores_for_are_refused(tmp_path, monkeypatch):
    nodes = Node("10.0.0.1", 4.0, "a"), Node("10.0.0.2", 2.0, "b")

    @contextmanager
    def connected(address):
        yield Cluster(address, nodes)

    monkeypatch.setattr("hrl_cluster.connection.connected", connected)
    workers = Workers(cluster="10.0.0.1:6379", cores=5)
    run = SweepRun("run", tmp_path / "run", (), {"steps": 100})
    with pytest.raises(
        HrlError, match="--cpus 5: a run has the cores of one node, at most 4 of the 6 cores of 2 nodes"
    ):
        make_runs(tmp_path, [run], workers, Console())
