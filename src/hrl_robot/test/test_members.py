"""Who speaks for a node, and whom the supervisor may kill: never one that a message merely names."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from lifecycle_msgs.msg import Transition

from hrl_core.errors import PeerError
from hrl_msgs import msg
from hrl_robot.members import Member, Stage, complaint
from hrl_robot.sibling import Sibling
from hrl_robot.supervisor_node import SupervisorNode
from hrl_ros.node import CONNECT_LIMIT


class Owner:
    """Stands for the supervisor; remembers what nodes were asked."""

    def __init__(self):
        self.asked = []

    def create_client(self, _kind, _name):
        return self

    def service_is_ready(self):
        return True

    def call_async(self, request):
        self.asked.append(request.transition.id)
        return Mock()


@pytest.fixture
def started():
    """Start programs that look like nodes and wait."""
    running = []

    def start(*words):
        command = [sys.executable, "-IS", "-c", "import time; print(flush=True); time.sleep(60)", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def beside_us(monkeypatch):
    """Take this process, whose children the programs are, for the launcher."""
    monkeypatch.setattr(os, "getppid", os.getpid)


def beat(pid, node="/worker", **fields):
    here = {"host": socket.gethostname(), "active": True}
    return msg.Heartbeat(node=node, pid=pid, **here | fields)


def member(owner=None, clock=time.monotonic):
    return Member(owner or Owner(), "worker", restarts=3, timeout=5.0, clock=clock)  # pyright: ignore[reportArgumentType]


def test_only_a_child_of_the_launcher_that_runs_the_node_is_its_process(started):
    worker = started("--ros-args", "-r", "__node:=worker")
    spaced = started("--ros-args", "-r", "__node:=worker", "-r", "__ns:=/robot_1")
    assert Sibling.find(worker.pid, "/worker", os.getpid()) is not None
    assert Sibling.find(spaced.pid, "/robot_1/worker", os.getpid()) is not None
    for pid, node in (
        (worker.pid, "/manager"),
        (worker.pid, "/robot_1/worker"),
        (spaced.pid, "/worker"),
        (1, "/worker"),
    ):
        assert Sibling.find(pid, node, os.getpid()) is None
    assert Sibling.find(worker.pid, "/worker", parent=1) is None
    assert Sibling.find(2**31 - 1, "/worker", os.getpid()) is None


def test_frozen_node_that_was_started_here_is_killed(started, beside_us):
    worker = started("-r", "__node:=worker")
    node = member()
    assert not node.beat(beat(worker.pid))
    node.end()
    assert worker.wait(5) == -9


def test_a_supervisor_that_is_cleaned_up_lets_go_of_the_processes(started, beside_us):
    worker = started("-r", "__node:=worker")
    before = sorted(os.listdir("/proc/self/fd"))
    node = member()
    node.beat(beat(worker.pid))
    assert sorted(os.listdir("/proc/self/fd")) != before
    for _ in range(2):
        node.close()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_process_that_a_message_names_is_never_killed_but_asked_to_shut_down(started, beside_us):
    victim = started("--anything")
    owner = Owner()
    node = member(owner)
    node.beat(beat(victim.pid))
    assert node.stage is Stage.ACTIVE
    node.end()
    assert owner.asked == [Transition.TRANSITION_ACTIVE_SHUTDOWN]
    with contextlib.suppress(subprocess.TimeoutExpired):
        raise AssertionError(f"killed: {victim.wait(0.2)}")


def test_stranger_does_not_speak_for_a_node_that_lives(started, beside_us):
    worker, victim = started("-r", "__node:=worker"), started("--anything")
    node = member()
    node.beat(beat(worker.pid))
    for forged in (beat(victim.pid), beat(worker.pid, host="elsewhere"), beat(victim.pid, leaving=True)):
        assert not node.admits(forged)
    assert (node.stage, node.pid, node.strangers) == (Stage.ACTIVE, worker.pid, 3)
    assert node.admits(beat(worker.pid))


def test_node_is_known_as_itself_once_it_speaks_though_a_stranger_spoke_first(started, beside_us):
    worker, victim = started("-r", "__node:=worker"), started("--anything")
    node = member()
    node.beat(beat(victim.pid))
    assert node.admits(beat(worker.pid))
    assert not node.beat(beat(worker.pid)), "nothing was replaced"
    assert not node.admits(beat(victim.pid))


def test_restarted_process_replaces_the_one_that_ended(started, beside_us):
    first, second = started("-r", "__node:=worker"), started("-r", "__node:=worker")
    node = member()
    node.beat(beat(first.pid))
    first.kill()
    first.wait()
    assert node.admits(beat(second.pid))
    assert node.beat(beat(second.pid))


def test_who_was_brought_up_by_others_is_not_taken_down(started, beside_us):
    worker, victim = started("-r", "__node:=worker"), started("--anything")
    for pid, asked in ((victim.pid, []), (worker.pid, [Transition.TRANSITION_DEACTIVATE])):
        owner = Owner()
        node = member(owner)
        node.beat(beat(pid))
        assert (node.stage, node.ours) == (Stage.ACTIVE, pid == worker.pid)
        node.descend(lambda: None)
        assert owner.asked == asked
    owner = Owner()
    node = member(owner)
    node.beat(beat(victim.pid, active=False))
    node.climb()
    assert node.ours, "somewhere else, but brought up by us"


def test_a_bridge_that_others_have_brought_up_ends_the_newcomer_and_nothing_of_the_robot_s(started, beside_us):
    victim = started("--anything")
    for fields, refused in (({"configured": True}, True), ({"active": False}, False)):
        bridge = Member(Owner(), "bridge", restarts=0, timeout=5.0)  # pyright: ignore[reportArgumentType]
        supervisor: Any = SimpleNamespace(_by_path={"/bridge": bridge}, _bridge=bridge)
        supervisor._commanding = supervisor._commanded = False
        supervisor.get_namespace, supervisor._require_own = (
            lambda: "/",
            partial(SupervisorNode._require_own, supervisor),
        )
        heartbeat = beat(victim.pid, "/bridge", **fields)
        if refused:
            with pytest.raises(PeerError, match="a stack is running in namespace '/' already"):
                SupervisorNode._on_heartbeat(supervisor, heartbeat)
        else:
            SupervisorNode._on_heartbeat(supervisor, heartbeat)
        assert not (supervisor._commanding or supervisor._commanded)


def test_node_that_was_said_to_leave_and_goes_on_is_watched_again():
    node = member()
    node.beat(beat(7))
    node.beat(beat(7, leaving=True))
    assert node.stage is Stage.LEFT
    node.beat(beat(7))
    assert node.stage is Stage.ACTIVE


def test_a_node_is_met_as_far_up_as_it_is():
    for configured, active, stage in (
        (True, True, Stage.ACTIVE),
        (True, False, Stage.INACTIVE),
        (False, False, Stage.PRESENT),
    ):
        node = member()
        node.beat(beat(7, configured=configured, active=active))
        assert node.stage is stage


def test_a_node_that_somebody_takes_down_is_not_brought_up_against_them_nor_called_active():
    now = 0.0
    owner = Owner()
    node = member(owner, clock=lambda: now)
    node.beat(beat(7))
    now = 0.5
    node.beat(beat(7, active=False))
    assert node.stage is Stage.ACTIVE, "it may have said so before it was activated"
    now = 2.0
    node.beat(beat(7, active=False))
    node.climb()
    assert not owner.asked
    assert complaint([node], patience=10) == "not all nodes are active"
    node.beat(beat(7))
    assert node.stage is Stage.ACTIVE


def test_restarted_node_is_not_to_be_activated_before_it_has_met_its_peers():
    now = 0.0
    first, again = member(clock=lambda: now), member(clock=lambda: now)
    again.beat(beat(7))
    again.lost()
    for node in (first, again):
        node.beat(beat(8, active=False))
        node.stage, node.since = Stage.INACTIVE, now
    assert again.lacks_peers
    assert not first.lacks_peers, "nobody to wait for before the run begins"
    now = CONNECT_LIMIT / 2
    assert again.lacks_peers
    now = CONNECT_LIMIT
    assert not again.lacks_peers, "not for ever"
    now = 0.0
    again.beat(beat(8, active=False, connected=True))
    assert not again.lacks_peers
