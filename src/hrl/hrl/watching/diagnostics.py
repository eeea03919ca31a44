"""What is said on /diagnostics, heard."""

import time

from hrl.watching.node_states import NodeStates
from hrl.watching.onlooker_node import Onlooker


def listen(eye: Onlooker, states: NodeStates, everyone: bool = False) -> None:
    """Gather what is said on /diagnostics from now on; without ``everyone`` only what nodes of this stack say."""
    from diagnostic_msgs.msg import DiagnosticArray

    from hrl_ros import messages, qos, topics
    from hrl_ros.diagnostics import HARDWARE_ID

    def take(array: DiagnosticArray) -> None:
        delay = time.time() - messages.from_time(array.header.stamp) / messages.NANOSECONDS
        for status in array.status:
            if everyone or status.hardware_id == HARDWARE_ID:
                values = {entry.key: entry.value for entry in status.values}
                states.hear(status.name, status.level[0], status.message, values, time.monotonic(), delay)

    eye.node.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, take, qos.onlooker(100))
