"""Roles and their promises, as plain data."""

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSCompatibility, ReliabilityPolicy, qos_check_compatible

from hrl_ros import qos


def test_lockstep_holds_two_episodes_without_deadline_or_lifespan():
    profile = qos.lockstep()
    assert profile.depth >= 2 * 501
    assert profile.reliability == ReliabilityPolicy.RELIABLE
    assert profile.durability == DurabilityPolicy.VOLATILE
    assert profile.deadline.nanoseconds == profile.lifespan.nanoseconds == 0


def test_recorder_keeps_everything_and_hears_every_role():
    assert qos.recording().history == HistoryPolicy.KEEP_ALL
    for offered in (qos.lockstep(), qos.event(), qos.sensor(), qos.latched()):
        assert qos_check_compatible(offered, qos.recording())[0] != QoSCompatibility.ERROR


def test_late_joiners_get_the_last_latched_value():
    assert qos.latched().durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert qos.latched().depth == 1
