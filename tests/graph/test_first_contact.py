"""A robot of somebody else's, played by the test: it is told to walk only once the supervisor can stop it."""

import numpy as np
import pytest
import yaml
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hrl_robot import robot_config
from hrl_ros import qos

pytestmark = [pytest.mark.ros, pytest.mark.alone]
COMMANDS = "effort_controller/commands"


def without_fake(folder):
    """The shipped file for a robot that is simply there."""
    shipped = yaml.safe_load((robot_config._ROBOTS / "fake_ant.yaml").read_text())
    del shipped["fake"]
    shipped["operator"]["place_service"] = ""
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(shipped))
    return path, [joint["name"] for joint in shipped["joints"].values()]


def test_bridge_waits_until_safe_actions_of_the_supervisor_arrive(launch, listener, observe, tmp_path):
    path, names = without_fake(tmp_path)
    states = listener.create_publisher(JointState, "hardware/joint_states", qos.state())
    odometry = listener.create_publisher(Odometry, "hardware/odom", qos.state())

    def stand():
        now = listener.get_clock().now().to_msg()
        joints = JointState(name=names, position=[0.0] * len(names), velocity=[0.0] * len(names))
        base = Odometry()
        joints.header.stamp = base.header.stamp = now
        base.pose.pose.position.z, base.pose.pose.orientation.w = 0.75, 1.0
        states.publish(joints)
        odometry.publish(base)

    def bridge():
        return listener.call(GetState, "bridge/get_state").current_state.id

    listener.create_timer(0.02, stand)
    graph = launch("robot:=real", f"robot_config:={path}")
    listener.spin_until(lambda: bridge() == State.PRIMARY_STATE_INACTIVE, timeout=40)
    listener.spin_for(2.0)
    assert bridge() == State.PRIMARY_STATE_INACTIVE
    assert not observe
    commands = []
    listener.create_subscription(Float64MultiArray, COMMANDS, lambda m: commands.append(list(m.data)), qos.command())
    listener.spin_until(lambda: len(observe) > 5)
    assert not np.any(commands[0])
    assert any(np.any(command) for command in commands)
    code, output = graph.stop()
    assert code == 0, output
