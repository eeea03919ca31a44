"""Dashboard node: one line at a time on how a learning loop goes, for people or for the launcher's live table."""

import sys
import time
from dataclasses import dataclass
from functools import partial

from diagnostic_msgs.msg import DiagnosticArray

from hrl_core.training.recordings.plain_values import text_list
from hrl_msgs import msg
from hrl_ros import qos, topics
from hrl_ros.diagnostics import HealthReports
from hrl_ros.health import Health
from hrl_ros.node import HrlNode
from hrl_ros.parameters import NodeParameters, parameter
from hrl_ros.running import main_of
from hrl_training.progress import Progress, as_json, as_text


@dataclass(frozen=True)
class DashboardParameters(NodeParameters):
    """What the dashboard takes."""

    robots: str = parameter("", "namespaces of the robots, separated by commas")
    trainer: str = parameter("trainer", "name of the trainer node, in the dashboard's namespace")
    period: float = parameter(5.0, "seconds between lines", low=0.1)
    json: bool = parameter(False, "lines for a program: one JSON object each")


class DashboardNode(HrlNode):
    """Only looks."""

    niceness = 15

    def __init__(self) -> None:
        """Declare parameters."""
        super().__init__("dashboard", DashboardParameters)

    def setup(self) -> None:
        """Listen to robots and trainer."""
        self._settings = p = self.read_parameters(DashboardParameters)
        robots = [name.strip("/") for name in text_list(p.robots)]
        self._progress = Progress(robots)
        self._workers = {f"{robot}/worker": robot for robot in robots}
        self._trainer = f"{self.get_namespace().rstrip('/')}/{p.trainer}".lstrip("/")
        for robot in robots:
            top = f"/{robot}/"
            self.subscribe(
                msg.EpisodeResult, top + topics.EPISODE_RESULT, partial(self._on_result, robot), qos.onlooker(100)
            )
            self.subscribe(msg.SimStatus, top + topics.SIM_STATUS, partial(self._on_status, robot), qos.latched())
        self.subscribe(msg.PolicyUpdate, topics.POLICY_UPDATE, self._on_policy_update, qos.latched(qos.RIVALS))
        self.subscribe(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, qos.onlooker(100))
        self._health = Health(p.diagnostics)
        self._health.doing = "telling"
        self._reports = HealthReports(self, self._health)
        self.every(p.period, self._tell)

    def _on_result(self, robot: str, result: msg.EpisodeResult) -> None:
        self._progress.episode(robot, result.success)

    def _on_status(self, robot: str, status: msg.SimStatus) -> None:
        self._progress.status(robot, status.reached_step, status.paused, time.monotonic())

    def _on_policy_update(self, update: msg.PolicyUpdate) -> None:
        self._progress.announced = max(self._progress.announced, update.version)

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            figures = {entry.key: entry.value for entry in status.values}
            if status.name == self._trainer:
                self._progress.trainer(status.message, figures)
            elif status.name in self._workers and "policy version" in figures:
                self._progress.acted(self._workers[status.name], int(figures["policy version"]))

    def _tell(self) -> None:
        row = self._progress.row()
        sys.stdout.write((as_json(row) if self._settings.json else as_text(row)) + "\n")
        sys.stdout.flush()


main = main_of(DashboardNode)
