"""Roles and their promises, as plain data, and the events of ends that break them."""

import os
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from std_msgs.msg import Empty

from hrl_ros import qos
from hrl_ros.health import Health, Level
from hrl_ros.qos_events import watched
from hrl_ros.running import make_executor

PERIODS = (0.1, 0.02, 0.01, 0.001)
REAL_TIME = {"state": qos.timed_state, "command": qos.timed_command}
AS_CONTROLLERS = QoSProfile(depth=10)
"""What controllers and drivers of ros2_control publish and subscribe with."""


def fits(publisher, subscription):
    # A warning says that the middleware chooses one value; the ends match either way.
    return qos_check_compatible(publisher, subscription)[0] != QoSCompatibility.ERROR


def test_lockstep_holds_two_episodes_without_deadline_or_lifespan():
    profile = qos.lockstep()
    assert profile.depth >= 2 * 501
    assert profile.reliability == ReliabilityPolicy.RELIABLE
    assert profile.durability == DurabilityPolicy.VOLATILE
    assert profile.deadline.nanoseconds == profile.lifespan.nanoseconds == 0


def test_recorder_keeps_everything_and_hears_every_role():
    assert qos.recording().history == HistoryPolicy.KEEP_ALL
    for offered in (qos.lockstep(), qos.event(), qos.sensor(), qos.latched(), qos.timed_command(0.1).publisher):
        assert fits(offered, qos.recording())


def test_late_joiners_get_the_last_latched_value():
    assert qos.latched().durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert qos.latched().depth == 1


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("role", REAL_TIME)
def test_both_ends_of_a_role_fit_and_late_is_two_to_three_periods(role, period):
    ends = REAL_TIME[role](period)
    assert fits(*ends)
    assert 2 * period <= ends.publisher.deadline.nanoseconds / 1e9 < ends.subscription.deadline.nanoseconds / 1e9
    assert ends.subscription.deadline.nanoseconds / 1e9 <= 3 * period + 1e-9


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("role", REAL_TIME)
def test_every_role_is_heard_by_onlookers_and_drivers(role, period):
    publisher = REAL_TIME[role](period).publisher
    assert fits(publisher, qos.onlooker())
    assert fits(publisher, AS_CONTROLLERS) == (publisher.reliability == ReliabilityPolicy.RELIABLE)
    assert fits(publisher, qos.command()) == (publisher.reliability == ReliabilityPolicy.RELIABLE)
    assert fits(publisher, qos.state())
    assert fits(AS_CONTROLLERS, qos.state())
    assert fits(QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT), qos.state())


def test_no_profile_that_commands_use_is_latched():
    for profile in (qos.command(), qos.lockstep(), *qos.timed_command(0.1)):
        assert profile.durability == DurabilityPolicy.VOLATILE


def test_no_command_survives_its_time_or_its_publisher():
    for profile in qos.timed_command(0.1):
        assert profile.durability == DurabilityPolicy.VOLATILE
        assert profile.reliability == ReliabilityPolicy.RELIABLE
        assert profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
        assert profile.liveliness_lease_duration.nanoseconds > profile.deadline.nanoseconds
    command = qos.timed_command(0.1, horizon=2.0).publisher
    assert command.depth == 1
    assert command.lifespan.nanoseconds == 2e8


def test_a_controller_hears_timed_commands_and_no_timed_subscription_hears_an_untimed_one():
    """Who promises more is heard by who asks for less, not the reverse."""
    assert fits(qos.timed_command(0.1).publisher, qos.command())
    assert not fits(qos.command(), qos.timed_command(0.1).subscription)


class Log:
    def __init__(self):
        self.lines = []

    def warning(self, text):
        self.lines.append(text)

    error = warning


@pytest.fixture(params=[SingleThreadedExecutor, make_executor])
def graph(request, monkeypatch):
    """A node in a context of its own, and a way to spin it; under both executors that nodes may have."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    rclpy.init(domain_id=80 + os.getpid() % 20)
    node = rclpy.create_node("ends")
    executor = request.param()
    executor.add_node(node)

    def spin_until(condition, timeout=10):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, "timed out"
            executor.spin_once(0.02)

    node.spin_until = spin_until  # pyright: ignore[reportAttributeAccessIssue]
    yield node
    executor.remove_node(node)
    node.destroy_node()
    executor.shutdown()
    rclpy.try_shutdown()


@pytest.mark.ros
def test_a_silent_publisher_is_told_of_at_both_ends(graph):
    log, health = Log(), Health()
    events, ends = watched(log, health, "commands"), qos.timed_command(0.02)
    heard = []
    graph.create_subscription(Empty, "commands", heard.append, ends.subscription, event_callbacks=events.subscription)
    publisher = graph.create_publisher(Empty, "commands", ends.publisher, event_callbacks=events.publisher)

    def speak():
        publisher.publish(Empty())
        return len(heard) > 3

    graph.spin_until(speak)
    graph.spin_until(lambda: health.events["deadline missed on commands"] >= 2)
    graph.spin_until(lambda: health.events["liveliness lost on commands"] >= 2)
    assert health.figures["publishers of commands"] == health.figures["subscriptions of commands"] == 1
    assert sum("nothing came in time" in line for line in log.lines) == 1, "one line per kind and 5 s"


@pytest.mark.ros
def test_ends_that_do_not_fit_are_an_error_until_one_does(graph):
    log, health = Log(), Health()
    events, ends = watched(log, health, "commands"), qos.timed_command(0.1)
    graph.create_subscription(Empty, "commands", print, ends.subscription, event_callbacks=events.subscription)
    graph.create_publisher(Empty, "commands", AS_CONTROLLERS)
    graph.spin_until(lambda: health.report().level == Level.ERROR)
    assert "incompatible QoS on commands: a publisher is not heard because of" in health.report().message
    assert "hrl_ros/qos.py" in log.lines[0]
    graph.create_publisher(Empty, "commands", ends.publisher)
    graph.spin_until(lambda: health.report().level == Level.OK)
