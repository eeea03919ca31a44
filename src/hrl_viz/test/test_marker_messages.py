"""Only what looks different is sent, what is gone is deleted, and late joiners get everything."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from visualization_msgs.msg import Marker

from hrl_viz.marker_messages import REPEATS, MarkerStream
from hrl_viz.shapes import arrow, sphere, strip, text

RED = (1.0, 0.0, 0.0, 1.0)


@pytest.fixture
def send():
    stream = MarkerStream()

    def update(*shapes, everything=False):
        return list(stream.update(shapes, "robot_1/odom", Time(sec=3), everything).markers)

    return update


def test_first_everything_then_only_changes(send):
    one, two = sphere("a", 0, RED, (0.0, 0.0, 0.0), 1.0), sphere("a", 1, RED, (1.0, 0.0, 0.0), 1.0)
    assert len(send(one, two)) == 2
    assert send(one, two) == []
    moved = two._replace(position=(2.0, 0.0, 0.0))
    (marker,) = send(one, moved)
    assert (marker.ns, marker.id, marker.pose.position.x) == ("a", 1, 2.0)
    assert len(send(one, moved, everything=True)) == 2


def test_what_is_gone_is_deleted_once_and_again_with_the_next_refreshes(send):
    one = sphere("a", 0, RED, (0.0, 0.0, 0.0), 1.0)
    send(one)
    (gone,) = send()
    assert gone.action == Marker.DELETE
    assert send() == []
    for _ in range(REPEATS):
        (again,) = send(everything=True)
        assert (again.ns, again.id, again.action) == ("a", 0, Marker.DELETE)
        assert send() == []
    assert send(everything=True) == []


def test_what_is_there_again_is_no_longer_deleted(send):
    one = sphere("a", 0, RED, (0.0, 0.0, 0.0), 1.0)
    send(one)
    send()
    assert [marker.action for marker in send(one)] == [Marker.ADD]
    assert [marker.action for marker in send(one, everything=True)] == [Marker.ADD]


def test_a_shape_without_extent_is_not_sent(send):
    nowhere = (0.0, 0.0, 0.0)
    assert send(text("t", 0, RED, nowhere, 1.0, ""), strip("s", 0, RED, np.zeros((1, 3)), 0.1)) == []
    assert send(arrow("a", 0, RED, nowhere, nowhere, 0.1)) == []


def test_a_marker_says_frame_time_and_every_property(send):
    (marker,) = send(arrow("a", 7, RED, (0.0, 0.0, 1.0), (0.0, 4.0, 1.0), 0.1))
    assert (marker.header.frame_id, marker.header.stamp.sec) == ("robot_1/odom", 3)
    assert (marker.type, marker.action, marker.id) == (Marker.ARROW, Marker.ADD, 7)
    assert [(p.x, p.y, p.z) for p in marker.points] == [(0.0, 0.0, 1.0), (0.0, 4.0, 1.0)]
    assert (marker.color.r, marker.color.a) == (1.0, 1.0)
    assert marker.pose.orientation.w == 1.0
