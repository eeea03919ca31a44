"""The pulse of a node: published in any lifecycle state, from the executor that does its work."""

import os
import socket
from typing import Protocol

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from hrl_msgs import msg
from hrl_ros import qos, topics


class Managed(Protocol):
    """What a pulse tells of its node."""

    configured: bool
    active: bool

    def ready(self) -> bool:
        """Whether it is active or could be at once."""
        ...


class Pulse:
    """Beats until the executor stops turning."""

    def __init__(self, node: Node, managed: Managed, period: float) -> None:
        """Start beating.

        Args:
            node: whose pulse it is.
            managed: the same node, asked how far it is.
            period: seconds of steady time between beats.
        """
        self._managed = managed
        self._message = msg.Heartbeat(node=node.get_fully_qualified_name(), pid=os.getpid(), host=socket.gethostname())
        # Not a lifecycle publisher: those are silent while the node is inactive.
        self._publisher = node.create_publisher(msg.Heartbeat, topics.HEARTBEAT, qos.heartbeat())
        self._timer = node.create_timer(period, self._beat, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def farewell(self) -> None:
        """Say that the silence that follows is meant."""
        self._message.leaving = True
        self._beat()

    def _beat(self) -> None:
        self._message.count += 1
        managed = self._managed
        self._message.configured, self._message.active = managed.configured, managed.active
        self._message.connected = managed.ready()
        self._publisher.publish(self._message)
