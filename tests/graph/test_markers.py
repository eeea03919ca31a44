"""Markers and rviz configuration against the running graph."""

import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from visualization_msgs.msg import Marker, MarkerArray

from hrl.graphs.rviz_config import rviz_config
from hrl_core.hierarchy.subgoals import subgoal_target
from hrl_core.task.text import load_task
from hrl_msgs import msg
from hrl_ros import messages, qos

pytestmark = pytest.mark.ros
TYPES = {
    "rviz_default_plugins/MarkerArray": MarkerArray,
    "rviz_default_plugins/Odometry": Odometry,
    "rviz_default_plugins/SetGoal": PoseStamped,
}


def topics(config):
    """Topic -> message type of every display and tool that has one."""
    manager = config["Visualization Manager"]
    parts = [part for part in (*manager["Displays"], *manager["Tools"]) if "Topic" in part]
    return {part["Topic"]["Value"]: TYPES[part["Class"]] for part in parts}


@pytest.mark.parametrize("where", ["mode:=realtime", "robot:=real"])
def test_markers_show_what_the_run_says_and_rviz_finds_them(launch, listener, where):
    graph = launch("namespace:=robot_1", "markers:=true", where, "rtf:=2", "record:=false")
    static, dynamic, subgoals = [], {}, []

    def take(array):
        for marker in array.markers:
            if marker.action == Marker.DELETE:
                dynamic.pop((marker.ns, marker.id), None)
            else:
                dynamic[marker.ns, marker.id] = marker

    listener.create_subscription(MarkerArray, "/robot_1/markers_static", static.append, qos.latched())
    listener.create_subscription(MarkerArray, "/robot_1/markers", take, qos.sensor())
    decode = messages.SUBGOAL.decode
    listener.create_subscription(
        msg.Subgoal, "/robot_1/subgoal", lambda data: subgoals.append(decode(data)), qos.lockstep(), raw=True
    )
    groups = {"robot", "goal", "subgoal", "subgoal_ghost", "text"}
    listener.spin_until(lambda: static and len(subgoals) > 2 and groups <= {ns for ns, _ in dynamic}, timeout=60)
    assert {marker.header.frame_id for marker in (*static[-1].markers, *dynamic.values())} == {"robot_1/odom"}

    def tips():
        tip = dynamic["subgoal", 0].points[1]
        return any(abs(subgoal_target(s)[:2] - (tip.x, tip.y)).max() < 1e-9 for s in subgoals[-3:])

    listener.spin_until(tips)

    wanted = topics(yaml.safe_load(rviz_config("robot_1", "odom")))
    assert len(wanted) == 4
    if where == "robot:=real":
        # The fake robot's odometry is below hardware/, as that of many.
        del wanted["/robot_1/odom"]
    listener.spin_until(lambda: wanted.keys() <= dict(listener.get_topic_names_and_types()).keys())
    present = dict(listener.get_topic_names_and_types())
    for topic, kind in wanted.items():
        package = kind.__module__.split(".")[0]
        assert f"{package}/msg/{kind.__name__}" in present[topic], topic
    assert listener.count_subscribers("/robot_1/goal_pose") == 1
    graph.stop()


def test_the_configuration_follows_the_namespace():
    root, moved = (yaml.safe_load(rviz_config(namespace, "odom")) for namespace in ("", "fleet/robot_1"))
    assert root["Visualization Manager"]["Global Options"]["Fixed Frame"] == "odom"
    assert moved["Visualization Manager"]["Global Options"]["Fixed Frame"] == "fleet/robot_1/odom"
    assert [f"/fleet/robot_1{topic}" for topic in topics(root)] == list(topics(moved))


@pytest.mark.learning
def test_what_a_message_names_is_not_imported_and_the_scene_stays(launch, listener):
    graph = launch("markers:=true", "mode:=realtime", "rtf:=2", "record:=false")
    drawn = []
    listener.create_subscription(MarkerArray, "/markers", drawn.append, qos.sensor())
    # The run is at work by then, and does not give way to a newcomer.
    listener.spin_until(lambda: len(drawn) > 100, timeout=60)
    task = load_task("ant_maze").to_yaml().replace("env_id: ", "env_id: antigravity:")
    strangers = listener.create_publisher(msg.RunInfo, "/run_info", qos.latched())
    strangers.publish(msg.RunInfo(run=1, task=task))
    listener.spin_until(lambda: "'antigravity' is not imported for a message" in graph.said())
    # One that could be drawn, and gives way, takes the stage from nobody.
    strangers.publish(msg.RunInfo(run=2, task=load_task("ant_maze").to_yaml()))
    listener.spin_until(lambda: "0000000000000002" in graph.said())
    before = len(drawn)
    listener.spin_until(lambda: len(drawn) > before + 20)
    code, output = graph.stop()
    assert code == 0, output
    listener.until_alone()
