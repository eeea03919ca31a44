"""What the recorder of a running graph leaves: whole bags, or what can be recovered and a clear word about it."""

import contextlib
import dataclasses
import json
import os
import re
import resource
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile

from hrl_core.bags.description import describe
from hrl_core.bags.find import find_bags
from hrl_core.bags.reader import read_bags
from hrl_core.bags.recovery import recover
from hrl_core.bags.writer import CHUNK_SECONDS
from hrl_core.checkpoints.checkpoint import random_checkpoint, save_checkpoint
from hrl_core.hierarchy.spec import FLAT
from hrl_core.messages import Mode
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import qos

pytestmark = pytest.mark.ros


@pytest.fixture
def busy_machine():
    """Programs that take all the time they get, so many on each core."""

    @contextlib.contextmanager
    def run(each):
        words = [sys.executable, "-c", "while True: pass"]
        programs = [subprocess.Popen(words) for _ in range(each * (os.cpu_count() or 1))]
        try:
            yield
        finally:
            for program in programs:
                program.kill()
                program.wait()

    return run


def test_a_listener_who_asks_for_more_than_there_is_keeps_nobody_waiting(launch, listener):
    greedy = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    for topic, kind in (("observation", msg.Observation), ("action", msg.Action)):
        listener.create_subscription(kind, topic, lambda _: None, greedy)
    code, output = launch("episodes:=1", "wait_limit:=10").wait()
    assert code == 0, output


@pytest.fixture
def diagnoses(listener):
    """Statuses of the recorder as they come."""
    seen = []

    def take(array):
        seen.extend(status for status in array.status if status.name.endswith("recorder"))

    listener.create_subscription(DiagnosticArray, "/diagnostics", take, qos.event())
    return seen


def test_split_recording_loses_nothing_and_every_bag_stands_alone(launch, in_process):
    graph = launch("task:=AntMaze", "episodes:=3", "seed:=5", "explore:=true", "split_episodes:=2")
    code, output = graph.wait()
    assert code == 0, output
    summary = graph.summary()
    assert summary["lost_messages"] == 0
    bags = find_bags([graph.out / "bag"])
    assert [bag.name for bag in bags] == ["segment_000000", "segment_000001"]
    for bag, numbers in zip(bags, ([0, 1], [2]), strict=True):
        said, alone = describe(bag).custom, read_bags([bag])
        assert not alone.problems
        assert [e.key.episode for e in alone.episodes] == numbers
        assert [e["episode"] for e in said["episodes"]] == numbers
        assert alone.task is not None
        assert alone.task.sha256 == said["task_hash"] == summary["task_hash"]
        ((version, sha256),) = said["policy_sha256"].items()
        assert said["policy_versions"] == [int(version)]
        assert len(sha256) == 64
    traces = in_process(summary["policy"], episodes=3, seed=5, mode=Mode.TRAIN)
    recording = read_bags([graph.out])
    for episode, trace in zip(recording.episodes, traces, strict=True):
        assert episode.states.tobytes() == np.array([o.state for o in trace.observations]).tobytes()
        assert episode.actions.tobytes() == np.array([a.value for a in trace.actions]).tobytes()
        assert episode.rewards.tobytes() == np.array([o.reward for o in trace.observations[1:]]).tobytes()
        assert episode.subgoals[0].values.tobytes() == np.array([s.value for s in trace.subgoals]).tobytes()


@pytest.mark.parametrize(
    ("longest", "breaks", "still"),
    [pytest.param(500, 12, 0.3, id="short"), pytest.param(1, 3, 1.5, id="of_one_step")],
)
def test_recorder_that_gets_time_now_and_then_loses_nothing_of_short_episodes(
    launch, observe, listener, tmp_path, longest, breaks, still
):
    """Topics then run apart by many episodes, and there are more outcomes than rare events have room for."""
    task = dataclasses.replace(load_task("cart_pole"), max_episode_steps=longest)
    policy = tmp_path / "flat"
    save_checkpoint(random_checkpoint(task, seed=1, hierarchy=FLAT), policy)
    graph = launch(f"policy:={policy}", "episodes:=0", file="policy.launch.py")
    listener.spin_until(lambda: len(observe) > 20)
    recorder = graph.node("recorder")
    for _ in range(breaks):
        recorder.suspend()
        time.sleep(still)
        recorder.resume()
        time.sleep(0.05)
    # Further than the simulator may run ahead of what is whole.
    heard = len(observe)
    listener.spin_until(lambda: len(observe) > heard + 2 * qos.MOST_CREDIT)
    code, output = graph.stop()
    assert code == 0, output
    recording = read_bags([graph.out])
    assert not recording.problems
    *ended, cut = recording.episodes
    assert [episode.key.episode for episode in ended] == [*range(cut.key.episode)]
    assert all(episode.outcome is not None for episode in ended)


@pytest.mark.learning
def test_killed_recorder_leaves_all_but_its_last_second(launch, listener, observe):
    graph = launch("task:=AntMaze", "episodes:=0", "mode:=realtime", "rtf:=20")
    listener.spin_until(lambda: len(observe) > 300)
    at_least = [o.key for o in observe]
    listener.spin_for(CHUNK_SECONDS + 2.0)
    graph.node("recorder").kill()
    code, output = graph.wait()
    assert code == 1
    assert "recorder" in output
    assert "hrl bag recover" in output
    assert not (graph.out / "bag").exists()
    assert graph.summary()["bag"] is None
    partial = graph.out / "bag.partial"
    before = {path: path.stat().st_size for path in partial.rglob("*")}
    outcome = recover(partial, graph.out / "bag.recovered")
    assert {path: path.stat().st_size for path in partial.rglob("*")} == before
    recording = read_bags([graph.out / "bag.recovered"])
    saved = {(e.key.episode, step) for e in recording.episodes for step in range(e.steps + 1)}
    assert set(at_least) <= saved
    assert outcome.messages == recording.messages
    assert outcome.episodes + outcome.unfinished == len(recording.episodes)


@pytest.mark.learning
@pytest.mark.alone
def test_robot_on_a_machine_without_time_walks_on_and_its_bag_is_closed(launch, listener, observe, busy_machine):
    graph = launch("robot:=real", "rtf:=2", "episodes:=0")
    listener.spin_until(lambda: len(observe) > 30)
    with busy_machine(each=4):
        listener.spin_for(7.0)
        assert graph.process.poll() is None, graph.said()
        code, output = graph.stop()
    assert code == 0, output
    assert graph.summary()["lost_messages"] == 0
    assert {o.key for o in observe} <= {
        (e.key.episode, step) for e in read_bags([graph.out / "bag"]).episodes for step in range(e.steps + 1)
    }


def test_full_disk_ends_the_run_loudly_and_what_was_written_comes_back(launch, listener, observe, diagnoses):
    graph = launch("task:=AntMaze", "episodes:=0", "split_episodes:=1000")
    file = graph.out / "bag" / "segment_000000.partial" / "segment_000000" / "segment_000000.mcap"
    listener.spin_until(lambda: file.exists() and file.stat().st_size > 50_000 and diagnoses)
    assert {status.level for status in diagnoses} == {DiagnosticStatus.OK}
    recorder = graph.node("recorder")
    # The file size limit stands for a disk that fills up: the recorder's next chunks are refused by the kernel.
    limit = file.stat().st_size + 10_000
    psutil.Process(recorder.pid).rlimit(psutil.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    listener.spin_until(lambda: diagnoses[-1].level == DiagnosticStatus.ERROR, timeout=20)
    assert re.match("recording aborted: cannot (write to|close) bag", diagnoses[-1].message)
    assert "File too large" in diagnoses[-1].message
    code, output = graph.wait()
    assert code == 1
    assert "hrl bag recover" in output
    (partial,) = (graph.out / "bag").glob("*.partial")
    assert not partial.with_suffix("").exists(), "a truncated bag is never called a bag"
    recover(partial, graph.out / "recovered")
    assert read_bags([graph.out / "recovered"]).messages > 0
    report = json.loads((graph.out / "simulator.json").read_text())
    assert "the recorder stopped" in report["failure"]
