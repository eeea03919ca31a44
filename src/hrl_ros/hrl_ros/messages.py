"""Conversion between the core's named tuples and ROS messages."""

from builtin_interfaces.msg import Time

from hrl_core.messages import Action, EpisodeResult, Observation, Subgoal, SubgoalRequest, SubgoalResult
from hrl_msgs import msg
from hrl_ros.cdr import CdrCodec

NANOSECONDS = 1_000_000_000

OBSERVATION = CdrCodec(msg.Observation, Observation, Observation._fields)
SUBGOAL = CdrCodec(msg.Subgoal, Subgoal, Subgoal._fields)
SUBGOAL_REQUEST = CdrCodec(msg.SubgoalRequest, SubgoalRequest, SubgoalRequest._fields)
SUBGOAL_RESULT = CdrCodec(msg.SubgoalResult, SubgoalResult, SubgoalResult._fields)
ACTION = CdrCodec(msg.Action, Action, Action._fields)
EPISODE_RESULT = CdrCodec(msg.EpisodeResult, EpisodeResult, EpisodeResult._fields)


def to_time(nanoseconds: int) -> Time:
    """ROS time from nanoseconds."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return Time(sec=seconds, nanosec=rest)


def from_time(time: Time) -> int:
    """Nanoseconds from ROS time."""
    return time.sec * NANOSECONDS + time.nanosec
