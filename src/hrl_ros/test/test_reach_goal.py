"""A goal that is accepted is one of the episode that runs just then, whenever the server gets round to it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hrl_core.task.text import load_task
from hrl_msgs.action import ReachGoal
from hrl_ros.loop import reach_goal

GOAL = [8.0, 4.0]


@pytest.fixture
def offered(monkeypatch) -> tuple[dict[str, Any], Any]:
    """Callbacks of the action server, and the course that it follows."""
    callbacks: dict[str, Any] = {}
    monkeypatch.setattr(reach_goal, "ActionServer", lambda *_, **given: callbacks.update(given))
    goals: list[Any] = []
    task = load_task("ant_maze")
    runner = SimpleNamespace(spec=task, check_goal=task.check_goal, set_goal=goals.append)
    observation = SimpleNamespace(success=False, achieved_goal=np.zeros(2), desired_goal=np.array(GOAL))
    course: Any = SimpleNamespace(runner=runner, observation=observation, finished=False, between_episodes=False)
    node: Any = SimpleNamespace(active=True, every=lambda *_: None, get_logger=lambda: None)
    callbacks["server"] = reach_goal.ReachGoalServer(node, course)
    return callbacks, course


def accepted(callbacks: dict[str, Any], number: int) -> Any:
    """A goal that the server has accepted and not begun to execute."""
    told: list[str] = []
    handle = SimpleNamespace(
        goal_id=SimpleNamespace(uuid=bytes([number])),
        request=ReachGoal.Goal(goal=GOAL),
        execute=lambda: told.append("executing"),
        abort=lambda: told.append("aborted"),
        told=told,
    )
    callbacks["handle_accepted_callback"](handle)
    return handle


def test_an_episode_that_ends_before_a_goal_is_executed_ends_its_pursuit(offered) -> None:
    callbacks, course = offered
    handle = accepted(callbacks, 1)
    course.cut_off()
    result = asyncio.run(callbacks["execute_callback"](handle))
    assert (result.end_reason, handle.told) == (ReachGoal.Result.EPISODE_ENDED, ["executing", "aborted"])


def test_a_newer_goal_replaces_one_that_is_yet_to_be_executed(offered) -> None:
    callbacks, course = offered
    older, newer = accepted(callbacks, 1), accepted(callbacks, 2)
    course.cut_off()
    ends = [asyncio.run(callbacks["execute_callback"](handle)).end_reason for handle in (older, newer)]
    assert ends == [ReachGoal.Result.REPLACED, ReachGoal.Result.EPISODE_ENDED]
