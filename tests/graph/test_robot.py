"""The stack on a robot: every death and every bad number ends in the safe action, by whoever is left to send it."""

import signal
import time

import pytest
from aftermath import Witness
from hostile_messages import KINDS, Sender
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_stack import journal, standard_robot, stop_of

from hrl_msgs import msg
from hrl_ros import messages, qos

pytestmark = [pytest.mark.ros, pytest.mark.alone]
FACTOR = 5
PERIOD = 0.1 / FACTOR
SCHEDULING = 0.06
"""What a loaded machine may add [s]."""


def stopped_after(graph, since):
    """Seconds from ``since`` until the robot was safe for good."""
    stop = stop_of(graph.out, since)
    assert stop is not None, "the robot was never made safe"
    return stop.after


def test_dead_bridge_is_covered_by_another_process_and_the_stack_ends(launch):
    graph = launch("robot:=real", f"rtf:={FACTOR}")
    graph.await_walk()
    bridge = graph.node("bridge")
    at = time.monotonic()
    bridge.send_signal(signal.SIGSTOP)
    code, output = graph.wait(30)
    assert code != 0
    assert "sending the safe action in its place" in output
    assert "bridge is dead (no heartbeat" in output
    assert stopped_after(graph, at) < 0.18 + SCHEDULING


def test_dead_launcher_leaves_a_safe_robot_and_no_process(launch):
    graph = launch("robot:=real", f"rtf:={FACTOR}")
    graph.await_walk()
    names = ("bridge", "supervisor", "worker", "manager", "recorder", "fake_robot")
    nodes = [graph.node(name) for name in names]
    at = time.monotonic()
    graph.process.kill()
    for node in nodes:
        node.wait(8)
    assert stopped_after(graph, at) < 0.3 + SCHEDULING


@pytest.mark.learning
def test_a_supervisor_that_stood_still_itself_takes_nobody_for_dead(launch, listener):
    graph = launch("robot:=real", f"rtf:={FACTOR}", "episodes:=0")
    graph.await_walk()
    supervisor = graph.node("supervisor")
    supervisor.suspend()
    # Longer than any node may be silent.
    time.sleep(6)
    supervisor.resume()
    listener.spin_for(3)
    assert graph.process.poll() is None
    code, output = graph.stop()
    assert code == 0, output
    assert "is dead" not in output


@pytest.mark.learning
def test_missed_steps_cost_a_run_on_a_robot_that_always_publishes_nothing(launch, tmp_path):
    graph = launch("robot:=real", f"robot_config:={standard_robot(tmp_path)}", "rtf:=10", "episodes:=1")
    graph.await_walk()
    worker = graph.node("worker")
    worker.send_signal(signal.SIGSTOP)
    time.sleep(0.3)
    worker.send_signal(signal.SIGCONT)
    code, output = graph.wait()
    assert code == 0, output
    summary = graph.summary()
    assert summary["missed_deadlines"] > 0
    assert summary["lost_messages"] == 0


class Stack:
    """A walking robot that the tests of this module disturb."""

    def __init__(self, graph, node):
        self.graph, self.node = graph, node
        self.status, self.observations = [], []
        keep, decode = self.observations.append, messages.OBSERVATION.decode
        node.create_subscription(msg.SimStatus, "sim_status", self.status.append, qos.latched())
        node.create_subscription(msg.Observation, "observation", lambda d: keep(decode(d)), qos.lockstep(), raw=True)
        graph.await_walk()
        self.until(lambda: self.observations and self.status)

    def until(self, condition):
        self.node.spin_until(condition, timeout=40)


@pytest.fixture(scope="module")
def stack(launch_once, listener_in):
    graph = launch_once("robot:=real", f"rtf:={FACTOR}", out="disturbed")
    yield Stack(graph, listener_in(graph.domain))
    code, output = graph.stop()
    assert code == 0, output


def test_killed_worker_stops_the_robot_in_two_periods_and_comes_back(stack):
    worker = stack.graph.node("worker")
    at = time.monotonic()
    worker.kill()
    # A restarted one moves it again after a second at the earliest.
    stack.node.spin_for(0.6)
    assert stopped_after(stack.graph, at) < 2 * PERIOD + 0.01 + SCHEDULING
    stack.graph.await_walk(since=time.monotonic())


def test_silent_robot_ends_the_episode_as_truncated_and_is_taken_up_again(stack):
    results = []
    stack.node.create_subscription(msg.EpisodeResult, "episode_result", results.append, qos.event())
    robot = stack.graph.node("fake_robot")
    robot.send_signal(signal.SIGSTOP)
    try:
        stack.until(lambda: any(r.end_reason == msg.EpisodeResult.ROBOT_SILENT for r in results))
        cut = stack.observations[-1]
        assert cut.truncated
        assert not cut.terminated
    finally:
        robot.send_signal(signal.SIGCONT)
    stack.graph.await_walk(since=time.monotonic())


@pytest.fixture(scope="module")
def sender(stack):
    return Sender(stack.node)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(data=st.data())
def test_nothing_that_comes_over_a_topic_ends_a_node_or_moves_the_robot_beyond_its_limits(stack, sender, kind, data):
    """Random, non-finite, wrong-size, wrong-episode, replayed, future-stamped; on every topic that is subscribed to."""
    message = data.draw(KINDS[kind](stack.observations[-1]))
    stack.node.spin_until(lambda: sender.send(message))
    stack.node.spin_for(0.02)
    assert stack.graph.process.poll() is None, stack.graph.wait()[1]


def test_after_all_that_no_node_has_died_the_robot_walks_and_every_refusal_is_counted(stack):
    # One restart is that of the worker killed above.
    assert stack.graph.said().count("restarting it") == 1, stack.graph.said()
    witness, since = Witness(stack.node), time.time()
    stack.node.spin_for(3.0)
    assert witness.share(since + 1.0) >= 0.8
    assert stack.status[-1].refused_actions > 0
    rows = journal(stack.graph.out)
    assert any("refused" in row for row in rows)
    assert max(max(map(abs, row["command"])) for row in rows if "command" in row) <= 30.0
