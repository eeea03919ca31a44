"""One graph on two hosts: the simulator on one of them, who acts and records on the other."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from two_hosts import Host, two_hosts, until

from hrl_core.bags.episodes import BagEpisode
from hrl_core.bags.reader import read_bags

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.ros,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.needs("netns"),
]
HRL = [sys.executable, "-c", "import sys; from hrl.cli import main; sys.exit(main())"]
RUN = ["policy.launch.py", "policy:=relay_push_point", "seed:=3"]
LOST_AT = 100_000
"""Bytes of the recording at which the cable is pulled."""


@pytest.fixture(scope="module")
def hosts():
    with two_hosts(os.environ) as both:
        yield both


def launch(host: Host, other: Host, nodes: str, out: Path, *words: str) -> subprocess.Popen[str]:
    ours = ["network:=subnet", f"nodes:={nodes}", f"peers:={other.address}", f"out:={out}", *words]
    return host.call(*HRL, "launch", *RUN, *ours, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(hosts: tuple[Host, Host], folder: Path, *words: str, meanwhile=lambda: None) -> list[BagEpisode]:
    """What the other host has recorded."""
    one, other = hosts
    acting = launch(other, one, "worker,manager,recorder", folder / "acting", *words)
    simulating = launch(one, other, "simulator", folder / "simulating", *words)
    meanwhile()
    told = [process.communicate(timeout=240)[0] for process in (simulating, acting)]
    assert (simulating.returncode, acting.returncode) == (0, 0), told
    recording = read_bags([folder / "acting" / "bag"])
    assert not recording.problems
    return recording.episodes


def test_a_lockstep_run_of_two_hosts_is_that_of_one(hosts, tmp_path):
    spread = run(hosts, tmp_path, "episodes:=5")
    subprocess.run([*HRL, "launch", *RUN, "episodes:=5", f"out:={tmp_path / 'one'}"], check=True, capture_output=True)
    alone = read_bags([tmp_path / "one" / "bag"]).episodes
    assert len(spread) == len(alone) == 5
    for ours, theirs in zip(spread, alone, strict=True):
        for name in ("states", "actions", "rewards", "success"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize(
    "words", [["mode:=realtime", "rtf:=4.0", "episodes:=5"], ["episodes:=60"]], ids=["realtime", "lockstep"]
)
def test_without_a_cable_for_two_seconds_a_run_goes_on_and_nothing_recorded_is_lost(hosts, words, tmp_path):
    bag = tmp_path / "acting" / "bag.partial"

    def lose_it() -> None:
        until(lambda: sum(path.stat().st_size for path in bag.rglob("*.mcap")) > LOST_AT)
        hosts[1].cable("down")
        time.sleep(2)
        hosts[1].cable("up")

    episodes = run(hosts, tmp_path, *words, meanwhile=lose_it)
    assert [episode.key.episode for episode in episodes] == list(range(int(words[-1].partition(":=")[2])))
    assert all(episode.finished for episode in episodes)
