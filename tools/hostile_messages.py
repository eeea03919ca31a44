"""Messages that nobody should send: random, not finite, of a wrong size, episode, run or task; for every topic."""

from typing import NamedTuple

import numpy as np
from geometry_msgs.msg import PoseStamped
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray

from hrl_core.messages import NAN, Action, Observation, SubgoalKind
from hrl_msgs import msg
from hrl_ros import messages, qos, topics

_NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
_VECTORS = st.lists(_NUMBERS, min_size=0, max_size=10)
_UNSOUND = st.sampled_from([float("nan"), float("inf"), -float("inf")])
_BIG = st.sampled_from([0, 1, 2**31, 2**32 - 1])
_PARTIES = st.sampled_from(["", "worker", "manager", "manager_2", "x" * 5000])
_WORDS = st.sampled_from(["", "/stranger", "../../etc", "\0", "robot", "x" * 5000])


class Message(NamedTuple):
    """One message and how it is sent."""

    topic: str
    kind: type
    content: object
    """Of ``kind``, or its serialised form."""
    profile: QoSProfile


@st.composite
def _keys(draw: st.DrawFn, last: Observation) -> dict[str, int]:
    return {
        "run": draw(st.sampled_from([last.run, last.run + 1])),
        "episode": max(0, last.episode + draw(st.integers(-2, 2))),
        "step": max(0, last.step + draw(st.integers(-200, 200))),
    }


@st.composite
def _action(draw: st.DrawFn, last: Observation) -> Message:
    keys, values = draw(_keys(last)), draw(_VECTORS)
    # What fits by chance would be a sound action of another worker.
    value = np.array(values) if len(values) != 8 else np.full(8, np.nan)
    action = Action(0, "", keys["run"], last.robot, keys["episode"], keys["step"], value, 0, 0, NAN, 0)
    if draw(st.booleans()):
        # A sound value whose source is nobody's: what the environment says of itself, or unknown.
        action = action._replace(value=np.zeros(8), source=draw(st.sampled_from([1, 2, 4, 255])))
    return Message(topics.ACTION, msg.Action, messages.ACTION.encode(action), qos.lockstep())


@st.composite
def _observation(draw: st.DrawFn, last: Observation) -> Message:
    ahead = last._replace(step=last.step + draw(st.integers(1, 50)))
    size, factor = len(last.state), draw(_UNSOUND)
    forged = draw(
        st.sampled_from(
            [
                ahead._replace(state=np.full(size - 1, 1.0)),
                ahead._replace(state=np.full(size, factor)),
                ahead._replace(desired_goal=np.full(len(last.desired_goal), factor)),
                ahead._replace(task_hash=last.task_hash ^ 1),
                ahead._replace(run=last.run + 1),
            ]
        )
    )
    return Message(topics.OBSERVATION, msg.Observation, messages.OBSERVATION.encode(forged), qos.lockstep())


@st.composite
def _subgoal(draw: st.DrawFn, last: Observation) -> Message:
    keys, values = draw(_keys(last)), draw(_VECTORS)
    content = msg.Subgoal(value=values, anchor=values, tolerance=values[:2], **keys)
    # One that fits would be a sound subgoal of another manager: level, kind, value or number is wrong.
    content.level, content.kind, content.seq = draw(st.integers(0, 3)), draw(st.integers(3, 255)), draw(_BIG)
    if content.kind == SubgoalKind.CONTINUE:
        content.seq = 2**32 - 1
    return Message(topics.SUBGOAL, msg.Subgoal, content, qos.lockstep())


@st.composite
def _result(draw: st.DrawFn, last: Observation) -> Message:
    keys, level = draw(_keys(last)), draw(st.integers(0, 3))
    content = msg.SubgoalResult(achieved=draw(_VECTORS), level=level, end_reason=draw(st.integers(0, 255)), **keys)
    content.seq = draw(_BIG) if level else 2**32 - 1
    return Message(topics.SUBGOAL_RESULT, msg.SubgoalResult, content, qos.lockstep())


@st.composite
def _request(draw: st.DrawFn, last: Observation) -> Message:
    content = msg.SubgoalRequest(level=draw(st.integers(0, 3)), **draw(_keys(last)))
    return Message(topics.SUBGOAL_REQUEST, msg.SubgoalRequest, content, qos.event())


@st.composite
def _goal_pose(draw: st.DrawFn, last: Observation) -> Message:
    del last
    pose = PoseStamped()
    pose.pose.position.x, pose.pose.position.y = draw(_UNSOUND), draw(_NUMBERS)
    return Message(topics.GOAL_POSE, PoseStamped, pose, qos.event())


@st.composite
def _run_info(draw: st.DrawFn, last: Observation) -> Message:
    del last
    content = msg.RunInfo(run=draw(_BIG), robot=draw(_WORDS), task=draw(_WORDS), task_hash=draw(_WORDS))
    content.hierarchy, content.hierarchy_hash = draw(_WORDS), draw(_WORDS)
    content.clock_mode, content.real_time_factor = draw(st.integers(0, 255)), draw(_NUMBERS)
    content.header.stamp.sec = draw(st.sampled_from([0, 2**31 - 1]))
    return Message(topics.RUN_INFO, msg.RunInfo, content, qos.latched())


@st.composite
def _status(draw: st.DrawFn, last: Observation) -> Message:
    content = msg.SimStatus(run=draw(st.sampled_from([last.run, last.run + 1])), robot=draw(_WORDS))
    content.wanted_real_time_factor, content.real_time_factor = draw(_NUMBERS), draw(_NUMBERS)
    content.episode = draw(_BIG)
    return Message(topics.SIM_STATUS, msg.SimStatus, content, qos.latched())


@st.composite
def _recorder_status(draw: st.DrawFn, last: Observation) -> Message:
    content = msg.RecorderStatus(run=last.run + 1, recorder=draw(_BIG), recorded=draw(_BIG), error=draw(_WORDS))
    return Message(topics.RECORDER_STATUS, msg.RecorderStatus, content, qos.event())


@st.composite
def _policy_update(draw: st.DrawFn, last: Observation) -> Message:
    del last
    content = msg.PolicyUpdate(version=draw(_BIG), party=draw(_PARTIES), file=draw(_WORDS))
    content.sha256, content.task_hash = draw(_WORDS), draw(_WORDS)
    return Message(topics.POLICY_UPDATE, msg.PolicyUpdate, content, qos.latched())


@st.composite
def _policy_state(draw: st.DrawFn, last: Observation) -> Message:
    content = msg.PolicyState(party=draw(_PARTIES))
    content.in_force = draw(_policy_update(last)).content
    return Message(topics.POLICY_STATE, msg.PolicyState, content, qos.latched())


@st.composite
def _joint_states(draw: st.DrawFn, last: Observation) -> Message:
    del last
    names, values = draw(st.lists(st.sampled_from(["fl_hip", "fr_ankle", "", "x"]), max_size=10)), draw(_VECTORS)
    return Message(
        "hardware/joint_states", JointState, JointState(name=names, position=values, velocity=values), qos.sensor()
    )


@st.composite
def _odometry(draw: st.DrawFn, last: Observation) -> Message:
    del last
    content = Odometry()
    content.pose.pose.position.x = draw(_UNSOUND)
    return Message("hardware/odom", Odometry, content, qos.sensor())


@st.composite
def _command(draw: st.DrawFn, last: Observation) -> Message:
    del last
    values = draw(_VECTORS)
    sizes = [v for v in values if not np.isfinite(v)] or values[:7]
    return Message("effort_controller/commands", Float64MultiArray, Float64MultiArray(data=sizes), qos.command())


@st.composite
def _heartbeat(draw: st.DrawFn, last: Observation) -> Message:
    del last
    content = msg.Heartbeat(node=draw(_WORDS), pid=1, leaving=draw(st.booleans()), host=draw(_WORDS))
    return Message(topics.HEARTBEAT, msg.Heartbeat, content, qos.heartbeat())


KINDS = {
    "action": _action, "observation": _observation, "subgoal": _subgoal, "result": _result, "request": _request,
    "goal_pose": _goal_pose, "run_info": _run_info, "status": _status, "recorder_status": _recorder_status,
    "policy_update": _policy_update, "policy_state": _policy_state, "joint_states": _joint_states,
    "odometry": _odometry, "command": _command, "heartbeat": _heartbeat,
}  # fmt: skip
"""By what they pretend to be; each makes a strategy from the last observation of the run."""


class Sender:
    """Publishes on topics as they come; publishers are kept."""

    def __init__(self, node: Node) -> None:
        """Send from ``node``."""
        self._node = node
        self._publishers: dict[str, Publisher] = {}

    def send(self, message: Message) -> bool:
        """Publish a message; False: nobody listens yet."""
        publisher = self._publishers.get(message.topic)
        if publisher is None:
            publisher = self._node.create_publisher(message.kind, message.topic, message.profile)
            self._publishers[message.topic] = publisher
        if publisher.get_subscription_count() == 0:
            return False
        publisher.publish(message.content)
        return True
