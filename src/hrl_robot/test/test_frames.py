"""Numbers of another frame are of another place: a pose is read in the frame that was expected, or not at all."""

import pytest
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry

from hrl_core.task.text import load_task
from hrl_robot import robot_config
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import ODOMETRY, POSE, RobotConfigError, StreamConfig, load_robot, parse_robot
from hrl_robot.robot_messages import Reader, reader_of

JOINTS = JointMap(load_robot("fake_ant"), load_task("ant_maze"))
TEXT = (robot_config._ROBOTS / "fake_ant.yaml").read_text()
KINDS = {"kettle": POSE, "crate": ODOMETRY, ODOMETRY: POSE}


def reader(name: str, frame: str) -> tuple[type, Reader]:
    return reader_of(name, StreamConfig("t", kind=KINDS[name], frame=frame), JOINTS)


def told(kind: type, frame: str) -> PoseStamped | Odometry:
    message = kind()
    message.header.frame_id = frame
    return message


@pytest.mark.parametrize("name", KINDS)
def test_a_pose_in_another_frame_than_the_file_s_is_refused_by_name(name: str) -> None:
    kind, read = reader(name, "odom")
    for frame in ("odom", "/odom", ""):
        read(told(kind, frame))
    for other in ("camera_link", "robot_1/odom"):
        with pytest.raises(RobotConfigError, match=f"^{name}: in frame '{other}', not in 'odom' as the robot's file"):
            read(told(kind, other))


@pytest.mark.parametrize("name", KINDS)
def test_where_the_file_names_no_frame_the_first_one_must_stay(name: str) -> None:
    kind, read = reader(name, "")
    for frame in ("", "map", "map", ""):
        read(told(kind, frame))
    with pytest.raises(RobotConfigError, match=f"^{name}: in frame 'odom', not in 'map' as at first"):
        read(told(kind, "odom"))
    read(told(kind, "map"))


def test_frames_of_two_streams_have_nothing_to_do_with_each_other() -> None:
    kind, read = reader("kettle", "")
    read(told(kind, "map"))
    kind, read = reader("crate", "")
    read(told(kind, "odom"))


def test_joints_are_in_no_frame() -> None:
    text = TEXT.replace("joint_states: {topic:", "joint_states: {frame: odom, topic:")
    with pytest.raises(RobotConfigError, match=r"streams.joint_states.frame: joints are in no frame"):
        parse_robot(text, "my.yaml")
    text = TEXT.replace("\njoints:", "\n  doors: {topic: d, kind: joints, joints: [left], frame: odom}\njoints:")
    with pytest.raises(RobotConfigError, match=r"streams.doors.frame: joints are in no frame"):
        parse_robot(text, "my.yaml")
