"""A Franka in the kitchen: what its drivers tell is what the simulator observes, what it is told moves it alike."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sensor_msgs.msg import JointState

from hrl_core.demonstrations.kitchen import intention
from hrl_core.envs.making import make_env
from hrl_core.errors import TaskError
from hrl_core.messages import Mode, Vector
from hrl_core.task.text import load_task
from hrl_robot import robot_config
from hrl_robot.fake_arm import FakeArm
from hrl_robot.fake_body import Fixtures
from hrl_robot.fake_robot_node import message_of
from hrl_robot.gripper import opening_for
from hrl_robot.joint_map import JointMap
from hrl_robot.robot_config import RobotConfigError, load_robot, parse_robot
from hrl_robot.robot_messages import reader_of
from hrl_robot.robot_runner import RobotRunner
from hrl_robot.robot_state import BodyState, Instant, JointStates, StateAssembler
from hrl_ros.messages import to_time

pytest.importorskip("gymnasium_robotics")
CONFIG = load_robot("fake_franka")
assert CONFIG.gripper is not None
GRIPPER = CONFIG.gripper
TEXT = (robot_config._ROBOTS / "fake_franka.yaml").read_text()
STEPS = 40
"""Physics steps of a control period."""


TASK = load_task("kitchen")
EXACT = dataclasses.replace(TASK, env_kwargs={**TASK.env_kwargs, "noise": 0.0})
"""The kitchen, observed without noise."""


class Drivers:
    """What stands between body and bridge: messages, in the shapes that drivers use."""

    def __init__(self, body: FakeArm) -> None:
        self.body, self.map = body, JointMap(CONFIG, TASK)
        self._names = {stream.topic.removeprefix("hardware/"): name for name, stream in CONFIG.streams.items()}

    def instant(self) -> Instant:
        position, velocity = self.body.encoders()
        own = Fixtures(tuple(motor.name for motor in self.body.wiring.motors), position, velocity)
        states = {}
        for topic, thing in {"joint_states": own, **self.body.things()}.items():
            name = self._names[topic]
            kind, read = reader_of(name, CONFIG.streams[name], self.map)
            message = message_of(to_time(0), ("odom", topic), thing)
            assert isinstance(message, kind)
            states[name] = read(message)
        return Instant(states.pop("joint_states"), states)

    def act(self, action: Vector) -> None:
        self.body.command(self.map.command(action))
        opening = opening_for(GRIPPER, float(action[-2:].mean()))
        if opening is not None:
            self.body.grip(opening)


def test_what_the_arm_s_drivers_tell_is_the_state_of_the_simulator_and_commands_move_it_alike() -> None:
    """The expert reaches, grips and pulls: both go the same way, wherever the wiring and whichever the messages."""
    body, env = FakeArm(EXACT), make_env(EXACT)
    body.place(3)
    data, _ = env.reset(seed=3)
    drivers, goal = Drivers(body), np.array(env.get_wrapper_attr("goal"))
    assembler = StateAssembler(CONFIG, EXACT, drivers.map.joints)
    for step in range(60):
        state, achieved = assembler.assemble(drivers.instant(), step)
        assert np.allclose(state, data["observation"], atol=1e-6)
        assert np.allclose(achieved, data["achieved_goal"], atol=1e-6)
        action = intention(data["observation"], goal).action
        drivers.act(action)
        for _ in range(STEPS):
            body.advance()
        data, *_ = env.step(action)
    assert np.abs(state[:7] - env.reset(seed=3)[0]["observation"][:7]).max() > 0.3, "it has hardly moved"
    body.close()
    env.close()


@given(action=st.floats(-1, 1), threshold=st.floats(0, 1))
def test_a_gripper_opens_closes_or_is_left_alone(action: float, threshold: float) -> None:
    gripper = dataclasses.replace(GRIPPER, threshold=threshold)
    told = opening_for(gripper, action)
    assert told == (0.04 if action > threshold else 0.0 if action < -threshold else None)
    assert opening_for(gripper, 0.0) is None, "the safe action holds on to what is held"


@given(action=st.lists(st.floats(-1, 1), min_size=9, max_size=9))
def test_commands_are_velocities_and_what_they_stand_for_leaves_fingers_alone(action: list[float]) -> None:
    mapping = JointMap(CONFIG, TASK)
    command = mapping.command(np.array(action))
    assert command[0] == pytest.approx(2.0 * action[1]), "fr3_joint2 comes first, and 1 is 2 rad/s"
    assert command[1] == pytest.approx(-2.0 * action[0]), "fr3_joint1 turns the other way"
    assert mapping.action(command) == pytest.approx([*action[:7], 0.0, 0.0])


def test_the_kettle_s_orientation_stays_continuous_when_its_estimator_flips_it() -> None:
    assembler = StateAssembler(CONFIG, TASK, list(CONFIG.joints))
    still = {
        "fixtures": JointStates(np.zeros(14), np.zeros(14)),
        "ee": BodyState(np.zeros(3), np.array([1.0, 0, 0, 0])),
    }
    seen = []
    for turn in np.linspace(0, 2 * np.pi, 50):
        quaternion = np.array([np.cos(turn / 2), 0, 0, np.sin(turn / 2)])
        kettle = BodyState(np.zeros(3), quaternion * (1 if quaternion[0] >= 0 else -1))
        joints = JointStates(np.zeros(9), np.zeros(9))
        seen.append(assembler.assemble(Instant(joints, {**still, "kettle": kettle}), 0)[0][35:39])
    assert np.abs(np.diff(seen, axis=0)).max() < 0.1
    assembler.begin()
    assert assembler.assemble(Instant(joints, {**still, "kettle": kettle}), 0)[0][35] > 0


def test_a_robot_s_reward_is_minus_the_number_of_things_out_of_place() -> None:
    goal = np.array(TASK.evaluation_goals[0])
    runner = RobotRunner(TASK, 0, Mode.EVAL, goal, 1, "robot", "odom")
    runner.set_goal(goal)
    away = goal.copy()
    away[13] += 1.0
    assert (runner._reward(goal), runner._reward(away)) == (0.0, -1.0)


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("    kind: joints\n", "", "streams.fixtures.joints: kind joints needs names of joints"),
        ("kind: odometry}", "kind: odometry, joints: [lid]}", "streams.kettle.joints: kind joints needs names"),
        ("kind: pose}", "kind: tf}", "streams.ee.kind: must be one of pose, odometry, joints"),
        (
            "tolerance: 0.2}",
            "tolerance: 0.2, kind: odometry}",
            "streams.joint_states.kind: joint_states is the robot's",
        ),
        ("[finger_1, finger_2]", "[finger_1, thumb]", r"gripper.joints: \['thumb'\] are not under joints"),
        ("threshold: 0.3", "threshold: 3", "gripper.threshold: "),
        ("unit: 2.0, position: [-2.95", "unit: 0, position: [-2.95", "joints.panda_joint1.unit: "),
        ("body: franka", "body: fox", "fake.body: must be one of ant, franka"),
    ],
)
def test_what_an_arm_s_file_has_wrong_is_named(old: str, new: str, cause: str) -> None:
    assert old in TEXT
    with pytest.raises(RobotConfigError, match=cause):
        parse_robot(TEXT.replace(old, new, 1), "arm.yaml")


def test_what_a_thing_does_not_tell_is_no_source() -> None:
    """Of a pose there is no velocity; elements that nobody tells are named with what there is."""
    config = parse_robot(TEXT.replace("kind: odometry}", "kind: pose}"), "arm.yaml")
    with pytest.raises(RobotConfigError, match=r"'kettle_vx', .* of task 'kitchen'"):
        StateAssembler(config, TASK, list(config.joints))


@pytest.mark.parametrize(
    ("names", "cause"), [(["knob_1"], "'burner_1'"), ([*CONFIG.streams["fixtures"].joints, "lid"], "15 names, 14")]
)
def test_joints_that_are_missing_or_have_no_number_are_named(names: list[str], cause: str) -> None:
    _, read = reader_of("fixtures", CONFIG.streams["fixtures"], JointMap(CONFIG, TASK))
    with pytest.raises(RobotConfigError, match=cause):
        read(JointState(name=names, position=[0.0] * 14, velocity=[0.0] * len(names)))


def test_an_ant_s_task_has_no_such_arm() -> None:
    with pytest.raises(TaskError, match=r"AntMaze.* has no joints robot:panda0_finger_joint1"):
        FakeArm(load_task("ant_maze"))
