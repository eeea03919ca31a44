"""From the robot's joints and frames to the task's and back; wrong files and wrong robots are refused by name."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import hrl_core.envs  # noqa: F401 - registers the ids
from hrl_core.control.rotation import inverse, rotated
from hrl_core.envs.making import make_env
from hrl_core.messages import Mode
from hrl_core.task.given_commands import with_observed_commands
from hrl_core.task.text import load_task
from hrl_robot import robot_config
from hrl_robot.fake_body import FakeAnt
from hrl_robot.hardware import ANT
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import RobotConfigError, load_robot, parse_robot
from hrl_robot.robot_runner import RobotRunner
from hrl_robot.robot_state import BodyState, Instant, JointStates, StateAssembler

TASK = load_task("ant_maze")
CONFIG = load_robot("fake_ant")
TEXT = (robot_config._ROBOTS / "fake_ant.yaml").read_text()
NAMES = [motor.name for motor in ANT.motors]
vectors = arrays(np.float64, 8, elements=st.floats(-30, 30))


@pytest.mark.parametrize("interface", ["effort", "velocity", "position"])
@given(action=vectors)
def test_command_and_action_are_inverse_for_every_interface(interface, action):
    text = TEXT.replace("interface: effort ", f"interface: {interface} ").replace("sign: -1,", "sign: -1, scale: 2.5,")
    mapping = JointMap(parse_robot(text, "test"), TASK)
    assert np.allclose(mapping.action(mapping.command(action)), action, atol=1e-12)


def test_what_others_command_is_understood_also_where_fingers_have_a_controller_of_their_own():
    mapping, action = JointMap(load_robot("fake_franka"), load_task("kitchen")), np.linspace(-0.9, 0.7, 9)
    command = mapping.command(action)
    assert len(command) == 7
    understood = mapping.understood(command.tolist())
    assert understood is not None
    assert understood.tolist() == pytest.approx([*action[:7], 0.0, 0.0])
    assert mapping.understood([0.0] * 9) is None
    assert mapping.understood([*command[:-1], float("nan")]) is None


def test_a_file_copied_when_it_said_stamped_false_is_taken():
    parse_robot(TEXT.replace("interface: effort ", "interface: effort\n  stamped: false "), "test")


def test_fingers_by_position_hold_what_they_hold_and_nothing_else_is_their_safe_action():
    text = (robot_config._ROBOTS / "fake_franka.yaml").read_text().replace("interface: velocity", "interface: position")
    safe = [row.safe for row in parse_robot(text, "test").safety(load_task("kitchen"))]
    assert safe == ["hold"] * 7 + ["zero"] * 2
    with pytest.raises(RobotConfigError, match=r"finger_1.safe: must be zero, or left out, with interface: position"):
        parse_robot(text.replace("fr3_finger_joint1,", "fr3_finger_joint1, safe: hold,"), "test")


def test_power_is_the_same_on_both_sides_of_a_gear():
    text = TEXT.replace("sign: -1,", "sign: -1, scale: 2.5,")
    mapping = JointMap(parse_robot(text, "test"), TASK)
    action, rates = np.arange(1.0, 9.0), np.arange(8.0)
    _, task_rates = mapping.state(NAMES, np.zeros(8), rates)
    robot_power = {name: 0.0 for name in NAMES}
    command = dict(zip(CONFIG.command.order, mapping.command(action), strict=True))
    for name, rate in zip(NAMES, rates, strict=True):
        robot_power[name] = command[name] * rate
    order = mapping.actions
    by_joint = {CONFIG.joints[mapping.joints[j]].name: action[i] * task_rates[j] for i, j in enumerate(order)}
    assert by_joint == pytest.approx(robot_power)


def test_what_the_fake_robot_shows_is_the_state_of_the_simulator_to_rounding():
    """Encoders, wiring, frames and quaternion of the fake robot, undone by file and assembler, give the environment's
    own observation; a torque through the bridge moves it as the environment's does."""
    physics, env = FakeAnt(TASK), make_env(TASK)
    physics.place(3)
    data, _ = env.reset(seed=3)
    mapping = JointMap(CONFIG, TASK)
    assembler = StateAssembler(CONFIG, TASK, mapping.joints)
    generator = np.random.default_rng(0)
    for step in range(40):
        position, velocity = physics.encoders()
        pose, twist = physics.things()["odom"]
        assert twist is not None
        quaternion = pose[3:7] / np.linalg.norm(pose[3:7])
        base = BodyState(pose[:3], quaternion, rotated(inverse(quaternion), twist[:3]), twist[3:6])
        joints = JointStates(*mapping.state(NAMES, position, velocity))
        state, achieved = assembler.assemble(Instant(joints, {"odometry": base}), step)
        expected = data["observation"].copy()
        expected[3:7] /= np.linalg.norm(expected[3:7])
        assert np.allclose(state, expected, atol=1e-9)
        assert np.allclose(achieved, data["achieved_goal"])
        action = generator.uniform(-30, 30, 8)
        physics.command(mapping.command(action))
        for _ in range(5):
            physics.advance()
        data, *_ = env.step(action)
    physics.close()
    env.close()


def test_odometry_twist_turns_from_the_robot_into_the_world():
    quarter_turn = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
    assert np.allclose(rotated(quarter_turn, np.array([1.0, 0.0, 0.0])), [0.0, 1.0, 0.0])
    assembler = StateAssembler(CONFIG, TASK, list(CONFIG.joints))
    base = BodyState(np.zeros(3), quarter_turn, np.array([1.0, 0.0, 0.0]), np.array([0.1, 0.2, 0.3]))
    state, _ = assembler.assemble(Instant(JointStates(np.zeros(8), np.zeros(8)), {"odometry": base}), 7)
    assert np.allclose(state[15:21], [0.0, 1.0, 0.0, 0.1, 0.2, 0.3])
    assert state[29] == pytest.approx(0.007)


def test_quaternion_stays_continuous_when_the_estimator_flips_it():
    assembler = StateAssembler(CONFIG, TASK, list(CONFIG.joints))
    joints = JointStates(np.zeros(8), np.zeros(8))
    seen = []
    for angle in np.linspace(0, 2 * np.pi, 50):
        quaternion = np.array([np.cos(angle / 2), 0, 0, np.sin(angle / 2)])
        shown = quaternion if quaternion[0] >= 0 else -quaternion
        state, _ = assembler.assemble(Instant(joints, {"odometry": BodyState(np.zeros(3), shown)}), 0)
        seen.append(state[3:7])
    assert np.abs(np.diff(seen, axis=0)).max() < 0.1
    assert seen[-1][0] == pytest.approx(-1.0)


def test_commands_given_before_are_remembered_by_the_bridge():
    """Sent ones, clipped, whatever became of them; an episode begins with none."""
    task = with_observed_commands(TASK, 2)
    runner = RobotRunner(task, 0, Mode.EVAL, np.zeros(2), 1, "robot", "odom")
    runner.assembler = StateAssembler(CONFIG, task, list(CONFIG.joints))
    base = BodyState(np.zeros(3), np.array([1.0, 0, 0, 0]))
    runner.look = lambda: Instant(JointStates(np.zeros(8), np.zeros(8)), {"odometry": base})
    seen = [runner.reset(0).state]
    for number in (10.0, 50.0, 30.0):
        assert runner.fresh()
        seen.append(runner.step(np.full(8, number)).state)
    assert [state[30::8].tolist() for state in seen] == [[0, 0], [10, 0], [30, 10], [30, 30]]
    # A period of which nothing can be told has passed under a command all the same.
    runner.unseen(np.full(8, 5.0))
    runner.fresh()
    assert runner.step(np.full(8, 6.0)).state[30::8].tolist() == [6, 5]
    assert not runner.reset(1).state[30:].any()


def first_message(**changes):
    shown = {motor.name: motor.zero + motor.sign * (1.0 if "ankle_1" in motor.joint else 0.0) for motor in ANT.motors}
    return {**shown, "neck": 0.0, **changes}


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        ([*NAMES[:-1], "neck"], r"missing \['fl_hip'\]"),
        ([*NAMES, "tail"], r"extra \['tail'\]"),
        ([*NAMES, "br_hip"], r"more than once \['br_hip'\]"),
    ],
)
def test_wrong_joints_are_refused_by_name(names, cause):
    with pytest.raises(RobotConfigError, match=cause):
        JointMap(CONFIG, TASK).check(names, [0.0] * len(names))


def test_impossible_positions_are_refused_by_name_as_offset_or_sign_errors_show():
    message = first_message(fl_hip=2.5)
    with pytest.raises(RobotConfigError, match=r"fl_hip \(hip_1\) at 2.400, allowed -0.9 to 0.9.*check sign, offset"):
        JointMap(CONFIG, TASK).check(list(message), list(message.values()))


def test_the_order_of_names_in_messages_does_not_matter():
    mapping = JointMap(CONFIG, TASK)
    values = dict(zip(NAMES, np.linspace(-0.2, 0.2, 8), strict=True))
    forward = mapping.state(list(values), np.array(list(values.values())), np.zeros(8))
    backward = mapping.state(list(values)[::-1], np.array(list(values.values())[::-1]), np.zeros(8))
    assert np.array_equal(forward[0], backward[0])


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("interface: effort ", "interface: force ", "line 7: command.interface: must be one of effort, v.*got 'force'"),
        ("sign: -1, offset: 0.4", "sign: 2, offset: 0.4", "line 20: joints.ankle_1.sign: must be 1 or -1, got 2"),
        ("sign: -1, offset: 0.4", "sgn: -1, offset: 0.4", "line 20: joints.ankle_1.sgn: unknown.*did you mean sign"),
        ("name: fl_hip,", "name: bl_hip,", "joints.hip_2.name: 'bl_hip' is the joint of hip_1 already"),
        (
            "joint_states: {",
            "joints_state: {",
            "line 10: streams: joint_states is required, got joints_state, odometry",
        ),
        (
            "  joint_states: {topic: hardware/joint_states, alignment: hold, tolerance: 0.2}\n",
            "",
            "joint_states is req",
        ),
        ("alignment: hold, tolerance: 0.2}\n\n", "alignment: latest, tolerance: 0.2}\n\n", "hold, as_of, drop, got"),
        ("latency: 0.0 ", "latency: fast ", "fake.latency: must be a finite number, 0 or above, got 'fast'"),
        ("latency: 0.0 ", "latency: -0.1 ", "fake.latency: must be a finite number, 0 or above, got -0.1"),
        ("dropout: 0.0 ", "dropout: 1.5 ", "fake.dropout: must be a number from 0 to 1, got 1.5"),
        ("start: automatic", "start: never", "operator.start: must be one of automatic, service, got 'never'"),
        ("order: [fr_ankle, ", "order: [", "line 8: command.order: must name each robot joint once"),
        ("order: [fr_ankle, ", "order: [bl_hip, ", r"command.order\[1\]: 'bl_hip' is there twice"),
        ("offset: 0.1,", "offset: .inf,", "line 19: joints.hip_1.offset: must be a finite number, got .inf"),
        ("offset: 0.1,", "offset: .nan,", "joints.hip_1.offset: must be a finite number, got .nan"),
        ("sign: 1, offset: 0.1,", "scale: .inf,", "joints.hip_1.scale: must be a finite number above 0, got .inf"),
        ("sign: 1, offset: 0.1,", "scale: 0,", "joints.hip_1.scale: must be a finite number above 0, got 0"),
        ("sign: 1, offset: 0.1,", "damping: .inf,", "joints.hip_1.damping: must be a finite number, 0 or above"),
        ("sign: 1, offset: 0.1,", "safe: damping,", "joints.hip_1.damping: must be above 0 with safe: damping"),
        ("sign: 1, offset: 0.1,", "effort: -3,", "joints.hip_1.effort: must be a number above 0, got -3"),
        ("offset: 0.1, position: [-0.9, 0.9]", "position: [0.9, -0.9]", "low below high, got 0.9 and -0.9"),
        ("offset: 0.1, position: [-0.9, 0.9]", "position: [a, b]", r"position\[0\]: must be a finite number, got 'a'"),
        ("offset: 0.1, position: [-0.9, 0.9]", 'position: ["1", "2"]', r"position\[0\]: must be a finite number, got"),
        ("offset: 0.1, position: [-0.9, 0.9]", "position: [-.inf, .inf]", r"position\[0\]: must be a finite number"),
        (
            "offset: 0.1, position: [-0.9, 0.9]",
            "position: [0.9]",
            "hip_1.position: must be a list of 2, got a list of 1",
        ),
        ("offset: 0.1,", "offset: 0.1, offset: 0.2,", "line 19: joints.hip_1.offset: is given twice"),
        ("ignore: [neck]", "name: other\nignore: [neck]", "line 27: name: is given twice"),
        ("topic: hardware/odom,", 'topic: "",', "streams.odometry.topic: must be a ROS name: letters, digits.*got ''"),
        ("topic: hardware/odom,", "topic: hard ware/odom,", "streams.odometry.topic: must be a ROS name"),
        ("topic: hardware/odom,", "topic: hardware/2odom,", "streams.odometry.topic: must be a ROS name"),
        ("controller: effort_controller ", "controller: effort//controller ", "command.controller: must be a ROS name"),
        ("tolerance: 0.2}\n\n", "tolerance: .inf}\n\n", "odometry.tolerance: must be a finite number above 0"),
        ("interface: effort ", "stamped: 0 ", "command.stamped: must be false, or left out: .*, got 0"),
        ("interface: effort ", "stamped: true ", "line 7: command.stamped: .*MultiDOFCommand.* has no stamp.*got true"),
        ("name: fake_ant", "name: 12", "line 3: name: must be text that is not empty, got 12"),
        ("ignore: [neck]", "ignore: neck", "ignore: must be a list, got 'neck'"),
        ("command:", "command", "not valid YAML"),
    ],
)
def test_errors_in_the_file_name_field_and_what_is_allowed(old, new, cause):
    assert old in TEXT
    with pytest.raises(RobotConfigError, match=f"^my.yaml, (line [0-9]+: .*)?{cause}"):
        parse_robot(TEXT.replace(old, new, 1), "my.yaml")


def test_robot_that_lacks_joints_of_the_task_is_refused():
    other = load_task("point_maze")
    with pytest.raises(RobotConfigError, match=re.escape("joints the task does not have")):
        CONFIG.require_task(other)


def test_element_without_a_source_is_refused_with_what_there_is():
    text = TEXT.replace("  odometry: {topic: hardware/odom, alignment: hold, tolerance: 0.2}\n", "")
    config = parse_robot(text, "test")
    with pytest.raises(RobotConfigError, match=r"no source for observation elements \['x', 'y'.*hip_1_rate.*time"):
        StateAssembler(config, TASK, list(config.joints))


def test_fake_robot_takes_commands_in_its_controllers_order():
    assert CONFIG.command.order == ANT.commands
