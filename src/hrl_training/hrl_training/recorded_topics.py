"""What the recorder listens to, and how each topic is announced in a bag."""

from collections.abc import Callable

from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from hrl_msgs import msg
from hrl_ros import messages, topics
from hrl_training.recording import Keyed
from hrl_training.segments import RecordedTopic

KEYED: dict[str, tuple[type, Callable[[bytes], Keyed]]] = {
    topics.OBSERVATION: (msg.Observation, messages.OBSERVATION.decode),
    topics.ACTION: (msg.Action, messages.ACTION.decode),
    topics.SUBGOAL: (msg.Subgoal, messages.SUBGOAL.decode),
    topics.SUBGOAL_RESULT: (msg.SubgoalResult, messages.SUBGOAL_RESULT.decode),
    topics.EPISODE_RESULT: (msg.EpisodeResult, messages.EPISODE_RESULT.decode),
}
STANDARD: dict[str, type] = {topics.JOINT_STATES: JointState, topics.ODOM: Odometry, topics.CLOCK: Clock}
LATCHED: dict[str, type] = {
    topics.RUN_INFO: msg.RunInfo,
    topics.SIM_STATUS: msg.SimStatus,
    topics.POLICY_UPDATE: msg.PolicyUpdate,
}
"""Repeated at the beginning of every bag."""


def recorded_topics(full_name: Callable[[str], str]) -> dict[str, RecordedTopic]:
    """Every recorded topic, latched ones first; ``full_name`` puts the node's namespace and remappings in."""
    kinds = LATCHED | {topic: kind for topic, (kind, _) in KEYED.items()} | STANDARD
    return {
        topic: RecordedTopic(full_name(topic), f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}", topic in LATCHED)
        for topic, kind in kinds.items()
    }
