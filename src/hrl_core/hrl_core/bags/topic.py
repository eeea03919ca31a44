"""A topic as a bag announces it."""

from typing import NamedTuple

from rosbags.interfaces import Qos


class Topic(NamedTuple):
    """One topic of a bag."""

    name: str
    type: str
    """Such as ``hrl_msgs/msg/Observation``."""
    definition: str
    """Message definition with those it depends on; empty where the bag has none."""
    idl: bool
    """Whether the definition is written in IDL."""
    profiles: tuple[Qos, ...]
