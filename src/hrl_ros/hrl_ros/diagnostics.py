"""What a node says of its health on /diagnostics."""

import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message

from hrl_ros import messages, qos, topics
from hrl_ros.node import HrlNode


class Diagnostics:
    """Publishes one status, named after the node."""

    def __init__(self, node: HrlNode) -> None:
        """Create the publisher; it speaks while the node is active."""
        # Serialised here, so that the node stays until a last word has been heard.
        self._publisher = node.publish_raw(DiagnosticArray, topics.DIAGNOSTICS, qos.event())
        self._name = node.get_fully_qualified_name().lstrip("/")

    def ok(self, message: str, figures: Mapping[str, object]) -> None:
        """All is well."""
        self._publish(DiagnosticStatus.OK, message, figures)

    def warn(self, message: str, figures: Mapping[str, object]) -> None:
        """Something needs attention."""
        self._publish(DiagnosticStatus.WARN, message, figures)

    def error(self, message: str, figures: Mapping[str, object]) -> None:
        """Something has failed."""
        self._publish(DiagnosticStatus.ERROR, message, figures)

    def _publish(self, level: bytes, message: str, figures: Mapping[str, object]) -> None:
        values = [KeyValue(key=key, value=str(value)) for key, value in figures.items()]
        status = DiagnosticStatus(level=level, name=self._name, message=message, hardware_id="hrl", values=values)
        array = DiagnosticArray(status=[status])
        array.header.stamp = messages.to_time(time.time_ns())
        self._publisher.publish(serialize_message(array))
