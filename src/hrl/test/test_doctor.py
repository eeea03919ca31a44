"""Doctor: what is wrong is found and comes with what to do; what is right is not complained of."""

import fcntl
import hashlib
import json
import os
import pwd
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile

from hrl.doctor import installation, machine
from hrl.doctor.finding import Verdict
from hrl.doctor.running import incompatible
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.task.text import load_task


@pytest.fixture
def shared(tmp_path):
    """A folder of shared memory and one of processes; segments made in them are an hour old."""

    class Shared:
        memory, processes = tmp_path / "shm", tmp_path / "proc"

        def segment(self, name, age=3600.0):
            path = self.memory / name
            path.write_bytes(bytes(1000))
            then = time.time() - age
            os.utime(path, (then, then))
            return path

        def process(self, number, *mapped):
            folder = self.processes / str(number)
            folder.mkdir(parents=True)
            lines = [f"7f00-7f01 rw-s 00000000 00:01 {i}    {self.memory}/{name}" for i, name in enumerate(mapped)]
            (folder / "maps").write_text(
                "\n".join([*lines, "7f02-7f03 r-xp 00000000 08:01 5   /usr/lib/libc.so.6", ""])
            )

        def dead(self):
            return [path.name for path in machine.abandoned(self.memory, self.processes)]

    Shared.memory.mkdir()
    Shared.processes.mkdir()
    return Shared()


def test_segments_of_living_processes_are_left_alone(shared):
    for name in ("fastrtps_00aa11bb22cc33dd", "fastrtps_00aa11bb22cc33dd_el", "fastrtps_port7411"):
        shared.segment(name)
    for name in ("fastrtps_port7411_el", "sem.fastrtps_port7411_mutex", "somebody_elses", "fastrtps_config"):
        shared.segment(name)
    shared.process(12, "fastrtps_00aa11bb22cc33dd", "fastrtps_port7411")
    assert shared.dead() == []
    assert machine.leftovers(shared.memory, shared.processes).verdict is Verdict.OK


def test_what_dead_processes_left_is_found_and_removed(shared, monkeypatch):
    names = ["fastrtps_00aa11bb22cc33dd", "fastrtps_00aa11bb22cc33dd_el", "sem.fastrtps_port7411_mutex"]
    for name in names:
        shared.segment(name)
    other = shared.segment("somebody_elses")
    assert shared.dead() == sorted(names)
    finding = machine.leftovers(shared.memory, shared.processes)
    assert (finding.verdict, finding.fix) == (Verdict.WRONG, "hrl doctor --clean")
    assert "3 files" in finding.detail
    monkeypatch.setattr(machine, "abandoned", lambda: [shared.memory / name for name in names])
    assert machine.clean() == 3
    assert list(shared.memory.iterdir()) == [other]


def test_a_segment_is_spared_while_it_is_new_or_its_lock_is_held(shared):
    shared.segment("fastrtps_00aa11bb22cc33dd", age=1.0)
    shared.segment("fastrtps_11aa11bb22cc33dd")
    with shared.segment("fastrtps_11aa11bb22cc33dd_el").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert shared.dead() == []


@pytest.mark.parametrize(("free", "verdict"), [(3e9, Verdict.OK), (1e9, Verdict.WRONG)])
def test_a_full_disk_is_found(monkeypatch, tmp_path, free, verdict):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    assert machine.disk(tmp_path).verdict is verdict


@pytest.mark.parametrize(
    ("pins", "verdict", "detail"),
    [
        (f"numpy=={version('numpy')}\n", Verdict.OK, "1 as pinned"),
        ("numpy==0.1\n", Verdict.WRONG, "instead of 0.1"),
        ('numpy==0.1; python_version < "3"\n', Verdict.OK, "0 as pinned"),
        ("not-installed-and-not-needed==1.0\n", Verdict.OK, "0 as pinned"),
    ],
)
def test_packages_are_compared_with_their_pins(tmp_path, pins, verdict, detail):
    (tmp_path / "constraints.txt").write_text(f"# a comment\n{pins}")
    (tmp_path / "requirements.txt").write_text("numpy   # arrays\n")
    finding = installation.packages(tmp_path)
    assert finding.verdict is verdict, finding
    assert detail in finding.detail


def test_a_missing_package_is_found_with_its_fix(tmp_path):
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "requirements.txt").write_text("flying-carpet>=2\n")
    finding = installation.packages(tmp_path)
    assert (finding.verdict, finding.fix) == (Verdict.WRONG, "make setup")
    assert "flying-carpet is missing" in finding.detail


@pytest.mark.parametrize(("role", "verdict"), [("", Verdict.WRONG), ("learner", Verdict.WRONG), ("robot", Verdict.OK)])
def test_a_robot_needs_what_acts_and_no_more(tmp_path, monkeypatch, role, verdict):
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "requirements-robot.txt").write_text("numpy\n")
    (tmp_path / "requirements.txt").write_text("flying-carpet>=2\n")
    (tmp_path / ".hrl-stamp.json").write_text(json.dumps({"role": role}))
    monkeypatch.setattr(installation.sys, "prefix", str(tmp_path))
    assert installation.packages(tmp_path).verdict is verdict


def test_executables_that_are_not_built_are_found(tmp_path):
    finding = installation.executables({"AMENT_PREFIX_PATH": str(tmp_path)})
    assert finding.verdict is Verdict.WRONG
    assert "package hrl_sim has no executable 'simulator'" in finding.detail


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / "policies" / "ant"
    folder.parent.mkdir()
    save_checkpoint(random_checkpoint(load_task("AntMaze"), 0), folder)
    monkeypatch.setattr("hrl.policies.shipped.policy_roots", lambda: [folder.parent])
    return folder


def test_whole_policies_are_fine(shipped):
    (finding,) = installation.policies()
    assert finding.verdict is Verdict.OK, finding


@pytest.mark.parametrize("file", ["weights.safetensors", "task.yaml", "policy.json"])
def test_a_damaged_policy_is_named(shipped, file):
    content = (shipped / file).read_bytes()
    (shipped / file).write_bytes(content.replace(b"ant_maze", b"ant_mice") if file == "task.yaml" else content[:-40])
    (finding,) = installation.policies()
    assert finding.verdict is Verdict.WRONG
    assert str(shipped) in finding.detail
    assert "make setup" in finding.fix


def test_hashes_are_those_that_the_checkpoint_says(shipped):
    said = json.loads((shipped / "policy.json").read_text())["weights_sha256"]
    assert said == hashlib.sha256((shipped / "weights.safetensors").read_bytes()).hexdigest()


class Endpoint:
    def __init__(self, name, profile):
        self.node_namespace, self.node_name, self.qos_profile = "/robot_1", name, profile


class Graph:
    """What the check asks of a node."""

    def __init__(self, offered, requested):
        self._offered, self._requested = offered, requested

    def get_topic_names_and_types(self):
        return [("/robot_1/action", ["hrl_msgs/msg/Action"])]

    def get_publishers_info_by_topic(self, topic):
        return [Endpoint("worker", self._offered)]

    def get_subscriptions_info_by_topic(self, topic):
        return [Endpoint("bridge", self._requested)]


def test_ends_that_do_not_fit_are_named():
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    (finding,) = incompatible(Graph(QoSProfile(depth=1), latched))
    assert finding.verdict is Verdict.WRONG
    assert "/robot_1/bridge hears nothing of /robot_1/worker on /robot_1/action" in finding.detail
    (finding,) = incompatible(Graph(latched, QoSProfile(depth=1)))
    assert (finding.verdict, finding.detail) == (Verdict.OK, "1 pairs of publisher and subscription fit")


def test_what_another_user_left_is_skipped_and_told_with_whose_it_is(shared, monkeypatch):
    names = ["fastrtps_00aa11bb22cc33dd", "fastrtps_11aa11bb22cc33dd"]
    for name in names:
        shared.segment(name)
    unlink = Path.unlink

    def sticky(path, missing_ok=False):
        if path.name == names[0]:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", sticky)
    monkeypatch.setattr(machine, "abandoned", lambda *_: [shared.memory / name for name in names])
    assert machine.clean() == 1
    assert [path.name for path in shared.memory.iterdir()] == names[:1]
    monkeypatch.setattr(machine, "abandoned", lambda *_: [shared.memory / names[0]])
    monkeypatch.setattr(machine.os, "geteuid", lambda: os.getuid() + 1)
    user = pwd.getpwuid(os.getuid()).pw_name
    fix = f"hrl doctor --clean, as the user they belong to ({user}) or as root"
    assert machine.leftovers(shared.memory, shared.processes).fix == fix
