"""Calls on a cluster of this machine: what becomes of results, errors, lost processes and requests to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from hrl_cluster.connection import LOCAL, connected
from hrl_core.errors import HrlError

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.needs("ray")]
AT_ONCE = 2


@pytest.fixture(scope="module")
def cluster():
    with connected(LOCAL, AT_ONCE) as made:
        yield made


def test_results_come_in_the_order_of_their_items_and_in_one_thread_each(cluster):
    def work(item, shared):
        # The first ones take longest.
        time.sleep(0.2 * (3 - item))
        return item, shared, torch.get_num_threads(), os.getpid()

    told = []
    results = cluster.calls(work, "shared").results(range(4), AT_ONCE, told.append)
    assert [result[:3] for result in results] == [(item, "shared", 1) for item in range(4)]
    assert os.getpid() not in {result[3] for result in results}
    assert told == [1, 2, 3, 4]


def test_an_error_for_people_is_told_as_it_was_raised(cluster):
    def refuse(item):
        raise HrlError(f"no {item}")

    with pytest.raises(HrlError, match="no bread"):
        cluster.calls(refuse).results(["bread"], AT_ONCE)


def test_a_call_whose_process_is_killed_is_made_again(cluster, tmp_path):
    def work(item):
        mark = tmp_path / str(item)
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    assert cluster.calls(work).results([1, 2], AT_ONCE) == [1, 2]


def test_a_call_that_kills_whoever_makes_it_is_given_up(cluster):
    def work(item):
        if item:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    outcomes = {outcome.item: outcome for outcome in cluster.calls(work).outcomes([0, 1], AT_ONCE)}
    assert outcomes[0].result == 0
    assert outcomes[1].result is None
    assert "lost 4 times" in str(outcomes[1].error)


def test_a_request_to_stop_interrupts_what_runs_and_begins_nothing_more(cluster, tmp_path):
    def work(item):
        try:
            (tmp_path / str(item)).touch()
            for _ in range(600):
                time.sleep(0.1)
        except KeyboardInterrupt:
            return "saved"
        return "finished"

    stop, begun = SimpleNamespace(count=0), []

    def look():
        # Begun is what was handed out: a process for it may yet have to start.
        stop.count = int(len(list(tmp_path.iterdir())) == AT_ONCE)

    outcomes = list(cluster.calls(work).outcomes(range(4), AT_ONCE, stop, begun.append, look))
    assert sorted(begun) == [0, 1]
    assert [outcome.result for outcome in outcomes] == ["saved", "saved"]


def test_a_cluster_of_this_machine_listens_to_nobody_else(cluster):
    assert [node.name for node in cluster.nodes] == ["127.0.0.1"]
    family = psutil.Process().children(recursive=True)
    listening = [
        each.laddr.ip
        for process in [psutil.Process(), *family]
        for each in process.net_connections("inet")
        if each.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 3
    assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert len(os.environ["RAY_AUTH_TOKEN"]) >= 32
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_cluster_of_this_machine_leaves_nothing_behind():
    program = """
from pathlib import Path
from hrl_cluster.connection import LOCAL, connected
with connected(LOCAL, 1):
    for folder in Path("/tmp").glob("hrl_ray_*"):
        print(folder, oct(folder.stat().st_mode))
"""
    before = set(Path("/tmp").glob("hrl_ray_*"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    folders = {Path(folder): mode for folder, mode in map(str.split, done.stdout.splitlines())}
    (own,) = folders.keys() - before
    assert folders[own].endswith("700")
    assert not own.exists()
    assert not [each for each in psutil.process_iter() if any(str(own) in word for word in _words(each))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize(
    ("address", "why"),
    [("nowhere", "must be HOST:PORT"), ("127.0.0.1:9", "nobody answers there"), (":6379", "must be HOST:PORT")],
)
def test_who_is_no_cluster_is_refused_in_one_line(address, why):
    with pytest.raises(HrlError, match=f"--cluster {address}.*{why}"), connected(address):
        pass
