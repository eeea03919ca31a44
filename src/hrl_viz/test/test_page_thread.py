"""Who changes the viewer's page: its server's own thread, or else a change may be left lying for ever."""

import os
import threading

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from viser.infra._async_message_buffer import AsyncMessageBuffer
from visualization_msgs.msg import Marker, MarkerArray

from hrl_core.errors import HrlError
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_viz import viewer_node
from hrl_viz.page_thread import PageThread

pytestmark = pytest.mark.ros


@pytest.fixture
def changes(monkeypatch):
    """Kind of each change of a page, and whether the page's own thread made it; told from the page's first on."""
    seen = []

    class Watched(PageThread):
        def __init__(self, server):
            super().__init__(server)
            own, push = self.run(threading.get_ident), AsyncMessageBuffer.push

            def watched(buffer, message):
                seen.append((type(message).__name__, threading.get_ident() == own))
                push(buffer, message)

            monkeypatch.setattr(AsyncMessageBuffer, "push", watched)

    monkeypatch.setattr(viewer_node, "PageThread", Watched)
    return seen


@pytest.fixture
def graph(monkeypatch):
    """A viewer, a node that speaks to it, and an executor of both."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    rclpy.init(args=["--ros-args", "-p", "port:=18080"], domain_id=80 + os.getpid() % 20)
    viewer, other, executor = viewer_node.ViewerNode(), rclpy.create_node("other"), SingleThreadedExecutor()
    for node in (viewer, other):
        executor.add_node(node)
    yield viewer, other, executor
    viewer.release()
    executor.shutdown()
    for node in (viewer, other):
        node.destroy_node()
    rclpy.shutdown()


def test_the_page_is_changed_by_its_own_thread_alone(changes, graph):
    viewer, other, executor = graph
    assert viewer.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert viewer.trigger_activate() == TransitionCallbackReturn.SUCCESS
    markers = other.create_publisher(MarkerArray, topics.MARKERS, 10)
    status = other.create_publisher(msg.SimStatus, topics.SIM_STATUS, qos.latched())
    wanted = {"BoxMessage", "GuiMarkdownMessage", "SetPositionMessage", "GuiUpdateMessage"}
    viewer._commands.goal(1.0, 2.0, "map")
    for k in range(200):
        ball = Marker(ns="robot", id=0, type=Marker.CUBE)
        ball.scale.x = ball.scale.y = ball.scale.z = ball.color.a = ball.pose.orientation.w = 1.0
        ball.pose.position.x = float(k)
        markers.publish(MarkerArray(markers=[ball]))
        status.publish(msg.SimStatus(reached_step=k))
        executor.spin_once(0.05)
        if wanted <= {kind for kind, _ in changes}:
            break
    assert wanted <= {kind for kind, _ in changes}
    assert {kind for kind, own in changes if not own} == set()


def test_what_goes_wrong_in_the_pages_thread_is_told_to_who_waits(changes, graph):
    viewer, _, _ = graph
    assert viewer.trigger_configure() == TransitionCallbackReturn.SUCCESS
    page = PageThread(viewer._server)

    def refuse(why):
        raise HrlError(why)

    with pytest.raises(HrlError, match="no room"):
        page.inside(refuse)("no room")
