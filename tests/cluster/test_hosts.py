"""One graph on several hosts: the simulator on one of them, who acts on another, who records and learns on a third."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hosts import CABLE, Host, ip, networked, until

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
    with networked(os.environ, 3) as all_of_them:
        yield all_of_them


def launch(host: Host, nodes: str, out: Path, file: str, *words: str) -> subprocess.Popen[str]:
    ours = ["network:=subnet", f"nodes:={nodes}", f"out:={out}"]
    return host.call(*HRL, "launch", file, *ours, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(hosts: Sequence[Host], folder: Path, *words: str, meanwhile=lambda: None) -> list[BagEpisode]:
    """What the second host has recorded."""
    one, other, _ = hosts
    peers = [[] if any(word.startswith("discovery") for word in words) else [f"peers:={at.address}"] for at in hosts]
    acting = launch(other, "worker,manager,recorder", folder / "acting", *RUN, *peers[0], *words)
    simulating = launch(one, "simulator", folder / "simulating", *RUN, *peers[1], *words)
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
    require_the_same(spread, alone)


def require_the_same(spread: Sequence[BagEpisode], alone: Sequence[BagEpisode]) -> None:
    for ours, theirs in zip(spread, alone, strict=True):
        for name in ("states", "actions", "rewards", "success"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_where_no_multicast_reaches_a_server_brings_nodes_together(hosts, tmp_path):
    server, where = hosts[2], f"{hosts[2].address}:11811"
    for host in hosts:
        ip("-n", host.name, "link", "set", CABLE, "multicast", "off")
    try:
        server.call(*HRL, "discovery", "--address", server.address, stdout=subprocess.DEVNULL)
        spread = run(hosts, tmp_path, "episodes:=2", f"discovery_server:={where}")
    finally:
        server.kill()
        for host in hosts:
            ip("-n", host.name, "link", "set", CABLE, "multicast", "on")
    subprocess.run([*HRL, "launch", *RUN, "episodes:=2", f"out:={tmp_path / 'one'}"], check=True, capture_output=True)
    require_the_same(spread, read_bags([tmp_path / "one" / "bag"]).episodes)


def test_who_learns_on_a_third_host_hands_policies_to_who_acts_on_another(hosts, tmp_path):
    """In a folder that all see: announcements name files."""
    switches = tmp_path / "switches.json"
    switches.write_text(json.dumps({"preset": "fast", "learner": "td3", "learning_starts": 100}))
    words = ["train.launch.py", "algorithm:=flat", "task:=PointMaze", f"training:={switches}", "robots:=1"]
    words += ["policy_updates:=64", "split_episodes:=1", "max_owed_updates:=64", "episodes:=40", "dashboard:=false"]
    words += [f"peers:={','.join(host.address for host in hosts)}"]
    out = tmp_path / "shared"
    learning = launch(hosts[2], "recorder,trainer", out, *words)
    until(lambda: (out / "start").is_dir() or learning.poll() is not None)
    policy = [f"policy:={out / 'start'}"]
    acting = launch(hosts[1], "worker", tmp_path / "acting", *words, *policy)
    simulating = launch(hosts[0], "simulator", tmp_path / "simulating", *words, *policy)
    told = [simulating.communicate(timeout=240)[0], acting.communicate(timeout=60)[0]]
    assert (simulating.returncode, acting.returncode) == (0, 0), told
    until(lambda: len(list((out / "robot_1" / "bag").glob("segment_*/metadata.yaml"))) >= 40)
    for process in hosts[2].processes("launch"):
        process.send_signal(signal.SIGINT)
    told.append(learning.communicate(timeout=60)[0])
    recording = read_bags([out / "robot_1" / "bag"])
    assert not recording.problems
    assert len(recording.episodes) == 40
    assert recording.episodes[-1].policy_versions.min() > 0, told
    assert all((out / "training" / "last" / name).is_file() for name in ("policy.json", "weights.safetensors"))


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


def test_who_acts_stays_until_the_recorder_has_all_of_a_run_that_ended_without_its_cable(hosts, tmp_path):
    """Nobody else could repeat what was said."""
    roles = ("simulator", "worker,manager", "recorder")
    run = [*RUN, "mode:=realtime", "rtf:=4.0", "episodes:=5"]
    words = [[*run, f"peers:={host.address}"] for host in (hosts[1], hosts[0], hosts[0])]
    graph = [launch(host, role, tmp_path / role, *w) for host, role, w in zip(hosts, roles, words, strict=True)]
    bag = tmp_path / "recorder" / "bag.partial"
    until(lambda: sum(path.stat().st_size for path in bag.rglob("*.mcap")) > LOST_AT)
    hosts[2].cable("down")
    time.sleep(12)
    hosts[2].cable("up")
    told = [process.communicate(timeout=240)[0] for process in graph]
    assert [process.returncode for process in graph] == [0, 0, 0], told
    recording = read_bags([bag.with_name("bag")])
    assert not recording.problems
    assert [episode.key.episode for episode in recording.episodes] == list(range(5))
    assert all(episode.finished for episode in recording.episodes)
