"""What a node says of its health on /diagnostics."""

import socket
import time
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import serialize_message

from hrl_ros import messages, qos, topics
from hrl_ros.health import Health, Level, Report, plain
from hrl_ros.node import HrlNode

REPORT_PERIOD = 1.0
"""Seconds of steady time between two reports of a node."""
HARDWARE_ID = "hrl"
"""Marks the statuses of this stack."""
_HOST = socket.gethostname()
_LEVELS = {Level.OK: DiagnosticStatus.OK, Level.WARN: DiagnosticStatus.WARN, Level.ERROR: DiagnosticStatus.ERROR}


class Diagnostics:
    """Publishes one status, named after the node."""

    def __init__(self, node: HrlNode) -> None:
        """Create the publisher; it speaks while the node is active."""
        # Serialised here, so that the node stays until a last word has been heard.
        self._publisher = node.publish_raw(DiagnosticArray, topics.DIAGNOSTICS, qos.event())
        self._name = node.get_fully_qualified_name().lstrip("/")

    def publish(self, report: Report) -> None:
        """Say how the node is."""
        said = {"host": _HOST, **report.values}
        values = [KeyValue(key=key, value=value) for key, value in said.items()]
        status = DiagnosticStatus(
            level=_LEVELS[report.level],
            name=self._name,
            message=report.message,
            hardware_id=HARDWARE_ID,
            values=values,
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = messages.to_time(time.time_ns())
        self._publisher.publish(serialize_message(array))

    def ok(self, message: str, figures: Mapping[str, object]) -> None:
        """All is well."""
        self.publish(Report(Level.OK, message, _plain(figures)))

    def warn(self, message: str, figures: Mapping[str, object]) -> None:
        """Something needs attention."""
        self.publish(Report(Level.WARN, message, _plain(figures)))

    def error(self, message: str, figures: Mapping[str, object]) -> None:
        """Something has failed."""
        self.publish(Report(Level.ERROR, message, _plain(figures)))


class HealthReports:
    """Publishes a node's ``Health`` once a second while the node is active."""

    def __init__(self, node: HrlNode, health: Health, update: Callable[[], None] | None = None) -> None:
        """Begin; make it in ``setup``.

        Args:
            node: who reports.
            health: what is reported.
            update: called before each report, to bring the figures up to date.
        """
        self._diagnostics, self._health, self._update = Diagnostics(node), health, update
        node.every(REPORT_PERIOD, self.report)

    def report(self) -> None:
        """Report now; for news that must not wait for the next second."""
        if self._update is not None:
            self._update()
        self._diagnostics.publish(self._health.report())


def _plain(figures: Mapping[str, object]) -> dict[str, str]:
    return {name: plain(value) for name, value in figures.items()}
