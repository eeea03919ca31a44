"""A robot is sent to its start when it may be, and not before."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from std_srvs.srv import Trigger

from hrl_core.control.safety import SafetyLayer, joint_limits
from hrl_core.task.text import load_task
from hrl_robot.placing import Placing
from hrl_robot.robot_config import OperatorConfig

TASK = load_task("ant_maze")


class Robot:
    """One that has a service for its placing, and an episode that waits for it."""

    def __init__(self, start: str = "automatic", stop_service: str = "hardware/stop") -> None:
        self.sent, self.begun, self.stopped = 0, 0, 0
        self.answered = False
        self.safety = SafetyLayer(joint_limits(TASK), timeout=1.0)
        node: Any = SimpleNamespace(create_client=self._client, create_service=self._offer, active=True)
        self.errors: list[str] = []
        node.get_logger = lambda: SimpleNamespace(error=self.errors.append)
        self.counts = {"joint_states": 100, "kettle": 7}
        self.port: Any = Mock(silence=(0.0, "joint_states"))
        type(self.port).counts = property(lambda _: dict(self.counts))
        self.course: Any = SimpleNamespace(waiting=True, finished=False, paused=False, begin=self._begin)
        config = OperatorConfig("hardware/place", stop_service, start=start)
        self.placing = Placing(node, config, self.port, self.safety, self.course, lambda: True)
        self.placing.ask(5, None)

    def go(self) -> Trigger.Response:
        """An operator's word."""
        return self._start(Trigger.Request(), Trigger.Response())

    def polls(self) -> None:
        for _ in range(5):
            self.counts = {name: count + 1 for name, count in self.counts.items()}
            self.placing.poll()

    def _offer(self, _kind: object, _name: object, callback: Any) -> None:
        self._start = callback

    def _client(self, _kind: object, name: str) -> Any:
        call = self._stop if name.endswith("stop") else self._place
        return SimpleNamespace(service_is_ready=lambda: True, call_async=call)

    def _place(self, _request: object) -> Any:
        self.sent += 1
        return SimpleNamespace(done=lambda: self.answered, result=lambda: Trigger.Response(success=True))

    def _stop(self, _request: object) -> None:
        self.stopped += 1

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
    assert robot.stopped == sent, "who was on the way is stopped, once"
    assert robot.sent == max(1, sent), "who has not said that it has stopped is not sent again"
    robot.answered = True
    robot.polls()
    robot.polls()
    assert (robot.sent, robot.begun) == (sent + 1, 1)


@pytest.mark.parametrize("placed_before", [True, False])
def test_a_paused_robot_is_sent_nowhere_and_is_placed_anew_afterwards(placed_before: bool) -> None:
    robot = Robot()
    robot.answered = placed_before
    robot.placing.poll()
    if placed_before:
        robot.placing.poll()
    robot.course.paused, robot.answered = True, True
    robot.polls()
    assert (robot.sent, robot.begun) == (1, 0)
    assert "set_paused" in robot.placing.waiting_for
    robot.course.paused = False
    robot.polls()
    robot.polls()
    assert (robot.sent, robot.begun) == (2, 1)


def test_what_was_prepared_does_not_count_once_the_bridge_was_inactive() -> None:
    robot = Robot(start="service")
    robot.answered = True
    assert robot.go().success
    robot.placing.interrupt()
    robot.polls()
    assert (robot.sent, robot.begun) == (0, 0)
    assert robot.go().success
    robot.polls()
    assert (robot.sent, robot.begun) == (1, 1)
    robot.placing.interrupt()
    assert robot.stopped == 0


def test_a_robot_on_its_way_may_take_its_time_and_people_are_told_where_nobody_can_stop_it() -> None:
    robot = Robot()
    assert not robot.placing.under_way
    robot.polls()
    assert robot.placing.under_way
    robot.placing.interrupt()
    robot.placing.interrupt()
    assert (robot.stopped, robot.errors) == (1, [])
    robot.answered = True
    robot.polls()
    assert not robot.placing.under_way
    robot = Robot(stop_service="")
    robot.polls()
    robot.placing.interrupt()
    robot.placing.interrupt()
    assert robot.stopped == 0
    (said,) = robot.errors
    assert "nobody here can stop it" in said


def test_an_episode_begins_when_every_stream_has_told_of_the_start() -> None:
    robot = Robot()
    robot.answered = True
    robot.polls()
    assert robot.begun == 1
    robot.placing.ask(6, None)
    for _ in range(9):
        robot.counts["joint_states"] += 1
        robot.placing.poll()
    assert robot.begun == 1, "the kettle stands where the last episode left it, for all that is known"
    robot.counts["kettle"] += 1
    robot.placing.poll()
    assert robot.begun == 2


def test_an_operator_s_word_counts_from_the_end_of_the_pause() -> None:
    robot = Robot(start="service")
    robot.answered = True
    assert robot.go().success
    robot.course.paused = True
    robot.polls()
    refused = robot.go()
    assert (refused.success, "the run is paused" in refused.message) == (False, True)
    robot.course.paused = False
    robot.polls()
    assert (robot.sent, robot.begun) == (0, 0)
    assert "start_episode" in robot.placing.waiting_for
    assert robot.go().success
    robot.polls()
    assert (robot.sent, robot.begun) == (1, 1)


def test_what_an_episode_was_asked_for_with_is_known_after_it_has_begun() -> None:
    robot = Robot()
    robot.answered = True
    robot.polls()
    assert (robot.begun, robot.placing.asked) == (1, (5, None))
