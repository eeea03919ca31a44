"""A robot is sent to its start when it may be, and not before."""

from types import SimpleNamespace
from typing import Any

import pytest

from hrl_core.control.safety import SafetyLayer, joint_limits
from hrl_core.task.text import load_task
from hrl_robot.placing import Placing
from hrl_robot.robot_config import OperatorConfig

TASK = load_task("ant_maze")


class Robot:
    """One that has a service for its placing, and an episode that waits for it."""

    def __init__(self) -> None:
        self.sent, self.begun = 0, 0
        self.safety = SafetyLayer(joint_limits(TASK), timeout=1.0)
        node: Any = SimpleNamespace(create_client=lambda *_: self, create_service=lambda *_: None)
        port: Any = SimpleNamespace(silence=(0.0, "joint_states"), joints=SimpleNamespace(count=100))
        course: Any = SimpleNamespace(waiting=True, finished=False, begin=self._begin)
        config = OperatorConfig(place_service="hardware/place", start="automatic")
        self.placing = Placing(node, config, port, self.safety, course, lambda: True)
        self.placing.ask(None, None)

    def service_is_ready(self) -> bool:
        return True

    def call_async(self, _request: object) -> Any:
        self.sent += 1
        return SimpleNamespace(done=lambda: False)

    def _begin(self, _seed: object, _goal: object) -> None:
        self.begun += 1


@pytest.mark.parametrize("stopped_before", [True, False])
def test_a_robot_that_is_stopped_is_sent_nowhere_until_it_is_released(stopped_before: bool) -> None:
    robot = Robot()
    if not stopped_before:
        robot.placing.poll()
    sent = robot.sent
    robot.safety.stop("a person")
    for _ in range(5):
        robot.placing.poll()
    assert (robot.sent, robot.begun) == (sent, 0)
    assert "release_emergency_stop" in robot.placing.waiting_for
    assert robot.placing.awaits_operator
    robot.safety.release()
    robot.placing.poll()
    assert robot.sent == sent + 1
