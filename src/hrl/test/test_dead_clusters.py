"""What killed clusters of this machine leave in /tmp: told and removed where nobody uses it, and nothing else."""

import os
import time

import pytest

from hrl.doctor.dead_clusters import dead_clusters, remove_dead_clusters
from hrl.doctor.finding import Verdict
from hrl_cluster.connection import IN_USE, PREFIX
from hrl_core.folder_locks import held


@pytest.fixture
def cluster(tmp_path):
    """Makes the folder of a cluster that was begun long ago."""
    (tmp_path / "proc" / "12").mkdir(parents=True)

    def make(name, age=60.0):
        folder = tmp_path / f"{PREFIX}{name}"
        (folder / "r" / "session").mkdir(parents=True)
        (folder / "r" / "session" / "log").write_text("x" * 1000)
        (folder / IN_USE).touch()
        begun = time.time() - age
        os.utime(folder, (begun, begun))
        return folder

    return make


def test_what_killed_clusters_left_is_told_and_removed(cluster, tmp_path):
    given, folder = (tmp_path, tmp_path / "proc"), cluster("dead")
    (tmp_path / "another").mkdir()
    finding = dead_clusters(*given)
    assert (finding.verdict, finding.fix) == (Verdict.NOTE, "hrl doctor --clean")
    assert finding.detail.startswith("1 folder of killed clusters in")
    assert remove_dead_clusters(*given) == 1
    assert not folder.exists()
    assert (tmp_path / "another").exists()
    assert dead_clusters(*given).verdict is Verdict.OK


def test_a_cluster_that_is_new_held_or_named_by_a_process_or_somebody_elses_is_left_alone(
    cluster, tmp_path, monkeypatch
):
    given = tmp_path, tmp_path / "proc"
    cluster("new", age=1.0)
    named, locked = cluster("named"), cluster("held")
    (tmp_path / "proc" / "12" / "cmdline").write_bytes(b"raylet\0--session-dir=%s/r/session\0" % os.fsencode(named))
    with held(locked / IN_USE, ""):
        assert remove_dead_clusters(*given) == 0
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert remove_dead_clusters(*given) == 0
    monkeypatch.undo()
    assert remove_dead_clusters(*given) == 1
    assert not locked.exists()
